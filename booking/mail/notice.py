"""What the templates of notices may say, worked out once and without a query in a template."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.actions import reminders_path
from booking.catalogue.models import Session
from booking.catalogue.sittings import SittingTimes
from booking.mail.reminders import DAYS, HOUR, will_be_reminded
from booking.outbox.models import Message
from booking.places import links, terms
from booking.places.changes import Matter, for_others_too
from booking.places.managers.copies import copied_to
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.site import wording

# Of the topics about bookings, those whose notices say more or less, as the moment has it.
ASKED, REMINDED, OFFERED = "approval.asked", "approval.reminder", "booking.offered"
SESSION_CHANGED = "session.changed"
_ORDINALS = (
    "First",
    "Second",
    "Third",
    "Fourth",
    "Fifth",
    "Sixth",
    "Seventh",
    "Eighth",
    "Ninth",
    "Tenth",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class CalendarChange:
    """The calendar entry that one message brings or takes away."""

    method: str
    uid: str
    sequence: int
    starts: datetime
    ends: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """What is asked, in words. `answer_path` is where it is answered without signing in."""

    answer_path: str
    who: str
    job_title: str
    agency: str
    length: str
    # What it costs to give the place up or not to use it; nothing where that is free.
    cost: str
    has_a_place: bool


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notice in words. Texts are plain and not yet escaped; an empty one is left out."""

    first_name: str
    person_name: str
    # The manager who gets a copy of this; empty if nobody does.
    copied_to: str
    title: str
    dates: tuple[str, ...]
    # The date that this message is about: of its calendar entry or reminder, else the first.
    date: str
    short_date: str
    start_clock: str
    ordinal: str
    number: int
    of: int
    is_online: bool
    # The way in and what to bring, for those whose place is certain; empty for all others.
    join_url: str
    instructions: str
    venue_name: str
    venue_address: str
    getting_there: str
    trainers: str
    # Until when cancelling is free and what it costs after that.
    cancelling: str
    booking_url: str
    session_url: str
    # Where reminders are turned off; in reminders only.
    reminders_url: str
    will_be_reminded: bool
    booking_state: str
    # Whoever booked for the person, if they did not do so themselves.
    booked_by: str
    agency: str
    calendar: CalendarChange | None
    promotion_is_offer: bool
    offer_length: str
    payload: dict[str, Any]
    until: str
    question: Question | None
    answer_url: str

    @property
    def has_several_dates(self) -> bool:
        """Whether the session has more than one sitting."""
        return len(self.dates) > 1

    @property
    def has_a_place(self) -> bool:
        """Whether their place is certain."""
        return self.booking_state == Booking.State.CONFIRMED

    @property
    def has_other_times(self) -> bool:
        """Whether it tells of another date or time."""
        return any(each.get("matter") == Matter.TIMES.value for each in self.payload["changes"])

    @property
    def further_dates(self) -> int:
        """How many more messages carry a calendar entry each."""
        return len(self.dates) - 1

    @property
    def next_dates(self) -> list[dict[str, Any]]:
        """Other dates of the course, each with its words and the page to answer or book it on."""
        return [
            {
                "when": each["when"],
                "is_in_line": each["booking"] is not None,
                "url": absolute(
                    reverse("session", args=[each["session"]])
                    if each["booking"] is None
                    else reverse("booking", args=[each["booking"]])
                ),
            }
            for each in self.payload.get("next_dates", ())
        ]

    @property
    def where(self) -> str:
        """One line that says where."""
        if self.is_online:
            return "Online"
        if not self.venue_name:
            return "To be announced"
        return f"{self.venue_name}, {self.venue_address}" if self.venue_address else self.venue_name


