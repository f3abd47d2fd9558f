"""Closing a register: what came of each place is decided, told and acted on; and corrected later.

Until then people hear nothing. All of it is one transaction under the session's lock, so nobody
walks in, cancels or is marked while it is decided.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from accounts.models import User
from booking.attendance import absences
from booking.attendance.marking import RegisterClosed, marking_begins
from booking.attendance.models import Register
from booking.attendance.roster import Attendee, Roster, roster_of
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places import history
from booking.places.events import BookingEvent
from booking.places.lock import locked_booking, locked_session
from booking.places.models import Booking
from booking.places.news.drafts import about
from booking.site.readable import key_in
from booking.site.refusals import Refused
from booking.site.wording import counted, deadline

register(MailTopic("attendance.walked_in", "Came without a booking"))

Outcome, What = Booking.Outcome, BookingEvent.What
# How many of the changes since a page was shown are said one by one.
_MOST_SAID = 10
_FINISHED_EARLY = timedelta(minutes=15)


class CannotBeClosedYet(Refused):
    """It is not over, or not held."""

    def __init__(self, session: Session) -> None:
        begins = closes_from(session)
        self.sentence = (
            f"The register cannot be closed before {deadline(begins)}: people still come and leave."
            if begins
            else "This session is not held, so its register cannot be closed."
        )


class MarkedMeanwhile(Refused):
    """The register says something else than when the page was shown."""

    def __init__(self, changed: Sequence[str]) -> None:
        said = [*changed[:_MOST_SAID]]
        if more := len(changed) - len(said):
            said.append(counted(more, "other change"))
        self.sentence = (
            f"Since this page was shown, the register has changed: {'; '.join(said)}."
            " Nothing is closed yet."
        )


class NotClosed(Refused):
    """There is nothing to correct yet."""

    sentence = "The register is not closed. Mark the person on it instead."


class SameOutcome(Refused):
    """It stands already."""

    sentence = "This is what the register says already."


def closes_from(session: Session) -> datetime | None:
    """From when the register may be closed: shortly before it ends, as a trainer may finish early;
    nothing if it is not held."""
    if not marking_begins(session):
        return None
    last = list(session.sittings.all())[-1]
    return max(last.starts_at, last.ends_at - _FINISHED_EARLY)


def may_be_closed(session: Session, *, now: datetime) -> bool:
    """Whether its last sitting is over, or nearly: until then people come and leave."""
    begins = closes_from(session)
    return begins is not None and begins <= now


def fingerprint(roster: Roster) -> str:
    """What is proposed, by booking: tells whether it is what was looked at."""
    return ",".join(f"{each.booking.pk}:{each.outcome}" for each in roster.attendees)


def _changed_since(seen: str, roster: Roster) -> list[str]:
    """What is proposed otherwise than in the `fingerprint` that was looked at, in words."""
    was = dict(each.split(":", 1) for each in seen.split(",") if ":" in each)
    changed = []
    for each in roster.attendees:
        key, person, counts = str(each.booking.pk), each.booking.person, each.outcome.label.lower()
        if key not in was:
            changed.append(f"{person} is on it now, as {counts}")
        elif was[key] != each.outcome:
            changed.append(f"{person} counts as {counts} now")
    here = {str(each.booking.pk) for each in roster.attendees}
    gone = [key_in(each) or 0 for each in was if each not in here]
    left = Booking.objects.for_session(roster.session).filter(pk__in=gone).select_related("person")
    return [*changed, *(f"{each.person} has no certain place any more" for each in left)]


def close_register(*, session: Session, seen: str, by: User, now: datetime) -> Roster:
    """Decide what came of every place, as proposed. `seen` is the `fingerprint` looked at.

    Whoever is not marked did not come. Absence opens a case, and people who walked in hear that
    they are noted. Raises `CannotBeClosedYet`, `RegisterClosed` or `MarkedMeanwhile`.
    """
    with _held(session, now=now) as (fresh, held):
        if held.is_closed:
            raise RegisterClosed
        if not may_be_closed(fresh, now=now):
            raise CannotBeClosedYet(fresh)
        roster = roster_of(fresh)
        if fingerprint(roster) != seen:
            raise MarkedMeanwhile(_changed_since(seen, roster))
        held.closed_at, held.closed_by = now, by
        held.save(update_fields=["closed_at", "closed_by"])
        for outcome in Outcome:
            _decide(
                outcome,
                [each for each in roster.attendees if each.outcome == outcome],
                by=by,
                now=now,
            )
        absent = [each.booking for each in roster.attendees if each.outcome == Outcome.ABSENT]
        drafts = absences.open_cases(absent, now=now)
        drafts += [
            walked_in(each.booking)
            for each in roster.attendees
            if each.booking.is_walk_in and each.outcome in Booking.CAME
        ]
        outbox.post(drafts, now=now)
    return roster


def correct_outcome(
    *, booking: Booking, outcome: Booking.Outcome, why: str, by: User, now: datetime
) -> Booking:
    """Say that something else came of a place than the closed register says, for a reason.

    What hung on the first outcome follows: the case of an absence is opened, or ends and nothing
    is charged, and so does that of whose place they came in; courses that build on this one look
    at the outcome themselves. Raises `NotClosed` or `SameOutcome`.
    """
    with locked_booking(booking) as (_, fresh):
        if not Register.objects.filter(session=fresh.session, closed_at__isnull=False).exists():
            raise NotClosed
        before = fresh.outcome
        if before == outcome:
            raise SameOutcome
        fresh.outcome = outcome
        fresh.save(update_fields=["outcome"])
        was = Outcome(before).label if before else "Nothing"
        told = f"From “{was}” to “{outcome.label}”. {why}"
        history.record([fresh], What.OUTCOME_CORRECTED, by=by, now=now, why=told)
        drafts: list[Draft] = []
        if outcome == Outcome.ABSENT:
            drafts = absences.open_cases([fresh], now=now)
        elif before == Outcome.ABSENT:
            drafts = absences.end_case(fresh, why="The register was corrected.", now=now)
        if fresh.is_walk_in:
            drafts += absences.look_again(fresh, now=now)
        outbox.post(drafts, now=now)
    return fresh


@contextmanager
def _held(session: Session, *, now: datetime) -> Iterator[tuple[Session, Register]]:
    """A transaction that holds the session as it is now, then its register."""
    with locked_session(session) as ruled:
        Register.objects.get_or_create(session=session, defaults={"opened_at": now})
        yield ruled.session, Register.objects.select_for_update(no_key=True).get(session=session)


def _decide(
    outcome: Booking.Outcome, attendees: Sequence[Attendee], *, by: User, now: datetime
) -> None:
    bookings = [each.booking for each in attendees]
    Booking.objects.filter(pk__in=[each.pk for each in bookings]).update(outcome=outcome)
    for booking in bookings:
        booking.outcome = outcome
    history.record(bookings, What.OUTCOME, by=by, now=now, why=f"{outcome.label}.")


def walked_in(booking: Booking) -> Draft:
    """To somebody who came without a booking: it is noted, and how to sign in."""
    return about(booking, "attendance.walked_in", 0, {})
