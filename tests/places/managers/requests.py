"""Requests for the manager's agreement, answered as the link in the mail does."""

from datetime import datetime

from django.test import Client
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.places import links
from booking.places.managers.models import Approval
from booking.places.models import Booking
from tests.factories import make_course, make_session, morning
from tests.people import book

MANAGER = "manager@trust.example"


def asking_session(**fields: object) -> Session:
    """A session of a course that needs the manager's agreement."""
    course = make_course(title="Working Together", needs_manager_approval=True)
    fields.setdefault("starts_at", morning(40))
    return make_session(course=course, **fields)  # type: ignore[arg-type]


def requested(person: User, *, now: datetime | None = None, **fields: object) -> Booking:
    """A place held for this person until their manager answers."""
    manager = str(fields.pop("manager_email", MANAGER))
    booking = book(
        asking_session(**fields), person, now=now or timezone.now(), manager_email=manager
    )
    assert booking.state == Booking.State.REQUESTED
    return booking


def answer(booking: Booking, **fields: str) -> tuple[int, str]:
    """What the manager's page says to an answer."""
    response = Client().post(links.approval_path(approval_of(booking).key), fields)
    return response.status_code, response.content.decode()


def approval_of(booking: Booking) -> Approval:
    return Approval.objects.select_related("booking__session").get(booking=booking)


def mails(topic: str) -> list[str]:
    return list(Message.objects.filter(topic=topic).values_list("to_email", flat=True))
