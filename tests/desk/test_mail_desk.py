"""The delivery desk: what coordinators see of the mail, and what they do about it."""

from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
from django.core.mail import send_mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from accounts.actions import reminders_path
from booking.catalogue.models import Session
from booking.mail.composing import compose
from booking.mail.letters import Letter, write
from booking.outbox.models import ACCOUNT_MAIL, Message, MessageEvent
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in
from booking.site.wording import deadline
from tests.factories import make_coordinator, make_person, make_session, make_trainer, morning
from tests.pages import said
from tests.people import book_now, give_up, signed_in
from tests.replies.letters import google_reply

pytestmark = pytest.mark.django_db

State = Message.State


@pytest.fixture
def coordinator() -> Client:
    return signed_in(make_coordinator(first_name="Cora", last_name="Lane"))


def with_people(*, booked: int, **fields: Any) -> Session:
    session = make_session(starts_at=morning(30), **fields)
    for _ in range(booked):
        book_now(session)
    return session


def sent(message: Message, **fields: Any) -> Message:
    """The message as delivery leaves it."""
    mime = compose([message])[message.pk]
    Message.objects.filter(pk=message.pk).update(
        **{"state": State.SENT, "mime": mime, "handed_over": True, "sent_at": timezone.now()}
        | fields
    )
    message.refresh_from_db()
    return message


def test_messages_are_found_by_state(coordinator: Client) -> None:
    with_people(booked=6)
    parked, waiting, again, back, arrived, dropped = Message.objects.order_by("pk")
    now = timezone.now()
    for message, fields in (
        (parked, {"state": State.PARKED, "last_error": "550 No such mailbox <b>"}),
        (again, {"last_error": "450 Try later"}),
        (back, {"state": State.SENT, "bounced_at": now}),
        (arrived, {"state": State.SENT}),
        (dropped, {"state": State.DROPPED}),
    ):
        Message.objects.filter(pk=message.pk).update(**fields)
    for show, rows in {
        "": [parked, waiting, again],
        "parked": [parked],
        "waiting": [waiting],
        "retrying": [again],
        "returned": [back],
        "sent": [arrived],
        "given-up": [dropped],
        "nonsense": [parked, waiting, again],
    }.items():
        page = coordinator.get(reverse("manage_messages"), {"show": show})
        assert list(page.context["page_obj"]) == rows, show
    page = coordinator.get(reverse("manage_messages"))
    assert "550 No such mailbox &lt;b&gt;" in page.content.decode()


def test_messages_are_found_by_person_and_session(coordinator: Client) -> None:
    with_people(booked=2, reference="AUT-1")
    with_people(booked=1, reference="AUT-2")
    first, second, third = Message.objects.order_by("pk")
    assert second.recipient is not None
    for query, rows in (
        ({"q": first.to_email.upper()}, [first]),
        ({"q": f"{second.recipient.first_name} ahmed"}, [second]),
        ({"q": "ahmed nobody"}, []),
        ({"session": "aut-1"}, [second, first]),
        ({"session": "AUT-2", "q": "ahmed"}, [third]),
        ({"session": "x\0y", "q": "\0%_'", "page": "-9", "show": "\0"}, []),
    ):
        page = coordinator.get(reverse("manage_messages"), query)
        assert page.status_code == 200
        assert list(page.context["page_obj"]) == rows, query


def test_mail_about_no_booking_is_found_too(coordinator: Client) -> None:
    trainer = make_trainer()
    session = with_people(booked=0, reference="AUT-3", trainers=[trainer])
    about: dict[str, Any] = {"due_at": timezone.now(), "subject_key": f"session:{session.pk}"}
    told = [
        Message.objects.create(
            topic=topic, stream=topic, message_id=topic, to_email=trainer.email, **about
        )
        for topic in ("trainer.assigned", "course.new_date")
    ]
    make_person("zoe.q@agency.example", first_name="Zoë", last_name="Quill")
    send_mail("Your code", "The code is BCD-FGH.", None, ["zoe.q@agency.example"])
    code = Message.objects.get(topic=ACCOUNT_MAIL)
    for query, rows in (
        ({"session": "aut-3"}, told[::-1]),
        ({"session": "AUT-4"}, []),
        ({"q": "quill zoë"}, [code]),
        ({"q": "quill nobody"}, []),
    ):
        page = coordinator.get(reverse("manage_messages"), query)
        assert list(page.context["page_obj"]) == rows, query
    address = reverse("manage_session", args=[session.pk])
    listed = coordinator.get(reverse("manage_messages"), {"session": "AUT-3"}).content.decode()
    assert listed.count(f'href="{address}">AUT-3</a>') == 2
    shown = coordinator.get(reverse("manage_message", args=[told[0].pk])).content.decode()
    assert f'{session.course.title}, <a class="govuk-link" href="{address}">AUT-3</a>' in shown


