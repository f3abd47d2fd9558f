"""One search over all mail says whether it went out, and one press sends a notice again."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import send_mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from accounts.failing import mark_doubted
from booking.desk.mail import messages
from booking.outbox import remedies
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.places.models import Booking
from booking.site.wording import clock, short_day
from tests.factories import make_coordinator, make_course, make_person, make_session, morning
from tests.pages import said
from tests.people import book_now, give_up, signed_in

pytestmark = pytest.mark.django_db

State = Message.State


@pytest.fixture
def coordinator() -> Client:
    return signed_in(make_coordinator(first_name="Cora", last_name="Lane"))


def booked(first_name: str, last_name: str, email: str, *, title: str, reference: str) -> Message:
    """The confirmation of somebody's booking."""
    session = make_session(
        course=make_course(title=title), reference=reference, starts_at=morning(30)
    )
    person = make_person(email, first_name=first_name, last_name=last_name)
    return Message.objects.get(booking=book_now(session, person))


def found(client: Client, query: str) -> list[Message]:
    page = client.get(reverse("manage_messages"), {"q": query})
    assert page.status_code == 200
    return list(page.context["page_obj"])


def test_one_search_looks_through_all_states_and_says_which(coordinator: Client) -> None:
    first = booked("Maja", "Zielińska", "maja@agency.example", title="Neglect", reference="NEG-7")
    at = timezone.now() - timedelta(minutes=30)
    rows = [first]
    states: list[dict[str, Any]] = [
        {"state": State.SENT, "sent_at": at},
        {"state": State.SENT, "sent_at": at, "bounced_at": at, "last_error": "Mailbox full"},
        {"state": State.PARKED, "last_error": "550 No"},
        {"state": State.DROPPED},
    ]
    for number, fields in enumerate(states):
        copy = Message.objects.get(pk=first.pk)
        copy.pk, copy.revision, copy.message_id = None, f"copy {number}", f"<{number}@x>"
        for name, value in fields.items():
            setattr(copy, name, value)
        copy.save(force_insert=True)
        rows.append(copy)
    page = coordinator.get(reverse("manage_messages"), {"q": "zielinska"})
    assert list(page.context["page_obj"]) == rows[::-1]
    words = " ".join(page.content.decode().split())
    said = '<span class="app-quiet govuk-!-text-break-word">“{}”</span>'
    full = f"The mailbox is full.<br>{said.format('Mailbox full')}"
    for tag, said_then in (
        ("Sent", f" {clock(at)}, {short_day(at)}"),
        ("Came back", f" {clock(at)}, {short_day(at)} <br> {full}"),
        ("Parked", " <br> The mail server refuses it; the address may be right."),
        ("Waiting", ""),
        ("Dropped", ""),
    ):
        assert f">{tag}</span>{said_then}" in words, tag


def test_mail_is_found_by_name_address_subject_and_reference(coordinator: Client) -> None:
    lucja = booked("Łucja", "O’Brien", "l.ob@agency.example", title="Neglect", reference="NEG-7")
    adam = booked("Adam", "Žák", "adam@other.example", title="Consent", reference="CON-1")
    assert adam.booking is not None
    give_up(adam.booking, now=timezone.now())
    gone = Message.objects.get(topic="booking.cancelled")
    send_mail("Your code", "BCD-FGH", None, ["adam@other.example", "l.ob@agency.example"])
    _, of_lucja = Message.objects.filter(topic=ACCOUNT_MAIL).order_by("pk")
    Message.objects.filter(pk=lucja.pk).update(to_email="typo@agency.example")
    for query, rows in (
        ("lucja", [of_lucja, lucja]),
        ("OBRIEN łuc", [of_lucja, lucja]),
        ("typo@agency", [lucja]),
        ("l.ob@agency.example", [of_lucja, lucja]),
        ("neg-7", [lucja]),
        ("consent", [gone, adam]),
        ("cancellation", [gone]),
        ("zak cancellation", [gone]),
        ("zak confirmation", [adam]),
        ("booked: consent", [adam]),
        ("zak neglect", []),
        ("BCD-FGH", []),
        ("%_'", []),
    ):
        assert found(coordinator, query) == rows, query


