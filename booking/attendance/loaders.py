"""Loading a session whose people somebody may see, or answering 404."""

from datetime import datetime

from django.db.models import Q
from django.http import Http404

from accounts.models import User
from booking.attendance.queries import TRAINER_ACCESS_AFTER_END
from booking.catalogue.models import Session, SessionQuerySet


def sessions_open_to(person: User, *, now: datetime) -> SessionQuerySet:
    """Sessions whose people this person may see.

    A coordinator sees all. A trainer sees the sessions they lead, until
    `TRAINER_ACCESS_AFTER_END` after the end. Everybody else sees none.
    """
    if person.is_coordinator:
        return Session.objects.all()
    if not person.is_trainer:
        return Session.objects.none()
    recent = Q(ends_at__gt=now - TRAINER_ACCESS_AFTER_END)
    return Session.objects.public().led_by(person).filter(recent)


def session_with_people(person: User, session_id: int, *, now: datetime) -> Session:
    """A session whose people this person may see. Raises `Http404` for any other."""
    sessions = sessions_open_to(person, now=now).select_related("course", "venue")
    session = sessions.filter(pk=session_id).first()
    if session is None:
        raise Http404
    return session
