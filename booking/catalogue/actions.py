"""What changes the catalogue itself. Changes that concern bookings are in `places`."""

from datetime import datetime

from django.db import transaction

from booking.catalogue.models import Session


def publish(*, session: Session, now: datetime) -> None:
    """Show a draft on the programme and let people book it. Does nothing to other states."""
    with transaction.atomic():
        Session.objects.filter(pk=session.pk, state=Session.State.DRAFT).update(
            state=Session.State.PUBLISHED, changed_at=now
        )


def complete_sessions(*, now: datetime) -> int:
    """Mark published sessions whose last sitting has ended as completed. Returns how many."""
    with transaction.atomic():
        return Session.objects.to_complete(now=now).update(state=Session.State.COMPLETED)
