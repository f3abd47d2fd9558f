"""A notice sent again: written anew of what is true now, or refused with the reason."""

from collections.abc import Iterable
from datetime import timedelta

import pytest
from django.db import transaction

from booking.catalogue.models import Session
from booking.mail.again import NotSoAnyMore, OnItsWay, ToldSince, send_again
from booking.mail.composing import compose
from booking.outbox.models import ACCOUNT_MAIL, Message, MessageEvent
from booking.outbox.posting import Draft
from booking.outbox.refusals import Forgotten, MessageRefused, ReplacedSince
from booking.places import announcements
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.news.drafts import EntryChanges, entries_of
from booking.places.news.sessions import session_changed
from booking.scheduling import trainers
from booking.scheduling.covering import answer_cover, ask_to_cover
from booking.scheduling.guests import add_guest
from tests.factories import NOW, make_coordinator, make_session, make_trainer
from tests.mail.letters import (
    CHANGES,
    LATER,
    THREE_DATES,
    make_approval,
    make_booking,
    post,
    reminders_before,
    times,
)

pytestmark = pytest.mark.django_db

State = Booking.State


def sent(drafts: Iterable[Draft]) -> Message:
    """The first of some messages, after all have been sent."""
    posted = post(drafts)
    Message.objects.update(state=Message.State.SENT, sent_at=NOW, handed_over=True)
    return Message.objects.select_related("booking").get(pk=posted[0].pk)


def again(message: Message) -> list[Message]:
    """What is posted for it; all that was posted has been sent when it returns."""
    message.refresh_from_db()
    written = send_again(message=message, by=make_coordinator(), now=NOW)
    Message.objects.update(state=Message.State.SENT)
    return written


def refusal_of(message: Message) -> MessageRefused:
    """Why it is not sent again; nothing is posted then, or noted."""
    before = (Message.objects.count(), MessageEvent.objects.count())
    with pytest.raises(MessageRefused) as refused:
        again(message)
    assert (Message.objects.count(), MessageEvent.objects.count()) == before
    return refused.value


def text_of(message: Message) -> str:
    """The bytes of the mail, as text."""
    mime = compose([message], clock=lambda: NOW)[message.pk]
    assert isinstance(mime, bytes)
    return mime.decode()


def changed(booking: Booking, revision: int) -> Iterable[Draft]:
    """The session changed."""
    entries = EntryChanges(tuple(entries_of(times(booking))))
    return session_changed(booking, entries=entries, changes=CHANGES, session_revision=revision)


def sent_last() -> Message:
    """The newest message, after all have been sent."""
    Message.objects.update(state=Message.State.SENT, sent_at=NOW, handed_over=True)
    return Message.objects.latest("pk")


def become(booking: Booking, state: Booking.State, **fields: object) -> None:
    Booking.objects.filter(pk=booking.pk).update(state=state, **fields)


def test_a_confirmation_says_what_is_true_now() -> None:
    booking = make_booking(make_session(sittings=THREE_DATES))
    message = sent(announcements.given_a_place(booking, times(booking)))
    Booking.objects.update(calendar_sequence=4)
    booking.person.email = "moved@agency.example"
    booking.person.save()
    booking.session.course.title = "Working together"
    booking.session.course.save()
    first, *others = again(message)
    assert [each.topic for each in (first, *others)] == [
        "booking.confirmed", *["booking.further_date"] * 2,
    ]  # fmt: skip
    for each in (first, *others):
        assert (each.revision.partition("#")[2], each.payload["event"]["sequence"]) == ("1", 4)
        assert each.to_email == "moved@agency.example"
        assert each.message_id != message.message_id
    assert "Working together" in text_of(first)
    assert [each.revision for each in again(first)] == ["4#2"] + [
        each.revision.replace("#1", "#2") for each in others
    ]


def test_it_is_on_record_who_had_it_sent_again() -> None:
    booking = make_booking()
    message = sent(announcements.given_a_place(booking, times(booking)))
    [new] = again(message)
    events = MessageEvent.objects.order_by("message_id")
    assert [(each.message, each.what, each.why) for each in events] == [
        (message, "sent again", f"As message {new.pk}."),
        (new, "sent again", f"After message {message.pk}."),
    ]
    assert all(each.by is not None and each.by.is_coordinator for each in events)


def test_dates_that_have_begun_are_left_out() -> None:
    dates = [(NOW - timedelta(days=1), NOW - timedelta(hours=20)), *THREE_DATES[:2]]
    booking = make_booking(make_session(sittings=dates))
    drafts = list(announcements.given_a_place(booking, times(booking)))
    message = sent(drafts)
    of_a_date = Message.objects.get(revision=f"0.{times(booking)[2].key}")
    assert [each.payload["number"] for each in again(message)] == [2, 3]
    [entry] = again(of_a_date)
    assert (entry.topic, entry.payload["number"]) == ("booking.further_date", 3)
    booking.session.sittings.filter(pk=times(booking)[2].key).delete()
    assert "that date has begun or was dropped" in str(refusal_of(of_a_date))


def test_what_has_been_superseded_is_not_sent_again() -> None:
    booking = make_booking()
    message = sent(announcements.given_a_place(booking, times(booking)))
    become(booking, State.CANCELLED, ended_at=NOW, calendar_sequence=1)
    booking.refresh_from_db()
    by = make_coordinator()
    gone = sent(announcements.cancelled(booking, times(booking), by=by))
    assert "the booking stands as “Cancelled” now" in str(refusal_of(message))
    [new] = again(gone)
    assert (new.payload["event"]["method"], new.payload["event"]["sequence"]) == ("CANCEL", 1)
    assert isinstance(refusal_of(gone), ReplacedSince)


