"""Coordinators' page of mail that needs reading."""

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from accounts.models import User
from booking.outbox.models import MessageEvent
from booking.replies.actions import note_mailbox
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in
from booking.replies.models import ReceivedMail
from booking.site.wording import deadline, short_day
from tests.factories import NOW, make_person, make_trainer
from tests.people import signed_in
from tests.replies import letters
from tests.replies.receiving import people_whose_mail_fails, sent_confirmation

pytestmark = pytest.mark.django_db


def listed(mail: bytes) -> ReceivedMail:
    assert not take_in(Fetched(raw=mail, is_whole=True), now=NOW)
    return ReceivedMail.objects.get(state=ReceivedMail.State.LISTED)


def test_what_needs_reading_is_shown_until_somebody_has_read_it(coordinator: Client) -> None:
    mail = letters.question().replace(b"someone@agency", b"<b>someone@agency")
    received = listed(mail)
    page = coordinator.get(reverse("manage_received")).content.decode()
    assert "Café nearby?" in page
    assert "not an answer from a calendar" in page
    home = coordinator.get(reverse("manage")).content.decode()
    assert 'Mail that needs reading</a> <span class="app-lines__number">1<' in home
    settle = reverse("manage_received_settle", args=[received.pk])
    assert coordinator.get(settle).status_code == 405
    coordinator.post(settle)
    coordinator.post(settle)
    received.refresh_from_db()
    assert received.state == ReceivedMail.State.SETTLED
    assert received.settled_by is not None
    assert (received.from_address, received.subject) == ("", "")
    assert "Nothing needs reading." in coordinator.get(reverse("manage_received")).content.decode()
    # It may be looked at once more, and is done with then.
    assert take_in(Fetched(raw=mail, is_whole=True), now=NOW)


def test_what_was_put_away_is_counted_listed_and_brought_back(coordinator: Client) -> None:
    message = sent_confirmation()
    assert message.booking is not None
    now = timezone.now()
    assert take_in(Fetched(letters.holiday_notice(message.booking), is_whole=True), now=now)
    address = reverse("manage_received")
    page = coordinator.get(address, {"show": "notice"}).content.decode()
    assert "Automatic replies (1)" in page
    assert "Automatic reply: Neglect" in page
    assert "Automatic replies</h2>" in page
    assert "Understood and put away in the last 30 days</h2>" in page
    others = coordinator.get(address, {"show": "report"}).content.decode()
    assert "Automatic reply: Neglect" not in others
    received = ReceivedMail.objects.get()
    back = reverse("manage_received_bring_back", args=[received.pk])
    assert back in page
    assert "From there it can be put away again" in coordinator.get(back).content.decode()
    received.refresh_from_db()
    assert received.state == ReceivedMail.State.DONE
    coordinator.post(back)
    page = coordinator.get(address).content.decode()
    assert "Needs reading (1)" in page
    received.refresh_from_db()
    at = received.brought_back_at
    assert at is not None
    assert f"Brought back by {User.objects.get(is_coordinator=True)} at {deadline(at)}." in page
    assert "Automatic replies (0)" in page
    assert "It is not put away" in coordinator.get(back).content.decode()


def test_a_listed_report_leads_to_the_message_and_the_person(coordinator: Client) -> None:
    message = sent_confirmation()
    sender = make_person("colleague@agency.example")
    listed(
        letters.crlf(
            "From: Colleague <colleague@agency.example>\nSubject: Fwd: look\n\nWhat is this?\n\n"
            f"Final-Recipient: rfc822; {message.to_email}\nAction: failed\nStatus: 5.1.1\n\n"
            f"Message-ID: {message.message_id}\n"
        )
    )
    page = coordinator.get(reverse("manage_received")).content.decode()
    assert "it is not sure that a mail server says so" in page
    assert f'href="{reverse("manage_message", args=[message.pk])}">Confirmation<' in page
    for person in (message.recipient, sender):
        assert person is not None
        assert f'href="{reverse("manage_person", args=[person.pk])}">{person}</a>' in page


def test_the_list_of_answers_says_who_answered_what_to_which_session(coordinator: Client) -> None:
    message = sent_confirmation()
    booking = message.booking
    assert booking is not None
    now = timezone.now()
    assert take_in(Fetched(letters.google_reply(booking, "DECLINED"), is_whole=True), now=now)
    address = reverse("manage_received")
    page = coordinator.get(address, {"show": "answer"}).content.decode()
    person = reverse("manage_person", args=[booking.person_id])
    [sitting] = booking.session.sittings.all()
    day = short_day(sitting.starts_at)
    assert f'<strong>Declined</strong> by <a class="govuk-link" href="{person}">' in page
    assert f'href="{booking.get_absolute_url()}">{booking.session.course.title}, {day}<' in page
    assert "This gives up no place." in page


