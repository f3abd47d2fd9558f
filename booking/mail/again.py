"""A notice sent again to its person, because a coordinator asks for it.

It is written anew of what is true now, as a message of its own: with the present SEQUENCE of the
calendar entry, to the address the person has now, under a revision that says which it follows. What
has been superseded is refused with the reason. A code is never sent a second time, and a link to
answer by is made when the new message is composed.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from accounts.addresses import as_stored
from accounts.models import User
from booking.attendance import absences
from booking.attendance.models import AbsenceCase
from booking.bulletins.sending import ISSUE
from booking.catalogue.models import Session
from booking.mail.composing import compose
from booking.mail.notice import ASKED, OFFERED, REMINDED, SESSION_CHANGED
from booking.outbox import posting as outbox
from booking.outbox import remedies
from booking.outbox.delivery import Pointless, Unsendable
from booking.outbox.models import Message
from booking.outbox.posting import Draft
from booking.outbox.refusals import Forgotten, MessageRefused, ReplacedSince
from booking.outbox.topics import topic_of
from booking.places import announcements
from booking.places.lock import locked_booking, sittings_of
from booking.places.managers.asking import QuestionState, state_of_question
from booking.places.managers.copies import copied_to
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.news.drafts import EntryChanges, entries_of
from booking.places.news.sessions import session_changed
from booking.places.refusals import PlaceRefused
from booking.places.rules.decision import check_ahead
from booking.scheduling import guests, trainers
from booking.scheduling.models import CoverRequest

BookingState = Booking.State
_ENDED = frozenset(BookingState) - frozenset(Booking.LIVE)
_FURTHER_DATE = "booking.further_date"
_OF_SESSION_AHEAD = (
    *(trainers.ASSIGNED, trainers.CHANGED, trainers.ASKED),
    *(guests.INVITED, guests.CHANGED),
)

# In which states of the booking it is still so; whatever is not named here may always be said.
_SO_WHILE: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(
        ("booking.confirmed", "booking.promoted", _FURTHER_DATE, "manager.confirmed"),
        frozenset({BookingState.CONFIRMED}),
    ),
    "manager.changed": frozenset({BookingState.CONFIRMED}),
    "booking.requested": frozenset({BookingState.REQUESTED}),
    **dict.fromkeys(("booking.waiting", "booking.invited"), frozenset({BookingState.WAITING})),
    OFFERED: frozenset({BookingState.OFFERED}),
    **dict.fromkeys((SESSION_CHANGED, ASKED, REMINDED), frozenset(Booking.LIVE)),
    **dict.fromkeys(
        (
            *("booking.cancelled", "booking.withdrawn", "booking.offer_ended"),
            *("booking.not_agreed", "booking.not_answered", "booking.agency_not_confirmed"),
            *("session.cancelled", "manager.cancelled"),
        ),
        _ENDED,
    ),
}


class NotSoAnyMore(MessageRefused):
    """What the message told is not true any more; its sentence says what is."""


class OnItsWay(MessageRefused):
    """It, or one before it, is on its way or parked, and the new one would wait behind it."""

    sentence = (
        "A message about this is still on its way or parked, and a new one would wait behind it."
        " Settle that one first."
    )


class ToldSince(MessageRefused):
    """They were told something newer."""

    sentence = (
        "A later message has told them something newer about this. Send that one again instead."
    )


class HasItsCopy(MessageRefused):
    """Nobody gets a bulletin twice."""

    sentence = (
        "The mail server has accepted this bulletin for this address, so it is not sent twice."
    )


def has_arrived_bulletin(message: Message) -> bool:
    """Whether it is a bulletin that was accepted for the address which its person still has."""
    person = message.recipient
    is_accepted = message.state == Message.State.SENT and not message.came_back
    is_there = person is None or person.email == as_stored(message.to_email)
    return message.topic == ISSUE and is_accepted and is_there


def send_again(*, message: Message, by: User, now: datetime) -> list[Message]:
    """Write a notice anew and post it, on record. Returns the new messages, the first one first.

    Whoever's place is certain gets the entry of every date that has not begun. Raises `OnItsWay`,
    `NotSoAnyMore`, `ToldSince`, `ReplacedSince`, `Forgotten` or `HasItsCopy`.
    """
    about = locked_booking(message.booking) if message.booking else nullcontext((None, None))
    with transaction.atomic(), about as (_, booking):
        fresh = Message.objects.select_for_update(of=["self"]).get(pk=message.pk)
        if fresh.holds_a_code:
            raise Forgotten
        if has_arrived_bulletin(fresh):
            raise HasItsCopy
        ahead = Message.objects.unsettled() | Message.objects.filter(state=Message.State.LETTER)
        if ahead.filter(stream=fresh.stream).exists():
            raise OnItsWay
        drafts = list(_of_booking(fresh, booking, now) if booking else _of_others(fresh, now))
        sent = outbox.post([_under_new_revision(each) for each in drafts], now=now)
        for outcome in compose(sent, clock=lambda: now).values():
            if isinstance(outcome, Pointless | Unsendable):
                raise NotSoAnyMore(outcome.reason)
        remedies.note_sent_again(message=fresh, anew=sent[0], by=by, now=now)
    return sent


def _under_new_revision(draft: Draft) -> Draft:
    """Another message on the same topic about the same subject."""
    posted = Message.objects.filter(subject_key=draft.subject_key, topic=draft.topic)
    times = posted.filter(revision__startswith=f"{draft.revision}{Message.AGAIN}").count()
    return replace(draft, revision=f"{draft.revision}{Message.AGAIN}{times + 1}")


def _of_booking(message: Message, booking: Booking, now: datetime) -> Iterable[Draft]:
    states = _SO_WHILE.get(message.topic)
    if states is not None and booking.state not in states:
        said = booking.get_state_display()
        raise NotSoAnyMore(f"This is not sent again: the booking stands as “{said}” now.")
    if message.topic in _AFTERWARDS:
        return _AFTERWARDS[message.topic](message, booking, now)
    if booking.is_live and all(each.starts_at <= now for each in sittings_of(booking.session)):
        raise NotSoAnyMore("This is not sent again: the session has begun.")
    return _ANEW.get(message.topic, _as_it_was)(message, booking, now)


def _as_it_was(message: Message, booking: Booking, now: datetime) -> Iterable[Draft]:
    """What happened stays so; only the SEQUENCE and the address are those of now."""
    if remedies.has_later_entry(message):
        raise ReplacedSince
    draft = _same(message)
    if topic_of(message.topic).is_to_manager and draft.to_email != copied_to(
        booking, booking.session.course
    ):
        raise NotSoAnyMore("This is not sent again: copies do not go to this address now.")
    event = draft.payload.get("event")
    if event:
        event = {**event, "sequence": booking.calendar_sequence}
        draft = replace(draft, payload={**draft.payload, "event": event})
    return [draft]


def _same(message: Message) -> Draft:
    if message.is_forgotten:
        raise Forgotten
    person = message.recipient
    return Draft(
        topic=message.topic,
        subject_key=message.subject_key,
        revision=message.first_revision,
        stream=message.stream,
        to_email=person.email if person else message.to_email,
        recipient_id=message.recipient_id,
        booking_id=message.booking_id,
        payload=message.payload,
    )


def _of_others(message: Message, now: datetime) -> Iterable[Draft]:
    """Of an agency, a session that somebody leads or is a guest of, or a new date."""
    later = Message.objects.filter(stream=message.stream, pk__gt=message.pk)
    if later.exclude(state__in=Message.GIVEN_UP).exists():
        raise ToldSince
    draft = _same(message)
    if message.topic in (*trainers.TOPICS, *guests.TOPICS):
        session = Session.objects.for_pages().get(pk=draft.payload["session"])
        _check_of_session(message, session, now)
        if message.topic in trainers.TOPICS:
            draft = replace(draft, payload={**draft.payload, **trainers.facts_of(session)})
    return [draft]


def _check_of_session(message: Message, session: Session, now: datetime) -> None:
    """Refuse what is said while a session is ahead, and the question who stands in once settled."""
    if message.topic in _OF_SESSION_AHEAD:
        try:
            check_ahead(session, now=now)
        except PlaceRefused as refused:
            raise NotSoAnyMore(f"This is not sent again: {refused.sentence}") from refused
    if message.topic == trainers.ASKED:
        asked = CoverRequest.objects.open(now=now).filter(pk=message.payload["cover"])
        if not asked.exists():
            raise NotSoAnyMore("This is not sent again: the question who stands in is settled.")


def _place(message: Message, booking: Booking, now: datetime) -> list[Draft]:
    sittings = sittings_of(booking.session)
    return list(
        announcements.given_a_place(
            booking,
            sittings,
            promoted=message.topic == "booking.promoted",
            because=message.payload.get("because", ""),
            skipped=sum(each.starts_at <= now for each in sittings),
        )
    )


def _date(message: Message, booking: Booking, now: datetime) -> Iterable[Draft]:
    """The entry of one date."""
    if message.is_forgotten:
        raise Forgotten
    uid = message.payload["event"]["uid"]
    found = [each for each in _place(message, booking, now) if each.payload["event"]["uid"] == uid]
    if not found:
        raise NotSoAnyMore("This is not sent again: that date has begun or was dropped.")
    return found


def _change(message: Message, booking: Booking, now: datetime) -> Iterable[Draft]:
    if message.is_forgotten:
        raise Forgotten
    later = booking.messages.filter(topic=message.topic, pk__gt=message.pk)
    if later.exclude(state__in=Message.GIVEN_UP).exists():
        raise ToldSince
    entries = entries_of(sittings_of(booking.session))
    return session_changed(
        booking,
        entries=EntryChanges(tuple(each for each in entries if each.times.starts_at > now)),
        changes=message.payload["changes"],
        session_revision=booking.session.revision,
        note=message.payload.get("note", ""),
    )


def _question(message: Message, booking: Booking, now: datetime) -> Iterable[Draft]:
    """To the manager who is asked now; the link is made when it is composed."""
    approval: Approval | None = getattr(booking, "approval", None)
    if approval is None or state_of_question(approval, now=now) != QuestionState.OPEN:
        raise NotSoAnyMore("This is not sent again: nobody is asked any more.")
    if approval.manager_email != message.to_email:
        raise NotSoAnyMore("This is not sent again: another manager is asked now.")
    again = announcements.manager_reminded if message.topic == REMINDED else None
    return [(again or announcements.manager_asked)(approval)]


def _turn(message: Message, booking: Booking, now: datetime) -> Iterable[Draft]:
    approval: Approval | None = getattr(booking, "approval", None)
    manager = approval.manager_email if approval is not None and approval.is_open else ""
    position = booking.waiting_position
    if message.topic == "booking.invited":
        why = message.payload.get("why", "")
        return [announcements.invited(booking, position=position, why=why)]
    return [announcements.waiting(booking, position=position, manager=manager)]


def _why_absent(message: Message, booking: Booking, now: datetime) -> Iterable[Draft]:
    """The question why somebody did not come, while it is open, to who is asked now."""
    case = absences.absence_of(booking)
    if case is None or case.state != AbsenceCase.State.OPEN:
        raise NotSoAnyMore("This is not sent again: the absence has been settled.")
    case.booking = booking
    if message.topic == absences.ASKED:
        return [absences.asked(case)]
    if case.manager_email != message.to_email:
        raise NotSoAnyMore("This is not sent again: another manager is asked now.")
    return [absences.asked_of_manager(case)]


# What is told once a session has been held.
_AFTERWARDS: Mapping[str, Callable[[Message, Booking, datetime], Iterable[Draft]]] = {
    absences.ASKED: _why_absent,
    absences.MANAGER_ASKED: _why_absent,
    "absence.decided": lambda message, booking, now: [_same(message)],
    "attendance.walked_in": lambda message, booking, now: [_same(message)],
}
_ANEW: Mapping[str, Callable[[Message, Booking, datetime], Iterable[Draft]]] = {
    "booking.confirmed": _place,
    "booking.promoted": _place,
    _FURTHER_DATE: _date,
    SESSION_CHANGED: _change,
    "booking.requested": lambda message, booking, now: [
        announcements.requested(booking, because=message.payload.get("because", ""))
    ],
    "booking.waiting": _turn,
    "booking.invited": _turn,
    OFFERED: lambda message, booking, now: [
        announcements.offered(booking, why=message.payload.get("why", ""))
    ],
    ASKED: _question,
    REMINDED: _question,
}
