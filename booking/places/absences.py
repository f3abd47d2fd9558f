"""How often somebody did not come: shown where a place is agreed to, or booked for them."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Count

from booking.catalogue.months import months_later
from booking.partnership.kept import the_partnership
from booking.places.models import Booking
from booking.site.wording import LONDON, counted


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