def test_a_link_to_stop_reminders_is_not_for_coordinators(coordinator: Client) -> None:
    with_people(booked=1)
    message = Message.objects.get()
    person = message.recipient
    assert person is not None
    path = reminders_path(person, since=timezone.now())
    token = path.split("/")[3]
    letter = Letter(
        sender="Briefed <training@briefed.example>",
        reply_to="training@briefed.example",
        to_name="Zoë",
        to_email=person.email,
        subject="Tomorrow",
        text=f"See you there.\nNo more: https://briefed.example{path} or write to us.\n",
        html=f'<p>Café. <a href="https://briefed.example{path}">No more</a></p>',
        message_id=message.message_id,
        written_at=timezone.now(),
    )
    Message.objects.update(mime=write(letter), state=State.SENT)
    page = coordinator.get(reverse("manage_message", args=[message.pk])).content.decode()
    assert "/accounts/reminders/[secret]/ or write" in page
    assert token not in page
    file = coordinator.get(reverse("manage_message_file", args=[message.pk])).content
    mail = message_from_bytes(file, policy=policy.default)
    parts = [part.get_content() for part in mail.walk() if part.get_content_maintype() == "text"]
    assert len(parts) == 2
    for each in parts:
        assert token not in each
        assert "/accounts/reminders/[secret]/" in each
    assert "Café" in parts[1]
    assert (mail["Message-ID"], mail["Subject"]) == (message.message_id, "Tomorrow")


def test_a_booking_of_many_dates_shows_its_confirmation_and_folds_the_dates(
    coordinator: Client,
) -> None:
    begin = timezone.now() + timedelta(days=30)
    dates = [(begin + timedelta(days=n), begin + timedelta(days=n, hours=3)) for n in range(6)]
    session = make_session(sittings=dates)
    booking = book_now(session)
    first = Message.objects.earliest("id")
    for number in range(6):
        copy = Message.objects.get(pk=first.pk)
        copy.pk, copy.topic = None, "reminder.days"
        copy.revision = copy.message_id = f"reminder {number}"
        copy.save(force_insert=True)
    address = reverse("booking", args=[booking.pk])
    words = " ".join(coordinator.get(address).content.decode().split())
    shown, _, folded = words.partition("Calendar entries of further dates: 5 messages")
    assert "Confirmation</a>: on its way since" in shown
    assert shown.count(">Reminder</a>") == 5
    assert folded.count("Calendar entry of a further date</a>") == 5
    assert shown.rpartition("<details")[2].startswith(' class="govuk-details" >')
    last = Message.objects.filter(topic="booking.further_date").latest("id")
    sent(last, bounced_at=timezone.now())
    words = " ".join(coordinator.get(address).content.decode().split())
    before, _, _ = words.partition("Calendar entries of further dates: 5 messages")
    assert before.rpartition("<details")[2].startswith(' class="govuk-details" open>')


def test_a_message_shows_what_it_says_and_can_be_downloaded(coordinator: Client) -> None:
    session = with_people(booked=1)
    message = sent(Message.objects.get())
    page = coordinator.get(reverse("manage_message", args=[message.pk])).content.decode()
    assert "accepted by the mail server" in page
    assert session.course.title in page
    assert message.message_id.strip("<>") in page
    assert "It brings a calendar entry." in page
    file = coordinator.get(reverse("manage_message_file", args=[message.pk]))
    assert file.content == bytes(message.mime or b"")
    assert file.headers["Content-Type"] == "message/rfc822"
    assert file.headers["Content-Disposition"].startswith("attachment")