def test_of_more_mail_than_anybody_looks_through_the_first_is_shown(
    coordinator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MOST_SHOWN", 2)
    session = make_session(starts_at=morning(40), reference="NEG-7")
    many = [make_person(f"q{number}@agency.example", last_name="Quill") for number in range(3)]
    told = [Message.objects.get(booking=book_now(session, each)) for each in many]
    for query in ("quill", "neg-7", "confirmation", "quill confirmation"):
        assert found(coordinator, query) == [told[2], told[1]], query
    page = coordinator.get(reverse("manage_messages"), {"q": "quill", "show": "waiting"})
    assert list(page.context["page_obj"]) == told[:2]
    assert "More than 2 messages, of which these are the oldest: type more words" in page.text
    assert "More than 2 messages" in coordinator.get(reverse("manage_messages")).text
    page = coordinator.get(reverse("manage_messages"), {"q": "q1@agency"})
    assert "1 message, newest first" in page.text


def test_a_search_costs_the_same_however_much_mail_there_is(
    coordinator: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    booked("Ada", "Quill", "ada@agency.example", title="Neglect", reference="NEG-7")
    found(coordinator, "quill")
    with django_assert_max_num_queries(30) as few:
        found(coordinator, "quill")
    session = make_session(starts_at=morning(40))
    for number in range(4):
        book_now(session, make_person(f"q{number}@agency.example", last_name="Quill"))
    with django_assert_max_num_queries(len(few)):
        assert len(found(coordinator, "quill")) == 5


def test_a_confirmation_is_sent_again_from_the_booking_with_one_press(coordinator: Client) -> None:
    message = booked("Ada", "Quill", "ada@agency.example", title="Neglect", reference="NEG-7")
    booking = message.booking
    assert booking is not None
    again = reverse("manage_message_again", args=[message.pk])
    page = reverse("booking", args=[booking.pk])
    assert again not in coordinator.get(page).content.decode()
    Message.objects.update(state=State.SENT, sent_at=timezone.now())
    assert again in coordinator.get(page).content.decode()
    assert again not in signed_in(booking.person).get(page).content.decode()
    answer = coordinator.post(again, {"back": "booking"})
    assert answer.headers["Location"] == page
    assert "Confirmation: sent again to ada@agency.example." in said(answer)
    new = Message.objects.latest("pk")
    assert (new.topic, new.state, new.booking) == ("booking.confirmed", State.WAITING, booking)
    shown = coordinator.get(reverse("manage_message", args=[message.pk])).content.decode()
    assert "Sent again by Cora Lane" in shown
    assert f"As message {new.pk}." in shown
    assert "Settle that one first" in said(coordinator.post(again))


def test_what_is_not_so_any_more_is_refused_with_the_reason(coordinator: Client) -> None:
    message = booked("Ada", "Quill", "ada@agency.example", title="Neglect", reference="NEG-7")
    booking = message.booking
    assert booking is not None
    give_up(booking, now=timezone.now())
    Message.objects.update(state=State.SENT, sent_at=timezone.now())
    before = Message.objects.count()
    answer = coordinator.post(f"{reverse('manage_message', args=[message.pk])}again/")
    assert "the booking stands as “Cancelled” now" in said(answer)
    assert Message.objects.count() == before


def test_a_code_is_not_offered_to_be_sent_again(coordinator: Client) -> None:
    send_mail("Your code", "BCD-FGH", None, ["ada@agency.example"])
    Message.objects.update(state=State.SENT)
    address = reverse("manage_message", args=[Message.objects.get().pk])
    context: Any = coordinator.get(address).context
    assert not context["can_go_again"]
    answer = coordinator.post(f"{address}again/")
    assert "can ask for a new one" in said(answer)
    assert Message.objects.count() == 1
    assert not Booking.objects.exists()


def test_mail_that_may_have_come_back_says_so_in_the_list(coordinator: Client) -> None:
    message = booked("Ada", "Quill", "ada@agency.example", title="Neglect", reference="NEG-7")
    Message.objects.update(state=State.SENT, sent_at=timezone.now())
    tag = '<span class="govuk-tag govuk-tag--orange">May have come back</span>'
    assert message.booking is not None
    pages = [
        f"{reverse('manage_messages')}?q=quill",
        f"{reverse('manage_messages')}?show=doubted",
        reverse("manage_message", args=[message.pk]),
        reverse("manage_person", args=[message.recipient_id]),
        reverse("manage_session_people", args=[message.booking.session_id]),
    ]
    for address in pages:
        assert tag not in coordinator.get(address).content.decode(), address
    remedies.note_doubt(message=message, reason="550 No", now=timezone.now())
    for address in pages:
        page = coordinator.get(address).content.decode()
        assert tag in page, address
        assert '<span class="govuk-tag govuk-tag--green">Sent</span>' not in page, address
        assert ("“550 No”" in page) == ("/sessions/" not in address), address
    own = coordinator.get(reverse("booking", args=[message.booking_id])).content.decode()
    assert own.count("but it may have come back") == 2


@pytest.mark.parametrize("done", ["it works", "sent again"])
def test_mail_that_was_looked_after_no_longer_may_have_come_back(
    coordinator: Client, done: str
) -> None:
    message = booked("Ada", "Quill", "ada@agency.example", title="Neglect", reference="NEG-7")
    Message.objects.update(state=State.SENT, sent_at=timezone.now())
    remedies.note_doubt(message=message, reason="550 No", now=timezone.now())
    assert message.recipient is not None
    if done == "sent again":
        coordinator.post(f"{reverse('manage_message', args=[message.pk])}again/")
    else:
        mark_doubted(email=message.to_email, why="550 No", now=timezone.now())
        works = reverse("manage_address_works", args=[message.recipient.pk])
        coordinator.post(works, {"why": "They rang."})
        assert message.events.latest("pk").why == "They rang."
    page = coordinator.get(f"{reverse('manage_messages')}?q=quill").content.decode()
    assert "Quill" in page
    assert "May have come back</span>" not in page
    doubted = coordinator.get(f"{reverse('manage_messages')}?show=doubted")
    assert list(doubted.context["page_obj"]) == []
