"""The worker's round: no place stays free while somebody waits, no offer outlives its time."""

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

import structlog
from django.db.models import F

from booking.catalogue.models import Session
from booking.places.actions import fill_places
from booking.places.changing.confirming import settle_session
from booking.places.models import Booking

log = structlog.get_logger(__name__)


def sweep(*, now: datetime) -> int:
    """Settle whose agency is confirmed since, take back what ran out, then fill free places.

    Session by session.

    Returns how many people were given or offered a place. Most rounds find nothing and cost a
    few indexed statements. A session that fails keeps no other from its turn: what it raised
    comes in an `ExceptionGroup` once all had theirs.
    """
    over = (
        Booking.objects.offers_run_out(now=now),
        Booking.objects.requests_run_out(now=now),
        Booking.objects.agency_run_out(now=now),
        Booking.objects.first_refusals_run_out(now=now),
    )
    run_out = {key for some in over for key in some.values_list("session_id", flat=True)}
    troubles: list[Exception] = []
    to_settle = Booking.objects.to_settle(now=now).values_list("session_id", flat=True)
    filled = _fill(to_settle, settle_session, now=now, troubles=troubles)
    filled += _fill(run_out, fill_places, now=now, troubles=troubles)
    # Read after that: whoever held an offer elsewhere may have been kept from a place by it.
    to_fill = (
        Session.objects.upcoming(now=now)
        .filter(waiting_count__gt=0, places_taken__lt=F("capacity"))
        .values_list("pk", flat=True)
    )
    filled += _fill(to_fill, fill_places, now=now, troubles=troubles)
    if troubles:
        raise ExceptionGroup("Places of some sessions were not filled.", troubles)
    return filled


class _Act(Protocol):
    """What is done to one session; returns how many were given or offered a place."""

    def __call__(self, *, session: Session, now: datetime) -> int: ...


def _fill(keys: Iterable[int], act: _Act, *, now: datetime, troubles: list[Exception]) -> int:
    filled = 0
    for session in Session.objects.filter(pk__in=set(keys)).order_by("pk"):
        try:
            filled += act(session=session, now=now)
        except Exception as trouble:
            log.exception("places_not_filled", session=session.pk)
            troubles.append(trouble)
    return filled