def notice_of(message: Message, booking: Booking) -> Notice:
    """What a message about a booking says.

    The booking comes with its person, session, course, venue, sittings and trainers; nothing is
    loaded here. Raises `KeyError` or `ValueError` if the message's payload is not what its topic
    needs.
    """
    session, payload = booking.session, _payload_for(message, booking)
    sittings = list(session.sittings.all())
    calendar = _calendar_change(payload["event"]) if "event" in payload else None
    if calendar is not None:
        starts, ends = calendar.starts, calendar.ends
    elif "starts" in payload:
        starts, ends = _moment(payload["starts"]), _moment(payload["ends"])
    else:
        starts, ends = sittings[0].starts_at, sittings[0].ends_at
    number = int(payload.get("number", 1))
    # A date that was dropped from a session is none of those it has now.
    dates_in_all = 1 if message.topic == "booking.further_date_cancelled" else len(sittings)
    venue = None if session.is_online else session.venue
    question = _question_of(message, booking)
    has_a_place = booking.state == Booking.State.CONFIRMED
    return Notice(
        first_name=booking.person.first_name,
        person_name=str(booking.person),
        copied_to=copied_to(booking, session.course),
        title=session.course.title,
        dates=tuple(wording.sitting_times(each.starts_at, each.ends_at) for each in sittings),
        date=wording.sitting_times(starts, ends),
        short_date=wording.short_day(starts),
        start_clock=wording.clock(starts),
        ordinal=_ordinal(number) if "number" in payload else "One",
        number=number,
        of=int(payload.get("of", dates_in_all)),
        is_online=session.is_online,
        join_url=session.join_url if session.is_online and has_a_place else "",
        venue_name=venue.name if venue else "",
        venue_address=venue.address if venue else "",
        getting_there=venue.getting_there if venue else "",
        instructions=session.joining_instructions if has_a_place else "",
        trainers=wording.listed([str(trainer) for trainer in session.trainers.all()]),
        cancelling=terms.terms_of(booking).sentence(now=message.created_at),
        booking_url=absolute(reverse("booking", args=[booking.pk])),
        session_url=absolute(reverse("session", args=[session.pk])),
        reminders_url=_reminders_url(message, booking),
        will_be_reminded=will_be_reminded(booking, told_at=message.created_at),
        booking_state=booking.state,
        booked_by="" if booking.booked_by_id == booking.person_id else str(booking.booked_by),
        agency=booking.person.agency_name,
        calendar=calendar,
        promotion_is_offer=session.promotion == Session.Promotion.OFFER,
        offer_length=wording.working_time(session.offer_hours),
        payload=payload,
        until=wording.deadline(_moment(payload["until"])) if payload.get("until") else "",
        question=question,
        answer_url=absolute(question.answer_path) if question else "",
    )


def _payload_for(message: Message, booking: Booking) -> dict[str, Any]:
    """What a message tells, without what is for attending if the place has been lost since."""
    payload: dict[str, Any] = message.payload
    if message.topic != SESSION_CHANGED or booking.state == Booking.State.CONFIRMED:
        return payload
    return {**payload, "changes": still_to_tell(message, booking)}


def still_to_tell(message: Message, booking: Booking) -> list[dict[str, str]]:
    """The changes that a message tells of and that still concern the person."""
    has_a_place = booking.state == Booking.State.CONFIRMED
    changes: list[dict[str, str]] = message.payload["changes"]
    return changes if has_a_place else for_others_too(changes)


def still_offers(message: Message, booking: Booking, now: datetime) -> bool:
    """Whether the place is offered until the time that the message says, if it still is."""
    until = datetime.fromisoformat(message.payload["until"])
    return booking.state != Booking.State.OFFERED or booking.offered_until == until


def still_asks(message: Message, booking: Booking, now: datetime) -> bool:
    """Whether what a message asks a manager is still to be answered, and by them.

    Composed late, it may have been answered, have run out, or have been asked of somebody else.
    """
    approval: Approval | None = getattr(booking, "approval", None)
    return (
        approval is not None
        and booking.is_live
        and approval.state == Approval.State.ASKED
        and approval.asked_at == datetime.fromisoformat(message.revision)
    )


def _question_of(message: Message, booking: Booking) -> Question | None:
    """What a message asks, or nothing if it only tells.

    The booking comes with its approval, agency, policy and sittings. Raises `KeyError` or
    `ValueError` if an offer does not say until when.
    """
    sittings = [SittingTimes.of(each) for each in booking.session.sittings.all()]
    if message.topic in (ASKED, REMINDED):
        path = links.approval_path(booking.approval.key)
        cost = terms.charges_if_not_used(booking, sittings)
    elif message.topic == OFFERED:
        path = links.offer_path(booking.pk, datetime.fromisoformat(message.payload["until"]))
        cost = terms.charges_if_accepted(booking, sittings, now=message.created_at)
    else:
        return None
    length = sum((wording.elapsed(each.starts_at, each.ends_at) for each in sittings), timedelta())
    return Question(
        answer_path=path,
        who=booking.person.full_name,
        job_title=booking.person.job_title,
        agency=booking.person.agency_name,
        length=wording.duration(length),
        cost=cost,
        has_a_place=booking.state in Booking.HOLDING,
    )


def _reminders_url(message: Message, booking: Booking) -> str:
    if message.topic not in (DAYS, HOUR):
        return ""
    return absolute(reminders_path(booking.person, since=message.created_at))


def absolute(path: str) -> str:
    """A path of this site as an address that works in an email."""
    return f"{settings.SITE_URL}{path}"


def _calendar_change(event: dict[str, Any]) -> CalendarChange:
    method = event["method"]
    if method not in ("REQUEST", "CANCEL"):
        raise ValueError(f"A calendar entry is requested or cancelled, not {method!r}.")
    return CalendarChange(
        method=method,
        uid=event["uid"],
        sequence=int(event["sequence"]),
        starts=_moment(event["starts"]),
        ends=_moment(event["ends"]),
    )


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _ordinal(number: int) -> str:
    return _ORDINALS[number - 1] if 1 <= number <= len(_ORDINALS) else f"Number {number}"