def test_nobody_reads_a_sign_in_code(coordinator: Client) -> None:
    send_mail("Your code", "The code is BCD-FGH.", None, ["a@agency.example"])
    message = Message.objects.get()
    assert b"BCD-FGH" in bytes(message.mime or b"")
    for name in ("manage_message", "manage_messages", "manage_message_address"):
        address = reverse(name, args=[message.pk] if name != "manage_messages" else [])
        page = coordinator.get(address)
        assert page.status_code == 200
        assert "BCD-FGH" not in page.content.decode()
    assert coordinator.get(reverse("manage_message_file", args=[message.pk])).status_code == 404
    Message.objects.update(state=State.PARKED)
    typed = {"to_email": "me@agency.example", "why": "For me"}
    answer = coordinator.post(reverse("manage_message_address", args=[message.pk]), typed)
    assert answer.status_code == 422
    assert "is for this address only" in answer.content.decode()
    assert Message.objects.get().to_email == "a@agency.example"


def test_a_parked_message_is_sent_again_and_it_is_known_by_whom(coordinator: Client) -> None:
    with_people(booked=1)
    message = Message.objects.get()
    Message.objects.update(state=State.PARKED, attempts=3, last_error="550 No")
    address = reverse("manage_message_retry", args=[message.pk])
    assert "will be sent again" in said(coordinator.post(address))
    message.refresh_from_db()
    assert (message.state, message.attempts) == (State.WAITING, 0)
    page = coordinator.get(reverse("manage_message", args=[message.pk])).content.decode()
    assert "Sent again by Cora Lane" in page


def test_what_is_parked_for_one_reason_is_sent_again_at_once(coordinator: Client) -> None:
    with_people(booked=6)
    rows = list(Message.objects.order_by("pk"))
    for message, error in zip(
        rows,
        (
            "550 5.7.1 <a@agency.example>: Relay denied",
            "550 5.7.1 <b@agency.example>: Relay denied",
            "550 5.7.1 Relay denied",
            "550 5.1.1 No such person",
            "550 5.7.1 gave_up",
            "",
        ),
        strict=True,
    ):
        parked = {"state": State.PARKED, "attempts": 1, "last_error": error}
        Message.objects.filter(pk=message.pk).update(**(parked if error else {}))
    # One invites to a place that was given up, and its cancellation was dropped.
    gone = rows[4].booking
    assert gone is not None
    give_up(gone, now=timezone.now())
    Message.objects.filter(topic="booking.cancelled").update(state=State.DROPPED)

    message = rows[1]
    page = coordinator.get(reverse("manage_message", args=[message.pk])).content.decode()
    assert "Send all 4 messages parked for this reason again" in page
    address = reverse("manage_message_retry_alike", args=[message.pk])
    page = coordinator.get(address).content.decode()
    assert "4 messages to 4 addresses" in page
    assert "Send 4 messages again" in page
    assert not MessageEvent.objects.exists()
    assert "3 messages will be sent again." in said(coordinator.post(address))
    states = [Message.objects.get(pk=each.pk).state for each in rows]
    assert states == [*[State.WAITING] * 3, *[State.PARKED] * 2, State.WAITING]
    events = MessageEvent.objects.order_by("message_id")
    assert [each.message_id for each in events] == [each.pk for each in rows[:3]]
    assert {str(each.by) for each in events} == {"Cora Lane"}
    assert "on its way" in said(coordinator.post(address))
    assert "is not parked any more" in coordinator.get(address).content.decode()
    alone = coordinator.get(reverse("manage_message", args=[rows[3].pk])).content.decode()
    assert "parked for this reason" not in alone


def test_what_the_mail_server_accepted_is_not_sent_again(coordinator: Client) -> None:
    with_people(booked=1)
    message = sent(Message.objects.get())
    page = coordinator.get(reverse("manage_message", args=[message.pk]))
    assert not any(page.context[name] for name in ("can_retry", "can_correct", "can_drop"))
    assert page.context["can_go_again"]
    answer = coordinator.post(reverse("manage_message_retry", args=[message.pk]))
    assert "has accepted this message" in said(answer)
    message.refresh_from_db()
    assert message.state == State.SENT
    assert not MessageEvent.objects.exists()


