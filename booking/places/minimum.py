"""Whether a session with few people goes ahead: coordinators decide, from a day set for it."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Count, F, IntegerField, OuterRef, Subquery
from django.db.models.functions import Coalesce

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent, SessionQuerySet
from booking.places.eligibility import check_ahead
from booking.places.models import Booking
from booking.places.statements import lock_session
from booking.site.wording import LONDON, counted


def at_risk(sessions: SessionQuerySet, *, now: datetime) -> SessionQuerySet:
    """Those of these sessions about which somebody has to decide, the soonest first.

    Published and ahead, their day to decide has come, fewer people have a confirmed place than
    the session needs, and nobody has said yet that it goes ahead.
    """
    confirmed = (
        Booking.objects.confirmed()
        .filter(session_id=OuterRef("pk"))
        .order_by()
        .values("session_id")
        .annotate(number=Count("pk"))
        .values("number")
    )
    return (
        sessions.upcoming(now=now)
        .filter(
            minimum__isnull=False,
            decide_on__lte=now.astimezone(LONDON).date(),
            goes_ahead_at__isnull=True,
        )
        .annotate(confirmed=Coalesce(Subquery(confirmed, output_field=IntegerField()), 0))
        .filter(confirmed__lt=F("minimum"))
    )


def too_few(session: Session, *, now: datetime) -> int | None:
    """How many people have a confirmed place, if the session is at risk; else nothing."""
    found: Any = at_risk(Session.objects.filter(pk=session.pk), now=now).first()
    return None if found is None else int(found.confirmed)


def goes_ahead(*, session: Session, by: User, now: datetime, why: str = "") -> None:
    """Hold a session although few people have booked. Saying it twice changes nothing.

    Raises `SessionNotOpen` or `SessionStarted`.
    """
    with transaction.atomic():
        locked = lock_session(session.pk)
        check_ahead(locked, now=now)
        if locked.goes_ahead_at is not None:
            return
        locked.goes_ahead_at = now
        locked.save(update_fields=["goes_ahead_at"])
        people = Booking.objects.for_session(locked).confirmed().count()
        what = f"It goes ahead, with {counted(people, 'person', 'people')} so far."
        SessionEvent.objects.create(session=locked, at=now, by=by, what=what, why=why)
