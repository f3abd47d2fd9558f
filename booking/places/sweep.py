"""The worker's round: no place stays free while somebody waits, no offer outlives its time."""

from datetime import datetime

from django.db.models import F

from booking.catalogue.models import Session
from booking.places.actions import fill_places
from booking.places.models import Booking


def sweep(*, now: datetime) -> int:
    """Fill free places and take back offers that ran out, session by session.

    Returns how many people were given or offered a place. Most rounds find nothing and cost a
    few indexed statements.
    """
    to_fill = (
        Session.objects.upcoming(now=now)
        .filter(waiting_count__gt=0, places_taken__lt=F("capacity"))
        .values_list("pk", flat=True)
    )
    over = (
        Booking.objects.offers_run_out(now=now),
        Booking.objects.requests_run_out(now=now),
        Booking.objects.first_refusals_run_out(now=now),
    )
    run_out = [key for some in over for key in some.values_list("session_id", flat=True)]
    keys = sorted({*to_fill, *run_out})
    return sum(
        fill_places(session=session, now=now)
        for session in Session.objects.filter(pk__in=keys).order_by("pk")
    )
