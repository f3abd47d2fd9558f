"""Composing notices: from messages in the outbox to the bytes that are sent.

What a notice about a booking says is worked out in `notice`; the others are written here.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from email.errors import MessageError
from functools import partial
from typing import Any

import structlog
from django.conf import settings
from django.db.models import Prefetch
from django.template import TemplateDoesNotExist, TemplateSyntaxError, VariableDoesNotExist
from django.template.loader import render_to_string
from django.urls import NoReverseMatch, reverse
from django.utils import timezone

from booking.attendance import absences
from booking.bulletins.sending import ISSUE
from booking.bulletins.subscribing import CONFIRM
from booking.calendars.entries import cancelled_description, entry_description, entry_title
from booking.calendars.ics import Event, cancellation, invitation
from booking.catalogue.interest import stop_path
from booking.catalogue.models import CourseInterest, Session
from booking.mail import bulletins
from booking.mail.letters import Letter, write
from booking.mail.notice import (
    ASKED,
    OFFERED,
    REMINDED,
    SESSION_CHANGED,
    Notice,
    absolute,
    notice_of,
    still_asks,
    still_asks_why,
    still_offers,
    still_to_tell,
)
from booking.mail.reminders import DAYS, HOUR, still_reminds
from booking.materials.actions import MATERIALS
from booking.materials.models import Material
from booking.outbox.delivery import Pointless, Unsendable, WhenAsked
from booking.outbox.models import Message
from booking.outbox.topics import composes, topic_of
from booking.partnership.kept import sender, the_partnership
from booking.places.links import guest_join_path
from booking.places.models import Booking
from booking.scheduling import guests, trainers, writing
from booking.scheduling.drafting import NEW_DATE
from booking.scheduling.models import SessionGuest, SessionNote
from booking.site import wording
from booking.site.environment import name_and_address
from booking.site.plain_text import one_line, plain_text

log = structlog.get_logger(__name__)

# What goes wrong when one message's content is not what its template or its headers need.
# Trouble with the database is not among them: it concerns the whole batch, which is tried again.
_CONTENT_TROUBLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MessageError,
    NoReverseMatch,
    TemplateDoesNotExist,
    TemplateSyntaxError,
    TypeError,
    ValueError,
    VariableDoesNotExist,
)


_Outcome = bytes | Unsendable | Pointless
_Composed = Letter | Unsendable | Pointless


@dataclass(frozen=True)
class _Read:
    """What a batch of messages tells of, by key."""

    bookings: Mapping[int, Booking]
    interests: Mapping[int, CourseInterest]
    sessions: Mapping[int, Session]
    notes: Mapping[int, SessionNote]
    guests: Mapping[int, SessionGuest]
    materials: Mapping[int, Material]
    wishes: bulletins.Wishes


def compose(
    messages: Sequence[Message], *, clock: Callable[[], datetime] = timezone.now
) -> Mapping[int, _Outcome]:
    """The bytes of each message, by its key, or why it cannot or need not be composed.

    All that they tell of is read at once, by the same few statements however many messages there
    are; each is composed when it is asked for. Composing a message again gives the same bytes as
    long as what it tells of is the same.
    """
    now = clock()
    read = _read(messages)
    return WhenAsked(
        {message.pk: partial(_written, message, read, now=now) for message in messages}
    )


def _read(messages: Sequence[Message]) -> _Read:
    bookings = Booking.objects.select_related(
        *("person__agency", "booked_by", "approval", "agency", "policy", "absence")
    )
    # Of a session that many bookings share there is one.
    sessions = Session.objects.for_pages().prefetch_related("trainers")
    bookings = bookings.prefetch_related(Prefetch("session", sessions), "policy__bands")
    interests = CourseInterest.objects.select_related("person", "course")
    dates = [message.payload for message in messages if message.topic == NEW_DATE]

    def named(what: str) -> set[int]:
        return {each.payload[what] for each in messages if what in each.payload}

    to_come = SessionGuest.objects.in_bulk(named("guest"))
    of_guests = {guest.session_id for guest in to_come.values()}
    # Without any keys, `in_bulk` costs no statement.
    return _Read(
        bookings.in_bulk({each.booking_id for each in messages if each.booking_id is not None}),
        interests.in_bulk({each["interest"] for each in dates}),
        Session.objects.for_pages().in_bulk({each["session"] for each in dates} | of_guests),
        SessionNote.objects.select_related("by").in_bulk(named("note_key")),
        to_come,
        Material.objects.in_bulk(
            {key for each in messages for key in each.payload.get("materials", ())}
        ),
        bulletins.wishes(each.payload for each in messages if each.topic == ISSUE),
    )


def _written(message: Message, read: _Read, *, now: datetime) -> _Outcome:
    compose_it = topic_of(message.topic).compose or _about_booking
    try:
        composed: _Composed = compose_it(message, read, now)
        return write(composed) if isinstance(composed, Letter) else composed
    except _CONTENT_TROUBLE as trouble:
        log.exception("message_not_composed", message=message.pk, topic=message.topic)
        return Unsendable(f"It could not be written: {type(trouble).__name__}: {trouble}"[:500])


def _about_booking(message: Message, read: _Read, now: datetime) -> _Composed:
    booking = read.bookings.get(message.booking_id or 0)
    if booking is None:
        log.error("message_not_composed", message=message.pk, topic=message.topic)
        return Unsendable(f"There is no notice “{message.topic}” to write about this.")
    notice = notice_of(message, booking)
    to_name = "" if topic_of(message.topic).is_to_manager else booking.person.full_name
    if "event" not in message.payload:
        return _letter(message, notice, to_name=to_name)
    calendar = calendar_part(
        notice, to_name=to_name, to_email=message.to_email, decided_at=message.created_at
    )
    method = message.payload["event"]["method"]
    return _letter(message, notice, to_name=to_name, calendar=calendar, method=method)


def _while(
    still: Callable[[Message, Booking, datetime], object], otherwise: str
) -> Callable[[Message, _Read, datetime], _Composed]:
    """Composes a notice about a booking that may lose its point before it is written."""

    def compose_it(message: Message, read: _Read, now: datetime) -> _Composed:
        booking = read.bookings.get(message.booking_id or 0)
        if booking is not None and not still(message, booking, now):
            return Pointless(otherwise)
        return _about_booking(message, read, now)

    return compose_it


composes("booking.declined_in_calendar")(
    _while(
        lambda _, booking, now: booking.state == Booking.State.CONFIRMED,
        "The place has been given up since.",
    )
)
composes(SESSION_CHANGED)(
    _while(
        lambda message, booking, now: still_to_tell(message, booking),
        "The place has been given up since, and this was only for attending.",
    )
)
composes(DAYS, HOUR)(
    _while(still_reminds, "What this was to remind of has changed or begun, or is not wanted.")
)
composes(OFFERED)(
    _while(still_offers, "The place is held until another time, which a later mail says.")
)
composes(absences.ASKED, absences.MANAGER_ASKED)(
    _while(still_asks_why, "What this asks about has been settled.")
)
composes(ASKED, REMINDED)(_while(still_asks, "The manager's answer is not needed any more."))


@composes(NEW_DATE)
def _new_date(message: Message, read: _Read, now: datetime) -> _Composed:
    interest = read.interests.get(message.payload["interest"])
    session = read.sessions.get(message.payload["session"])
    if interest is None or session is None:
        return Unsendable("There is no date or nobody to tell of it.")
    is_open = session.state == Session.State.PUBLISHED and session.booking_ends_at > now
    if interest.ended_at is not None or not is_open:
        return Pointless("Nobody wants to hear of this date any more, or it cannot be booked.")
    notice = {
        "first_name": interest.person.first_name,
        "title": session.course.title,
        "dates": [
            wording.sitting_times(each.starts_at, each.ends_at) for each in session.sittings.all()
        ],
        "short_date": wording.short_day(session.starts_at),
        "where": session.where,
        "session_url": absolute(session.get_absolute_url()),
        "stop_url": absolute(stop_path(interest)),
    }
    return _letter(message, notice, to_name=interest.person.full_name)


@composes(ISSUE)
def _issue(message: Message, read: _Read, now: datetime) -> _Composed:
    return bulletins.issue(message, read.wishes, now=now)


@composes(CONFIRM)
def _confirm(message: Message, read: _Read, now: datetime) -> _Composed:
    return _letter(message, {"confirm_url": bulletins.confirm_url(message)}, to_name="")


@composes("agency.confirmed", "agency.not_ours")
def _about_agency(message: Message, read: _Read, now: datetime) -> _Composed:
    payload = message.payload
    notice = {
        "first_name": payload["first_name"],
        "agency": payload["agency"],
        "bookings_url": absolute(reverse("my_bookings")),
        "profile_url": absolute(reverse("account_profile")),
    }
    return _letter(message, notice, to_name=payload["name"])


@composes(writing.NOTE)
def _note(message: Message, read: _Read, now: datetime) -> _Composed:
    booking = read.bookings.get(message.booking_id or 0)
    note = read.notes.get(message.payload["note_key"])
    if booking is None or note is None:
        return Unsendable("There is nothing written, or nobody to send it to.")
    if not booking.is_live:
        return Pointless("The booking has ended since.")
    notice = notice_of(message, booking)
    by = "The partnership" if note.by.is_coordinator else str(note.by)
    told = {**notice.payload, "subject": note.subject, "text": note.text, "by": by}
    return _letter(message, replace(notice, payload=told), to_name=booking.person.full_name)


@composes(MATERIALS)
def _materials(message: Message, read: _Read, now: datetime) -> _Composed:
    booking = read.bookings.get(message.booking_id or 0)
    if booking is None:
        return Unsendable("There is nobody to tell of it.")
    told = [
        {"title": it.title, "kind": it.kind, "url": absolute(reverse("material", args=[it.pk]))}
        for key in message.payload["materials"]
        if (it := read.materials.get(key)) is not None
    ]
    if booking.state != Booking.State.CONFIRMED or not told:
        return Pointless("The place has been given up since, or the materials removed.")
    notice = notice_of(message, booking)
    notice = replace(notice, payload={**notice.payload, "told": told})
    return _letter(message, notice, to_name=booking.person.full_name)


@composes(guests.INVITED, guests.CHANGED, guests.REMOVED, guests.CANCELLED)
def _to_guest(message: Message, read: _Read, now: datetime) -> _Composed:
    guest = read.guests.get(message.payload["guest"])
    session = read.sessions.get(guest.session_id) if guest else None
    if guest is None or session is None:
        return Unsendable("There is no session, or nobody to tell of it.")
    notice = {
        "first_name": guest.name,
        "purpose": guest.purpose,
        "title": session.course.title,
        "reference": session.reference,
        "dates": [
            wording.sitting_times(each.starts_at, each.ends_at) for each in session.sittings.all()
        ],
        "short_date": wording.short_day(session.starts_at),
        "where": session.where_in_full,
        "join_url": absolute(guest_join_path(guest.pk))
        if session.is_online and guest.ended_at is None
        else "",
        "changes": message.payload.get("changes", ()),
        "payload": message.payload,
        "why": message.payload.get("why", ""),
    }
    return _letter(message, notice, to_name=guest.name)


@composes(trainers.ASSIGNED, trainers.CHANGED, trainers.REMOVED, trainers.CANCELLED, trainers.ASKED)
def _to_trainer(message: Message, read: _Read, now: datetime) -> _Composed:
    payload = message.payload
    told = ("first_name", "title", "reference", "dates", "where")
    notice = {name: payload[name] for name in told} | {
        "changes": payload.get("changes", ()),
        "why": payload.get("why", ""),
        "payload": payload,
        "cover_url": absolute(reverse("trainer_cover", args=[payload.get("cover", 0)])),
        "attendees_url": absolute(reverse("attendees", args=[payload["session"]])),
        "sessions_url": absolute(reverse("trainer_sessions")),
    }
    return _letter(message, notice, to_name=payload["name"])


def _letter(
    message: Message,
    notice: Notice | Mapping[str, Any],
    *,
    to_name: str,
    calendar: bytes | None = None,
    method: str = "",
) -> Letter:
    words = {
        "notice": notice,
        "partnership": the_partnership(),
        "ask": name_and_address(settings.MAIL_REPLY_TO)[1],
        "programme_url": absolute(reverse("programme")),
    }
    subject = one_line(render_to_string(f"mail/{message.topic}/subject.txt", words))
    html = render_to_string(f"mail/{message.topic}/body.html", {**words, "subject": subject})
    return Letter(
        sender=sender(),
        reply_to=settings.MAIL_REPLY_TO,
        to_name=to_name,
        to_email=message.to_email,
        subject=subject,
        text=plain_text(html),
        html=html,
        message_id=message.message_id,
        written_at=message.created_at,
        calendar=calendar,
        method=method,
    )


def calendar_part(notice: Notice, *, to_name: str, to_email: str, decided_at: datetime) -> bytes:
    """The iCalendar object that puts the entry into the recipient's calendar, or takes it out.

    Its organizer is the mailbox that answers are sent to: somebody reads it. DTSTAMP is when the
    message was decided, so that composing again gives the same bytes. Raises `ValueError` for an
    entry that cannot be.
    """
    entry = notice.payload["event"]
    method = entry["method"]
    if method not in ("REQUEST", "CANCEL"):
        raise ValueError(f"A calendar entry is requested or cancelled, not {method!r}.")
    is_cancelled = method == "CANCEL"
    name, email = name_and_address(settings.MAIL_REPLY_TO)
    event = Event(
        uid=entry["uid"],
        sequence=int(entry["sequence"]),
        stamp=decided_at,
        starts=notice.starts,
        ends=notice.ends,
        summary=entry_title(notice.title, number=notice.number, of=notice.of),
        location=notice.join_url or notice.where,
        description=cancelled_description(notice.booking_url)
        if is_cancelled
        else entry_description(
            join_url=notice.join_url,
            booking_url=notice.booking_url,
            cancelling=notice.cancelling,
            instructions=notice.instructions,
        ),
        url=notice.booking_url,
        organizer_name=name or the_partnership().name,
        organizer_email=email,
        attendee_name=to_name,
        attendee_email=to_email,
    )
    return cancellation(event) if is_cancelled else invitation(event)
