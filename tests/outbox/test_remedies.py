"""What is done about stuck messages: never the wrong mail, and always on record."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from booking.outbox import remedies
from booking.outbox.models import Message, MessageEvent
from booking.outbox.refusals import (
    CorrectedSince,
    Forgotten,
    MayHaveArrived,
    NotStuck,
    OnlyForItsRecipient,
    PlaceGone,
    ReplacedSince,
    SameAddress,
)
from booking.places.models import Booking
from tests.factories import NOW, make_coordinator, make_person, make_session
from tests.outbox import posting as outbox
from tests.outbox.mail_servers import mail_server

pytestmark = pytest.mark.django_db

State = Message.State
LATER = NOW + timedelta(hours=1)
NEW = "new@agency.example"


def post(name: str, *, stream: str = "a", **fields: Any) -> Message:
    """A message as it lies in the outbox, then changed as delivery would."""
    drafted = {key: fields.pop(key) for key in ("topic", "payload", "booking_id") if key in fields}
    message = outbox.post(name, stream=stream, to_email="old@agency.example", **drafted)
    Message.objects.filter(pk=message.pk).update(**fields)
    message.refresh_from_db()
    return message


def refused(name: str, **fields: Any) -> Message:
    """Parked, because the mail server said no."""
    return post(
        name, state=State.PARKED, mime=b"x", handed_over=False, last_error="550 No", **fields
    )


def correct(message: Message, to_email: str = NEW) -> list[Message]:
    done = remedies.correct_address(
        message=message, to_email=to_email, by=make_coordinator(), why="Wrong", now=LATER
    )
    assert not done.with_account
    return done.sent


def test_a_corrected_message_is_another_mail_to_be_composed_anew() -> None:
    message = refused("one")
    [changed] = correct(message)
    fresh = Message.objects.get()
    assert changed == fresh
    assert (fresh.to_email, fresh.mime, fresh.state) == (NEW, None, State.WAITING)
    assert (fresh.handed_over, fresh.attempts, fresh.due_at) == (False, 0, LATER)
    assert fresh.message_id != message.message_id
    event = MessageEvent.objects.get()
    assert event.former_message_id == message.message_id
    assert event.by is not None
    assert event.why == f"From old@agency.example to {NEW}. Wrong"


def test_what_somebody_else_has_corrected_meanwhile_is_not_corrected_again_unseen() -> None:
    message = refused("one")
    as_shown = Message.objects.get(pk=message.pk)
    correct(message)
    with pytest.raises(CorrectedSince):
        correct(as_shown, "another@agency.example")
    message.refresh_from_db()
    assert message.to_email == NEW


def test_what_waits_behind_it_for_the_same_address_goes_with_it() -> None:
    first = refused("first")
    behind = post("behind")
    elsewhere = post("elsewhere", to_email="else@agency.example")
    other_stream = post("other", stream="b")
    assert [message.subject_key for message in correct(first)] == ["first", "behind"]
    addresses = dict(Message.objects.values_list("subject_key", "to_email"))
    assert addresses["behind"] == NEW
    assert addresses["elsewhere"] == elsewhere.to_email
    assert addresses["other"] == other_stream.to_email
    behind.refresh_from_db()
    assert behind.events.get().what == MessageEvent.What.ADDRESS_CORRECTED


def test_a_link_to_answer_by_does_not_go_with_it() -> None:
    first = refused("first", topic="booking.waiting")
    offer = post("offer", topic="booking.offered")
    behind = post("behind")
    assert correct(first) == [first, behind]
    offer.refresh_from_db()
    assert (offer.to_email, offer.state) == ("old@agency.example", State.WAITING)
    assert not offer.events.exists()


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        # The connection broke after the text was handed over: nobody knows.
        ({"mime": b"x", "handed_over": True, "last_error": "TimeoutError: "}, MayHaveArrived),
        ({"state": State.SENDING, "handed_over": True}, NotStuck),
        ({"state": State.SENT, "handed_over": True}, NotStuck),
        ({"state": State.DROPPED}, NotStuck),
        ({"topic": "account.mail", "state": State.PARKED}, OnlyForItsRecipient),
        ({"topic": "approval.asked", "state": State.PARKED}, OnlyForItsRecipient),
    ],
)
def test_what_may_have_arrived_is_not_sent_to_somebody_else(
    fields: dict[str, Any], refusal: type[Exception]
) -> None:
    message = post("one", **fields)
    with pytest.raises(refusal):
        correct(message)
    assert Message.objects.get().to_email == "old@agency.example"
    assert not MessageEvent.objects.exists()


def test_the_same_address_is_no_correction() -> None:
    with pytest.raises(SameAddress):
        correct(refused("one"), "Old@Agency.example")


def booked() -> Booking:
    person = make_person()
    return Booking.objects.create(
        session=make_session(), person=person, booked_by=person, state=Booking.State.CONFIRMED
    )


def test_an_invitation_does_not_follow_its_cancellation() -> None:
    booking = booked()
    event = {"event": {"uid": "u1"}}
    back: dict[str, Any] = {"state": State.SENT, "handed_over": True, "bounced_at": NOW}
    back["booking_id"] = booking.pk
    invitation = post("invitation", payload=event, **back)
    reminder = post("reminder", booking_id=booking.pk)
    assert correct(invitation)[0] == invitation
    Message.objects.filter(pk=invitation.pk).update(**back)
    invitation.refresh_from_db()
    cancellation = post("cancellation", payload=event, booking_id=booking.pk)
    for attempt in (
        lambda: correct(invitation, "third@agency.example"),
        lambda: remedies.retry(message=invitation, by=make_coordinator(), now=LATER),
    ):
        with pytest.raises(ReplacedSince):
            attempt()
    assert reminder.state == State.WAITING
    Message.objects.filter(pk=cancellation.pk).update(state=State.DROPPED)
    remedies.retry(message=invitation, by=make_coordinator(), now=LATER)
    invitation.refresh_from_db()
    assert (invitation.state, invitation.bounced_at) == (State.WAITING, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"state": State.SENT, "handed_over": True, "bounced_at": NOW},
        {"state": State.PARKED, "handed_over": False, "last_error": "550 No"},
    ],
)
def test_nobody_is_invited_again_to_a_place_they_gave_up(fields: dict[str, Any]) -> None:
    booking = booked()
    event = {"uid": "u1", "method": "REQUEST"}
    invitation = post("invitation", payload={"event": event}, booking_id=booking.pk, **fields)
    cancellation = post(
        "cancellation",
        payload={"event": {"uid": "u1", "method": "CANCEL"}},
        booking_id=booking.pk,
        state=State.DROPPED,
    )
    Booking.objects.filter(pk=booking.pk).update(state=Booking.State.CANCELLED)
    for attempt in (
        lambda: correct(invitation),
        lambda: remedies.retry(message=invitation, by=make_coordinator(), now=LATER),
    ):
        with pytest.raises(PlaceGone):
            attempt()
    invitation.refresh_from_db()
    assert invitation.state == fields["state"]
    # A cancellation can be told of at any time, and an invitation that it follows may go.
    Message.objects.filter(pk=cancellation.pk).update(state=State.PARKED)
    remedies.retry(message=cancellation, by=make_coordinator(), now=LATER)
    if fields["state"] == State.PARKED:
        remedies.retry(message=invitation, by=make_coordinator(), now=LATER)


def test_a_message_that_came_back_is_sent_again_as_it_was() -> None:
    message = post("one", state=State.SENT, mime=b"x", handed_over=True, bounced_at=NOW)
    remedies.retry(message=message, by=make_coordinator(), now=LATER)
    fresh = Message.objects.get()
    assert (fresh.state, bytes(fresh.mime or b"")) == (State.WAITING, b"x")
    assert fresh.message_id == message.message_id


def test_a_forgotten_code_is_not_sent_again() -> None:
    message = post("one", topic="account.mail", state=State.SENT, bounced_at=NOW)
    with pytest.raises(Forgotten):
        remedies.retry(message=message, by=make_coordinator(), now=LATER)


def test_a_dropped_code_is_forgotten() -> None:
    message = post("one", topic="account.mail", state=State.PARKED, mime=b"BCD-FGH")
    remedies.drop(message=message, by=make_coordinator(), why="Too old", now=LATER)
    assert Message.objects.get().mime is None


# --- what mail servers report ---


def report(message: Message, *, message_id: str = "", is_final: bool = True) -> None:
    remedies.record_report(
        message=message,
        message_id=message_id or message.message_id,
        is_final=is_final,
        reason="5.1.1 No such person",
        now=LATER,
    )


def test_a_final_report_says_that_it_came_back() -> None:
    message = post("one", state=State.SENT, mime=b"x", handed_over=True)
    assert remedies.find_by_message_id(message.message_id) == (message, message.message_id)
    report(message)
    message.refresh_from_db()
    assert message.came_back
    assert message.last_error == "5.1.1 No such person"
    event = message.events.get()
    assert (event.what, event.by) == (MessageEvent.What.CAME_BACK, None)


def test_a_report_of_delay_is_noted_only() -> None:
    message = post("one", state=State.SENT)
    report(message, is_final=False)
    message.refresh_from_db()
    assert not message.came_back
    assert message.events.get().what == MessageEvent.What.DELAYED


def test_a_report_about_the_old_address_does_not_count_against_the_new_one() -> None:
    message = refused("one")
    old_id = message.message_id
    correct(message)
    Message.objects.update(state=State.SENT)
    found = remedies.find_by_message_id(old_id)
    assert found == (message, old_id)
    report(message, message_id=old_id)
    message.refresh_from_db()
    assert not message.came_back
    assert remedies.find_by_message_id("<unknown@briefed.example>") is None


# --- who may have it ---


@pytest.mark.parametrize(
    ("answers", "may_have_it"),
    [
        (["550 No such person"], False),
        (["451 Not yet", "550 No such person"], False),
        # Taken or not, nobody knows; a later refusal says nothing about that.
        (["hang up", "550 No such person"], True),
        (["451 Not yet", "hang up", "550 No such person"], True),
    ],
)
def test_only_what_was_refused_at_every_attempt_may_go_to_another_address(
    clock: outbox.Clock, settings: Settings, answers: list[str], may_have_it: bool
) -> None:
    message = outbox.post("one")
    with mail_server(lambda _, before: answers[before], settings), outbox.connected() as run:
        for _ in answers:
            run(clock)
            clock.go(100)
    assert outbox.state_of(message) == State.PARKED
    assert message.may_have_arrived == may_have_it

    def correct() -> None:
        remedies.correct_address(
            message=message, to_email="new@x.example", by=make_coordinator(), why="", now=clock.now
        )

    if may_have_it:
        with pytest.raises(MayHaveArrived):
            correct()
    else:
        correct()
        assert outbox.state_of(message) == State.WAITING


def test_what_came_back_and_was_refused_then_has_reached_nobody(
    clock: outbox.Clock, settings: Settings
) -> None:
    message = outbox.post("one")
    answers = ["250 OK", "550 No such person"]
    with mail_server(lambda _, before: answers[before], settings), outbox.connected() as run:
        run(clock)
        assert outbox.state_of(message) == State.SENT
        assert message.may_have_arrived
        Message.objects.update(bounced_at=clock.now)
        remedies.retry(message=message, by=make_coordinator(), now=clock.now)
        run(clock)
    assert outbox.state_of(message) == State.PARKED
    assert not message.may_have_arrived
