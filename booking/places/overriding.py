"""Letting somebody past a rule: what stays with the booking, what is told, and one place more.

Only a coordinator does, rule by rule and with a reason for each. What may never be passed says so
in `booking.places.refusals`: the promises of the database, a clash, a session that has begun.
"""

from collections.abc import Mapping
from datetime import datetime

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent
from booking.places import history
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.places.refusals import NotYoursToOverride
from booking.places.rules.decision import Decision
from booking.places.rules.rules import NEEDS_ONE_MORE


def check_may_override(reasons: Mapping[str, str], *, person: User, by: User) -> frozenset[str]:
    """The names of the rules to be passed.

    Raises `NotYoursToOverride` but for coordinators who book for somebody else.
    """
    if reasons and (not by.is_coordinator or by.pk == person.pk):
        raise NotYoursToOverride
    return frozenset(reasons)


def let_past(
    booking: Booking, decision: Decision, reasons: Mapping[str, str], *, by: User, now: datetime
) -> None:
    """Keep on a new booking, not yet stored, which rules it passes; one place more if need be.

    The caller holds the session's lock and seats the booking under it. So nobody who waits is
    given the place that was made for this person.
    """
    names = (each.rule for each in decision.overridden if each.rule not in NEEDS_ONE_MORE)
    booking.overridden = list(dict.fromkeys(names))
    if decision.needs_one_more and decision.must_wait is None:
        said = [reasons[each.rule] for each in decision.overridden if each.rule in NEEDS_ONE_MORE]
        set_capacity(
            booking.session, booking.session.capacity + 1, by=by, now=now, why="; ".join(said)
        )


def set_capacity(
    session: Session, capacity: int, *, by: User, now: datetime, why: str = ""
) -> None:
    """Store how many places there are, and who said so; the caller holds the session's lock."""
    what = f"Capacity changed from {session.capacity} to {capacity}."
    session.capacity = capacity
    session.save(update_fields=["capacity"])
    SessionEvent.objects.create(session=session, at=now, by=by, what=what, why=why[:500])


def record_overridden(
    booking: Booking, decision: Decision, reasons: Mapping[str, str], *, by: User, now: datetime
) -> None:
    """Append to the booking's history each rule that it was let past, and why.

    Of a place that had to be waited for all the same, nothing is said that was not needed.
    """
    for refused in decision.overridden:
        if refused.rule in NEEDS_ONE_MORE and decision.must_wait is not None:
            continue
        why = f"{refused.about_another} The reason given: {reasons[refused.rule]}"
        history.record(
            [booking], BookingEvent.What.OVERRIDDEN, by=by, now=now, rule=refused.rule, why=why
        )
