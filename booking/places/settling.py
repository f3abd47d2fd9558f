"""Putting people whose agency was not on the list into one, with the places they have."""

from collections.abc import Sequence

from django.db import transaction

from accounts import agencies
from accounts.models import Agency, User
from booking.places.models import Booking
from booking.places.statements import lock_session


def settle(*, people: Sequence[User], agency: Agency) -> None:
    """Put these people into the agency; their live bookings count as its from now on.

    So its limit, its charges and handing a place to a colleague hold for them too. Each session
    is a transaction of its own, so that nobody's row is held before a session's.
    """
    agencies.join_agency(people=people, agency=agency)
    unsettled = Booking.objects.live().filter(person__in=people, agency=None)
    for session_id in sorted(set(unsettled.values_list("session_id", flat=True))):
        with transaction.atomic():
            lock_session(session_id)
            unsettled.filter(session=session_id).update(agency=agency)