def test_the_lists_cost_the_same_however_long_they_are(
    coordinator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    def come(number: int) -> None:
        message = sent_confirmation()
        assert message.booking is not None
        own = f"<{number}@mx.example>"
        for mail in (
            letters.google_reply(message.booking, "ACCEPTED", message_id=own),
            letters.notification(message.message_id, recipient=message.to_email, own_id=own),
            letters.notification("<no@x.example>", recipient=message.to_email, own_id=own),
        ):
            take_in(Fetched(mail, is_whole=True), now=timezone.now())

    come(0)
    shows = ("listed", "answer", "report")
    few = []
    for show in shows:
        with django_assert_max_num_queries(40) as asked:
            coordinator.get(reverse("manage_received"), {"show": show})
        few.append(len(asked))
    for number in range(1, 4):
        come(number)
    for show, most in zip(shows, few, strict=True):
        with django_assert_max_num_queries(most):
            page = coordinator.get(reverse("manage_received"), {"show": show})
        assert len(page.context["rows"]) == 4


def test_a_mail_that_may_have_come_back_is_shown(coordinator: Client) -> None:
    message = sent_confirmation()
    listed(letters.notification("<other@mx.example>", recipient=message.to_email))
    told = {"manage_received": f"Mail to {message.to_email} may have come back"}
    for name, words in (
        told | {"manage_addresses": "It is not sure that a mail server says so:"}
    ).items():
        page = coordinator.get(reverse(name)).content.decode()
        assert words in page
        assert message.to_email in page
    assert message.recipient is not None
    theirs = coordinator.get(reverse("manage_person", args=[message.recipient.pk]))
    assert ">Mail may fail</dt>" in theirs.content.decode()
    own = signed_in(message.recipient).get(reverse("account_profile")).content.decode()
    assert f"Mail to {message.to_email} may have come back" in own
    assert "No such person" not in own


def test_text_of_strangers_is_only_text(coordinator: Client) -> None:
    listed(
        b"From: <script>@b.example\r\nSubject: =?utf-8?b?"
        b"PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0PgDigK4=?=\r\n\r\nx"
    )
    page = coordinator.get(reverse("manage_received")).content.decode()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script>alert" not in page
    assert "\u202e" not in page


def test_the_page_says_how_the_mailbox_is(coordinator: Client, settings: Settings) -> None:
    address = reverse("manage_received")
    settings.REPLIES_MAILBOX = None
    assert "No reply mailbox is read" in coordinator.get(address).content.decode()
    settings.REPLIES_MAILBOX = object()
    now = timezone.now()
    note_mailbox(trouble="", now=now - timedelta(hours=1))
    assert "The mailbox was last read at" in coordinator.get(address).content.decode()
    note_mailbox(trouble="LoginError: no", now=now)
    page = coordinator.get(address).content.decode()
    assert "We have not been able to read the reply mailbox since" in page
    assert "LoginError: no" in page


def test_to_everybody_but_coordinators_the_page_does_not_exist() -> None:
    received = listed(letters.question())
    failing = make_person(mail_failing_since=NOW)
    addresses = (
        reverse("manage_received"),
        reverse("manage_received_settle", args=[received.pk]),
        reverse("manage_addresses"),
        reverse("manage_address_works", args=[failing.pk]),
    )
    for person in (make_person(), make_trainer(), make_person(is_staff=True)):
        client = signed_in(person)
        for address in addresses:
            assert client.get(address).status_code == 404
            assert client.post(address).status_code == 404
    for address in addresses:
        assert Client().get(address).headers["Location"].startswith("/accounts/login/")
    assert ReceivedMail.objects.get().state == ReceivedMail.State.LISTED


def test_a_coordinator_says_that_an_address_works(coordinator: Client) -> None:
    message = sent_confirmation()
    report = letters.notification(message.message_id, recipient=message.to_email)
    take_in(Fetched(raw=report, is_whole=True), now=timezone.now())
    person = people_whose_mail_fails().get()
    page = coordinator.get(reverse("manage_addresses")).content.decode()
    assert person.email in page
    assert "There is no such address, or nobody uses it any more." in page
    assert "“5.1.1 550 5.1.1 No such person”" in page
    home = coordinator.get(reverse("manage")).content.decode()
    assert 'Addresses that fail</a> <span class="app-lines__number">1<' in home
    works = reverse("manage_address_works", args=[person.pk])
    assert coordinator.post(works, {"why": ""}).status_code == 422
    assert coordinator.post(works, {"why": "They rang."}).status_code == 302
    assert not people_whose_mail_fails().exists()
    event = message.events.last()
    assert event is not None
    assert (event.what, event.why) == (MessageEvent.What.ADDRESS_WORKS, "They rang.")
    assert event.by is not None
    assert coordinator.get(works).status_code == 404


def test_nonsense_is_no_server_error(coordinator: Client) -> None:
    assert coordinator.get(reverse("manage_received"), {"page": "x\0"}).status_code == 200
    missing = f"/manage/received/{'9' * 30}/settle/"
    assert coordinator.post(missing).status_code == 404
