"""Until when giving up a place is free and what it costs after that, in pence and in words.

Of a booking these are the terms it was promised; of a session those that a new booking would get.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from django.db.models import prefetch_related_objects

from accounts.models import Agency, User
from booking.catalogue.models import CancellationPolicy, ChargeBand, Session
from booking.catalogue.sittings import SittingTimes
from booking.places.lock import sittings_of
from booking.places.models import Booking
from booking.places.refusals import NotYoursToOverride
from booking.site.wording import deadline, listed, pounds
from booking.site.working_days import free_until

_SO_THAT = "so that somebody else can have the place."


def hours_of(sittings: Iterable[SittingTimes]) -> Decimal:
    """How long all sittings last together."""
    length = sum((each.ends_at - each.starts_at for each in sittings), timedelta())
    return Decimal(length // timedelta(minutes=1)) / 60


def late_pence(booking: Booking, sittings: Iterable[SittingTimes]) -> int:
    """What the booking costs if it is cancelled after the promised moment, in pence."""
    return _charge_pence(booking, sittings, ChargeBand.Occasion.LATE)


def absence_pence(booking: Booking, sittings: Iterable[SittingTimes]) -> int:
    """What the booking costs if nobody comes, in pence."""
    return _charge_pence(booking, sittings, ChargeBand.Occasion.ABSENT)


def charge_for_cancelling(
    booking: Booking,
    sittings: Iterable[SittingTimes],
    *,
    by: User,
    now: datetime,
    waived: str = "",
) -> int:
    """What cancelling a confirmed place costs now, in pence.

    Nothing until the promised moment, and nothing if a coordinator has `waived` it for a reason.
    Raises `NotYoursToOverride` of anybody else who would.
    """
    if waived and not may_waive(booking, by):
        raise NotYoursToOverride
    return 0 if waived or now < booking.free_until else late_pence(booking, sittings)


def may_waive(booking: Booking, by: User) -> bool:
    """Whether they may say that it costs nothing: coordinators, of other people's bookings."""
    return by.is_coordinator and by.pk != booking.person_id


def charge_sentence(booking: Booking, *, waived: str = "") -> str:
    """What was charged, or why nothing was, in words; or nothing."""
    if waived:
        return f"Nothing is charged. The reason given: {waived}"
    if not booking.charge_pence:
        return ""
    what = "Absence" if booking.state == Booking.State.CONFIRMED else "Late cancellation"
    return f"{what}: {pounds(booking.charge_pence)} is charged."


def charges_if_accepted(
    booking: Booking, sittings: Iterable[SittingTimes], *, now: datetime
) -> str:
    """What somebody who accepts a place should know about giving it up again, or nothing."""
    if not booking.notice_days:
        return ""
    pence = late_pence(booking, sittings)
    if now >= booking.free_until:
        if pence:
            return (
                "The notice period has begun. If you accept the place, cancelling it will no"
                f" longer be free: it costs {pounds(pence)}."
            )
        return (
            "The notice period has begun, so please accept only if you are sure that you can come."
        )
    if pence:
        return (
            f"You can cancel free of charge until {deadline(booking.free_until)}. After that it"
            f" costs {pounds(pence)}."
        )
    return ""


def charges_if_not_used(booking: Booking, sittings: Sequence[SittingTimes]) -> str:
    """What it costs if a place is not used, for whoever is to agree to it, or nothing."""
    late, absent = late_pence(booking, sittings), absence_pence(booking, sittings)
    costs = []
    if late and booking.notice_days:
        costs.append(f"cancelling after {deadline(booking.free_until)} costs {pounds(late)}")
    if absent:
        costs.append(f"not coming costs {pounds(absent)}")
    words = listed(costs)
    return f"{words[:1].upper()}{words[1:]}." if words else ""


def _charge_pence(booking: Booking, sittings: Iterable[SittingTimes], occasion: str) -> int:
    if booking.policy is None:
        return 0
    return booking.policy.charge_pence(occasion, hours=hours_of(sittings), agency=booking.agency)


