"""The history of bookings: who did what, by which rule, and why."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db.models import Count

from accounts.models import User
from booking.catalogue.months import months_later
from booking.partnership.kept import the_partnership
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused
from booking.site.inserting import insert
from booking.site.wording import LONDON, counted

What = BookingEvent.What
_BEFORE_WHY = {
    What.JOINED: "Joined the waiting list. {why}",
    What.PASSED_OVER: "A place went to somebody further back, because of a rule. {why}",
    What.MOVED_BACK: "Somebody was moved up before you. The reason given: {why}",
    What.MOVED_UP: "Moved up the waiting list. The reason given: {why}",
    What.REQUESTED: "Asked for a place, to which the line manager must agree. {why}",
    What.OVERRIDDEN: "A coordinator let this booking past a rule. {why}",
    What.MANAGER_ASKED: "The manager is asked: {why}",
    What.MOVED_AWAY: "{why}",
    What.MOVED_HERE: "{why}",
    What.APPROVED: "{why}",
    What.REFUSED: "{why}",
    What.INVITED: "Put in line for this date before others. {why}",
}


def record(
    bookings: Sequence[Booking],
    what: BookingEvent.What,
    *,
    by: User | None,
    now: datetime,
    why: str = "",
    rule: str = "",
) -> None:
    """Append to the history of each booking, with one statement.

    `by` is nobody when the system acted by itself. `rule` names the one that decided.
    """
    insert(
        [
            BookingEvent(
                booking=booking,
                at=now,
                by=by,
                what=what,
                rule=rule,
                why=why[:500],
                state_after=booking.state,
            )
            for booking in bookings
        ]
    )


def record_passed_over(held: Iterable[tuple[Booking, PlaceRefused]], *, now: datetime) -> None:
    """Say to each of those who wait which rule held them when somebody further back got a place."""
    insert(
        [
            BookingEvent(
                booking=booking,
                at=now,
                what=BookingEvent.What.PASSED_OVER,
                rule=reason.rule,
                why=reason.sentence[:500],
                state_after=booking.state,
            )
            for booking, reason in held
        ]
    )


def told_of(event: BookingEvent) -> str:
    """The event in a sentence or two, with the reason or the rule that decided."""
    words = _BEFORE_WHY.get(What(event.what), "{what}. {why}" if event.why else "{what}")
    return words.format(what=event.get_what_display(), why=event.why).strip()


def repeated_absences(people: Iterable[int], *, now: datetime) -> dict[int, str]:
    """A sentence about each of these people, by key, who stayed away as often as is shown.

    The partnership says how often that is, and in how many months; costs one statement, or none.
    """
    least, months = the_partnership().repeated_absences, the_partnership().repeated_months
    if not least:
        return {}
    since = months_later(now.astimezone(LONDON).date(), -months)
    absent = Booking.objects.filter(
        person__in=list(people), outcome=Booking.Outcome.ABSENT, session__ends_at__date__gte=since
    )
    numbers = absent.order_by().values_list("person").annotate(number=Count("pk"))
    within = counted(months, "month")
    return {
        person: f"Did not come to {counted(number, 'session')} in the last {within}."
        for person, number in numbers
        if number >= least
    }
