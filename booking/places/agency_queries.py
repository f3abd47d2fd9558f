"""What an agency lead's pages read."""

from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.models import Agency
from booking.places.models import Booking


def bookings_of_colleagues(agency: Agency, *, search: str, now: datetime) -> QuerySet[Booking]:
    """The live bookings of an agency's people for sessions that are not over, by session.

    Every word of the search is in the colleague's name or address or in the course's title.
    """
    bookings = Booking.objects.of_agency(agency.pk, now=now).live().with_session()
    for word in search.split():
        bookings = bookings.filter(
            Q(person__first_name__icontains=word)
            | Q(person__last_name__icontains=word)
            | Q(person__email__icontains=word)
            | Q(session__course__title__icontains=word)
        )
    return bookings.with_position().order_by(
        "session__starts_at", "session_id", "person__last_name", "person__first_name", "pk"
    )
