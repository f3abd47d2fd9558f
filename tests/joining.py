"""Join links as people have them."""

from django.conf import settings

from accounts.models import User
from booking.catalogue.models import Session
from booking.places import links
from booking.places.models import Booking


def join_url(booking: Booking) -> str:
    """The link in the mails of a booking."""
    return f"{settings.SITE_URL}{links.join_path(booking.join_key)}"


def trainer_join_url(session: Session, trainer: User) -> str:
    """The link in the feed of somebody who leads a session."""
    return f"{settings.SITE_URL}{links.trainer_join_path(session.pk, trainer.pk)}"