@pytest.mark.parametrize("state", [Message.State.WAITING, Message.State.PARKED])
def test_a_second_press_sends_nothing_more(state: Message.State) -> None:
    booking = make_booking()
    message = sent(announcements.given_a_place(booking, times(booking)))
    again(message)
    Message.objects.filter(revision="0#1").update(state=state)
    assert isinstance(refusal_of(message), OnItsWay)


def test_a_session_that_has_begun_is_confirmed_to_nobody() -> None:
    booking = make_booking()
    message = sent(announcements.given_a_place(booking, times(booking)))
    booking.session.sittings.update(starts_at=NOW - timedelta(minutes=1))
    assert "the session has begun" in str(refusal_of(message))


def test_a_turn_is_told_as_it_is_now() -> None:
    session = make_session()
    ahead = make_booking(session, state=State.WAITING, ticket=1, confirmed_at=None)
    booking = make_booking(session, state=State.WAITING, ticket=2, confirmed_at=None)
    message = sent([announcements.waiting(booking, position=2, why="A rule of then.")])
    become(ahead, State.WITHDRAWN, ended_at=NOW)
    [new] = again(message)
    assert (new.payload["position"], new.payload["why"]) == (1, "")


def test_the_last_change_is_told_again_and_no_earlier_one() -> None:
    booking = make_booking()
    first = sent(changed(booking, 1))
    booking.calendar_sequence = 1
    booking.save()
    second = sent(changed(booking, 2))
    assert isinstance(refusal_of(first), ToldSince)
    [new] = again(second)
    assert (new.payload["changes"], new.payload["event"]["sequence"]) == (CHANGES, 1)


def test_a_link_to_answer_by_is_made_anew_and_a_code_never() -> None:
    booking = make_booking(
        state=State.OFFERED, ticket=1, offered_until=LATER - timedelta(days=2), confirmed_at=None
    )
    offer = sent([announcements.offered(booking)])
    Message.objects.update(payload={}, mime=None)
    [new] = again(offer)
    assert new.mime is None
    assert "/offers/" in text_of(new)
    become(booking, State.CONFIRMED, confirmed_at=NOW)
    assert "the booking stands as “Booked” now" in str(refusal_of(offer))
    code = Draft(
        topic=ACCOUNT_MAIL, subject_key="account:x", revision="0", stream="x",
        to_email="a@agency.example", mime=b"Your code is 123456",
    )  # fmt: skip
    assert isinstance(refusal_of(sent([code])), Forgotten)


def test_a_manager_is_asked_again_while_the_question_is_theirs() -> None:
    booking = make_booking(state=State.REQUESTED, confirmed_at=None)
    approval = make_approval(booking)
    asked = sent([announcements.manager_asked(approval)])
    [new] = again(asked)
    assert new.to_email == approval.manager_email
    assert "/approvals/" in text_of(new)
    Approval.objects.update(manager_email="other@agency.example")
    assert "another manager is asked now" in str(refusal_of(asked))
    Approval.objects.update(state=Approval.State.APPROVED)
    assert "nobody is asked any more" in str(refusal_of(asked))


def test_what_lost_its_point_is_refused_with_the_reason_of_its_composer() -> None:
    booking = make_booking()
    reminder = sent(list(reminders_before(booking))[-1:])
    booking.person.wants_reminders = False
    booking.person.save()
    refused = refusal_of(reminder)
    assert isinstance(refused, NotSoAnyMore)
    assert "or is not wanted" in str(refused)


def test_a_trainer_is_told_the_dates_of_now() -> None:
    session = make_session(trainers=[make_trainer()])
    with transaction.atomic():
        trainers.tell_of_publishing(session, now=NOW)
    Message.objects.update(state=Message.State.SENT)
    message = Message.objects.get()
    session.course.title = "Working together"
    session.course.save()
    [new] = again(message)
    assert new.payload["title"] == "Working together"
    assert "Working together" in text_of(new)
    assert isinstance(refusal_of(message), ToldSince)


def test_nobody_is_told_to_lead_a_session_that_has_begun() -> None:
    session = make_session(trainers=[make_trainer()])
    with transaction.atomic():
        trainers.tell_of_publishing(session, now=NOW)
    Message.objects.update(state=Message.State.SENT)
    Session.objects.update(starts_at=NOW)
    assert isinstance(refusal_of(Message.objects.get()), NotSoAnyMore)


def test_a_trainer_is_asked_again_to_stand_in_while_that_is_open() -> None:
    ill, cover, by = make_trainer(), make_trainer(), make_coordinator()
    session = make_session(trainers=[ill])
    request = ask_to_cover(
        session=session, ill=ill, cover=cover, tells_people=False, note="", by=by, now=NOW
    )
    message = sent_last()
    session.course.title = "Working together"
    session.course.save()
    [new] = again(message)
    assert "Working together" in text_of(new)
    answer_cover(request=request, agrees=False, now=NOW)
    assert isinstance(refusal_of(new), NotSoAnyMore)


def test_a_guest_is_not_sent_the_details_of_a_session_that_is_cancelled() -> None:
    session = make_session()
    by = make_coordinator()
    add_guest(session=session, name="Ada Ash", email="a@x.example", purpose="BSL", by=by, now=NOW)
    message = sent_last()
    assert again(message)
    Session.objects.update(state=Session.State.CANCELLED)
    assert isinstance(refusal_of(Message.objects.latest("pk")), NotSoAnyMore)
