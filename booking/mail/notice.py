"""What the templates of notices may say, worked out once and without a query in a template."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.urls import reverse

from accounts.actions import reminders_path
from booking.attendance import absences
from booking.attendance.models import AbsenceCase
from booking.catalogue.sittings import SittingTimes
from booking.mail.reminders import DAYS, HOUR, will_be_reminded
from booking.outbox.models import Message
from booking.places import links, terms
from booking.places.changes import Matter, for_others_too
from booking.places.holding import may_join_meeting
from booking.places.managers.copies import copied_to
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.site import wording

# Of the topics about bookings, those whose notices say more or less, as the moment has it.
ASKED, REMINDED, OFFERED = "approval.asked", "approval.reminder", "booking.offered"
SESSION_CHANGED = "session.changed"
_ORDINALS = (
    "First", "Second", "Third", "Fourth", "Fifth", "Sixth", "Seventh", "Eighth", "Ninth", "Tenth",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One notice in words. Texts are plain and not yet escaped; an empty one is left out."""

    # It comes with its person, session and venue: what they say themselves is read there.
    booking: Booking
    payload: dict[str, Any]
    first_name: str
    person_name: str
    # Whoever booked for the person, if they did not do so themselves.
    booked_by: str
    # The manager who gets a copy of this; empty if nobody does.
    copied_to: str
    title: str
    dates: tuple[str, ...]
    # How long all of them are together.
    length: str
    # The date that this message is about: of its calendar entry or reminder, else the first.
    starts: datetime
    ends: datetime
    date: str
    short_date: str
    start_clock: str
    ordinal: str
    number: int
    of: int
    where: str
    # The way in and what to bring, for those whose place is certain; empty for all others.
    join_url: str
    instructions: str
    trainers: str
    # Until when cancelling is free and what it costs after that.
    cancelling: str
    booking_url: str
    session_url: str
    # Where reminders are turned off; in reminders only.
    reminders_url: str
    will_be_reminded: bool
    offer_length: str
    # Until when an answer is needed, where it is given without signing in, and what it costs to
    # give the place up or not to use it; nothing where nothing is asked, or that is free.
    until: str
    answer_url: str
    cost: str

    @property
    def has_several_dates(self) -> bool:
        """Whether the session has more than one sitting."""
        return len(self.dates) > 1

    @property
    def has_a_place(self) -> bool:
        """Whether their place is certain."""
        return self.booking.state == Booking.State.CONFIRMED

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


def notice_of(message: Message, booking: Booking) -> Notice:
    """What a message about a booking says.

    The booking comes with its person, agency, approval, policy, session, course, venue, sittings
    and trainers; nothing is loaded here. Raises `KeyError` or `ValueError` if the message's payload
    is not what its topic needs.
    """
    session, payload = booking.session, _payload_for(message, booking)
    sittings = [SittingTimes.of(each) for each in session.sittings.all()]
    starts, ends = sittings[0].starts_at, sittings[0].ends_at
    if "event" in payload or "starts" in payload:
        told = payload.get("event", payload)
        starts, ends = _moment(told["starts"]), _moment(told["ends"])
    # A date that was dropped from a session is none of those it has now.
    dates_in_all = 1 if message.topic == "booking.further_date_cancelled" else len(sittings)
    has_a_place = booking.state == Booking.State.CONFIRMED
    length = sum((wording.elapsed(each.starts_at, each.ends_at) for each in sittings), timedelta())
    answer_path, cost = _question_of(message, booking, sittings)
    reminders_url = ""
    if message.topic in (DAYS, HOUR):
        reminders_url = absolute(reminders_path(booking.person, since=message.created_at))
    return Notice(
        booking=booking,
        payload=payload,
        first_name=booking.person.first_name,
        person_name=str(booking.person),
        booked_by="" if booking.booked_by_id == booking.person_id else str(booking.booked_by),
        copied_to=copied_to(booking, session.course),
        title=session.course.title,
        dates=tuple(wording.sitting_times(each.starts_at, each.ends_at) for each in sittings),
        length=wording.duration(length),
        starts=starts,
        ends=ends,
        date=wording.sitting_times(starts, ends),
        short_date=wording.short_day(starts),
        start_clock=wording.clock(starts),
        ordinal=_ordinal(int(payload["number"])) if "number" in payload else "One",
        number=int(payload.get("number", 1)),
        of=int(payload.get("of", dates_in_all)),
        where=session.where_in_full,
        join_url=absolute(links.join_path(booking.join_key))
        if session.is_online and may_join_meeting(booking, now=message.created_at)
        else "",
        instructions=session.joining_instructions if has_a_place else "",
        trainers=wording.listed([str(trainer) for trainer in session.trainers.all()]),
        cancelling=terms.terms_of(booking).sentence(now=message.created_at),
        booking_url=absolute(booking.get_absolute_url()),
        session_url=absolute(session.get_absolute_url()),
        reminders_url=reminders_url,
        will_be_reminded=will_be_reminded(booking, told_at=message.created_at),
        offer_length=wording.working_time(session.offer_hours),
        until=wording.deadline(_moment(payload["until"])) if payload.get("until") else "",
        answer_url=absolute(answer_path) if answer_path else "",
        cost=cost,
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
    until = _moment(message.payload["until"])
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
        and approval.asked_at == _moment(message.first_revision)
    )


def still_asks_why(message: Message, booking: Booking, now: datetime) -> bool:
    """Whether the case of absence that a message asks about is still open."""
    case: AbsenceCase | None = getattr(booking, "absence", None)
    if case is None or case.state != AbsenceCase.State.OPEN:
        return False
    return case.opened_at == _moment(message.first_revision)


def _question_of(
    message: Message, booking: Booking, sittings: list[SittingTimes]
) -> tuple[str, str]:
    """The path of the page on which a message is answered, and what not using the place costs."""
    if message.topic in (ASKED, REMINDED):
        path = links.approval_path(booking.approval.key)
        return path, terms.charges_if_not_used(booking, sittings)
    if message.topic == absences.ASKED:
        return reverse("absence", args=[booking.pk]), ""
    if message.topic == absences.MANAGER_ASKED:
        return links.absence_path(booking.absence.key), ""
    if message.topic == OFFERED:
        path = links.offer_path(booking.pk, _moment(message.payload["until"]))
        return path, terms.charges_if_accepted(booking, sittings, now=message.created_at)
    return "", ""


def absolute(path: str) -> str:
    """A path of this site as an address that works in an email."""
    return f"{settings.SITE_URL}{path}"


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _ordinal(number: int) -> str:
    return _ORDINALS[number - 1] if 1 <= number <= len(_ORDINALS) else f"Number {number}"