@dataclass(frozen=True, kw_only=True)
class CancellationTerms:
    """The moment until which cancelling is free, and what is charged after that, in pence.

    `until_start` says that this moment is the start, `spared` that the person's agency is never
    charged, `some_spared` that some agencies are not, where it is not known whose terms these are,
    `spared_later` that it is not, once it is confirmed that they work there, `of_another` that
    somebody else reads it, `nobody` that it is read by somebody who has not signed in.
    """

    free_until: datetime
    until_start: bool = False
    late_pence: int = 0
    absent_pence: int = 0
    spared: bool = False
    some_spared: bool = False
    spared_later: bool = False
    of_another: bool = False
    nobody: bool = False

    @property
    def has_charges(self) -> bool:
        """Whether anything is charged at all."""
        return bool(self.late_pence or self.absent_pence)

    @property
    def after(self) -> str:
        """What is charged after the moment: "£35 for late cancellation, £35 if you do not come"."""
        late = f"{pounds(self.late_pence)} for late cancellation" if self.late_pence else ""
        who = "they" if self.of_another else "you"
        absent = f"{pounds(self.absent_pence)} if {who} do not come" if self.absent_pence else ""
        return ", ".join(filter(None, (late, absent)))

    def sentence(self, *, now: datetime) -> str:
        """All of it, for somebody who may still cancel."""
        is_free_still = now < self.free_until
        if self.spared:
            still = f"Please still cancel {self._please(now)}, {_SO_THAT}"
            return f"No charge for {self._whose} agency. {still}"
        if not self.has_charges:
            return f"Cancelling costs nothing. Please cancel {self._please(now)}, {_SO_THAT}"
        if is_free_still:
            told = f"Free until {deadline(self.free_until)}. After that {self.after}."
        else:
            told = f"Cancelling was free until {deadline(self.free_until)}. Now {self.after}."
        if self.spared_later:
            return f"{told} As soon as {self._whose} agency is confirmed: no charge."
        if not self.some_spared:
            return told
        how = ": sign in to see what yours pays" if self.nobody else ""
        return f"{told} Some agencies pay nothing{how}."

    @property
    def _whose(self) -> str:
        return "their" if self.of_another else "your"

    def _please(self, now: datetime) -> str:
        if self.until_start:
            return "before the session starts"
        return f"by {deadline(self.free_until)}" if now < self.free_until else "as soon as you can"

    def cost_now(self, *, now: datetime) -> str:
        """What cancelling costs at this moment, for the page before the button."""
        if self.spared:
            return f"Cancelling now costs nothing: there is no charge for {self._whose} agency."
        if not self.late_pence:
            return "Cancelling now costs nothing."
        by = deadline(self.free_until)
        if now < self.free_until:
            return f"Cancelling now costs nothing. It is free until {by}."
        return (
            f"Cancelling now costs {pounds(self.late_pence)} for late cancellation, because it was"
            f" free until {by}."
        )


def terms_of(booking: Booking, *, reader: User | None = None) -> CancellationTerms:
    """What was promised with a booking; at most two statements if nothing was prefetched.

    It is told to its person, or to whichever `reader` there is.
    """
    sittings, until = sittings_of(booking.session), booking.free_until
    said = booking.person.agency if booking.agency is None and booking.is_live else None
    found = terms(booking.policy, booking.agency, sittings, until=until, said=said)
    return replace(found, of_another=reader is not None and reader.pk != booking.person_id)


def terms_offered(
    session: Session, person: User | None, *, known: Agency | None = None
) -> CancellationTerms:
    """What this person would be promised who books the session now; nobody has no agency.

    `known` is the agency that the address proves of somebody who has not said who they are.
    """
    until = free_until(session.starts_at, session.notice_days)
    proved, said = (known or person.proved_agency, person.agency) if person else (None, None)
    promised = terms(session.policy, proved, sittings_of(session), until=until, said=said)
    return replace(promised, nobody=person is None)


def terms(
    policy: CancellationPolicy | None,
    agency: Agency | None,
    sittings: Sequence[SittingTimes],
    *,
    until: datetime,
    said: Agency | None = None,
) -> CancellationTerms:
    """The terms under a policy, for an agency, of a session with these sittings.

    `said` is the agency for which the person says they work, confirmed or not.
    """
    until_start = bool(sittings) and until >= sittings[0].starts_at
    if policy is None:
        return CancellationTerms(free_until=until, until_start=until_start)
    prefetch_related_objects([policy], "bands")
    hours = hours_of(sittings)
    late, absent = (
        policy.charge_pence(occasion, hours=hours, agency=None)
        for occasion in (ChargeBand.Occasion.LATE, ChargeBand.Occasion.ABSENT)
    )
    if not (late or absent) or policy.is_free_for(agency):
        spared = bool(late or absent)
        return CancellationTerms(free_until=until, until_start=until_start, spared=spared)
    some = policy.free_for_trainers_in_kind or policy.free_for_charities_under_pence is not None
    return CancellationTerms(
        free_until=until,
        until_start=until_start,
        late_pence=late,
        absent_pence=absent,
        some_spared=agency is None and said is None and some,
        spared_later=agency is None and policy.is_free_for(said),
    )
