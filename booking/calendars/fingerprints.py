"""Telling whether a feed has changed without building it."""

import hashlib

from django.conf import settings
from django.utils.http import quote_etag

from booking.catalogue.models import SessionQuerySet
from booking.places.models import BookingQuerySet

# Raise it when the same rows come to be written differently.
_FORMAT = 1
_OF_SESSION = (
    "pk",
    "state",
    "revision",
    "changed_at",
    "delivery",
    "course__title",
    "course__summary",
    "venue__name",
    "venue__address",
    "sittings__pk",
    "sittings__starts_at",
    "sittings__ends_at",
)
_OF_BOOKING = (
    "pk",
    "state",
    "calendar_sequence",
    "confirmed_at",
    "ended_at",
    "session__changed_at",
    "session__delivery",
    "session__join_url",
    "session__joining_instructions",
    "session__course__title",
    "session__venue__name",
    "session__venue__address",
    "session__sittings__pk",
    "session__sittings__starts_at",
    "session__sittings__ends_at",
)


def of_sessions(sessions: SessionQuerySet) -> str:
    """A strong ETag (RFC 9110, 8.8.3) of a feed of these sessions, with one statement."""
    return _etag(sessions.values_list(*_OF_SESSION))


def of_bookings(bookings: BookingQuerySet) -> str:
    """A strong ETag of a feed of these bookings, with one statement."""
    return _etag(bookings.values_list(*_OF_BOOKING))


def _etag(rows: object) -> str:
    """From everything that the calendar is written from: the same rows, the same bytes."""
    known = (_FORMAT, settings.SITE_URL, settings.MAIL_REPLY_TO, settings.PARTNERSHIP_NAME)
    told = repr((known, list(rows)))  # type: ignore[call-overload]
    return quote_etag(hashlib.sha256(told.encode()).hexdigest()[:32])