def test_a_message_is_dropped_with_a_reason(coordinator: Client) -> None:
    with_people(booked=1)
    message = Message.objects.get()
    address = reverse("manage_message_drop", args=[message.pk])
    assert coordinator.post(address, {"why": ""}).status_code == 422
    assert "is dropped" in said(coordinator.post(address, {"why": "They left."}))
    message.refresh_from_db()
    assert message.state == State.DROPPED
    page = coordinator.get(reverse("manage_message", args=[message.pk])).content.decode()
    assert "Dropped by Cora Lane" in page
    assert "They left." in page


def test_a_message_that_is_being_sent_is_not_dropped(coordinator: Client) -> None:
    with_people(booked=1)
    message = Message.objects.get()
    Message.objects.update(state=State.SENDING)
    address = reverse("manage_message_drop", args=[message.pk])
    assert "is being sent at this moment" in said(coordinator.post(address, {"why": "They left."}))
    message.refresh_from_db()
    assert message.state == State.SENDING


def test_a_refused_message_is_sent_to_another_address(coordinator: Client) -> None:
    with_people(booked=1)
    message = Message.objects.get()
    refusal = {"last_error": "550 No such person", "handed_over": False}
    sent(message, state=State.PARKED, attempts=1, sent_at=None, **refusal)
    page = coordinator.get(reverse("manage_message", args=[message.pk]))
    assert page.context["can_correct"]
    address = reverse("manage_message_address", args=[message.pk])
    for wrong, sentence in (
        ("", "Enter an email address."),
        ("nonsense", "in the right form"),
        ("a\0@b.example", "an invisible character inside"),
        (message.to_email.upper(), "is the address the message has already"),
    ):
        answer = coordinator.post(address, {"to_email": wrong, "why": "Typing error"})
        assert answer.status_code == 422, wrong
        assert sentence in answer.content.decode()
        assert "Typing error" in answer.content.decode()
    typed = {"to_email": "right@agency.example", "why": "Typing error"}
    assert "1 message will be sent to right@agency.example" in said(
        coordinator.post(address, typed)
    )
    page = coordinator.get(reverse("manage_message", args=[message.pk]))
    words = page.content.decode()
    assert "Address corrected by Cora Lane" in words
    assert f"From {message.to_email} to right@agency.example. Typing error" in words


def test_a_page_says_that_mail_does_not_leave(coordinator: Client, settings: Settings) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    with_people(booked=1)
    places = (reverse("manage_messages"), reverse("manage"))
    for place in places:
        assert "Mail is not leaving" not in coordinator.get(place).content.decode()
    Message.objects.update(created_at=timezone.now() - timedelta(minutes=16))
    for place in places:
        page = coordinator.get(place).content.decode()
        said_so = "Mail is not leaving. The oldest message that could leave has waited 16 minutes."
        assert said_so in page
    # What waits for a coordinator says nothing about the mail server.
    Message.objects.update(state=State.PARKED)
    for place in places:
        assert "Mail is not leaving" not in coordinator.get(place).content.decode()
    desk = coordinator.get(reverse("manage_messages")).content.decode()
    assert "The oldest parked one was written at" in desk


def test_a_booking_tells_how_its_mail_is(coordinator: Client) -> None:
    with_people(booked=1)
    message = Message.objects.get()
    booking, person = message.booking, message.recipient
    assert booking is not None
    assert person is not None
    own = signed_in(person)
    address = reverse("booking", args=[booking.pk])

    def lines(client: Client) -> str:
        page = " ".join(client.get(address).content.decode().split())
        return page.partition("Mail about this booking")[2]

    assert "Confirmation: on its way since" in lines(own)
    sent_at = sent(message).sent_at
    assert sent_at is not None
    assert f"Confirmation: sent at {deadline(sent_at)}, accepted by the" in lines(own)
    assert reverse("manage_message", args=[message.pk]) not in lines(own)
    assert reverse("manage_message", args=[message.pk]) in lines(coordinator)
    sent(message, bounced_at=timezone.now())
    assert "but it did not arrive" in lines(own)
    receive = google_reply(booking, "DECLINED")
    assert take_in(Fetched(raw=receive, is_whole=True), now=timezone.now())
    assert "declined at" in lines(own)
    assert "this does not give up the place" in lines(coordinator)
