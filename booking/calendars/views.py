"""Calendars to download and to subscribe to."""

import re
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.views import signed_in
from booking.calendars import actions, fingerprints, ics
from booking.calendars.entries import booking_events, session_events
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Session
from booking.places.loaders import public_session
from booking.places.models import Booking
from booking.rate_limits import at_most

_CANCELLED_SHOWN_FOR = timedelta(days=30)
_PAST_SHOWN_FOR = timedelta(days=365)
_CALENDAR_TYPE = "text/calendar; charset=utf-8"


def _calendar(content: bytes, *, name: str = "") -> HttpResponse:
    response = HttpResponse(content, content_type=_CALENDAR_TYPE)
    if name:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.ics"'
    return response


def _feed(
    request: HttpRequest, *, etag: str, build: Callable[[], bytes], private: bool
) -> HttpResponse:
    """A feed, or 304 for a client that has this very calendar; then it is not built at all."""
    response = get_conditional_response(request, etag=etag) or _calendar(build())
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache" if private else "public, max-age=300"
    response.headers["X-Robots-Tag"] = "noindex"
    return response


def session_ics(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session as a calendar file, every sitting in it."""
    session = public_session(session_id)
    events = list(session_events(session))
    content = (
        ics.single(events[0])
        if len(events) == 1
        else ics.feed(name=session.course.title, events=events)
    )
    return _calendar(content, name=f"session-{session.pk}")


@never_cache
@login_required
def booking_ics(request: HttpRequest, booking_id: int) -> HttpResponse:
    """One's own confirmed booking as a calendar file."""
    own = Booking.objects.for_person(signed_in(request)).confirmed().with_session()
    booking = own.filter(pk=booking_id).first()
    if booking is None:
        raise Http404
    content = ics.feed(name=booking.session.course.title, events=booking_events([booking]))
    return _calendar(content, name=f"booking-{booking.pk}")


def programme_ics(request: HttpRequest) -> HttpResponse:
    """Every session ahead, and those called off lately, for anybody to subscribe to."""
    now = timezone.now()
    cancelled = Q(state=Session.State.CANCELLED, changed_at__gt=now - _CANCELLED_SHOWN_FOR)
    shown = Q(state=Session.State.PUBLISHED) | cancelled
    sessions = Session.objects.filter(shown, ends_at__gt=now).order_by("starts_at", "pk")
    return _feed(
        request,
        etag=fingerprints.of_sessions(sessions),
        build=lambda: ics.feed(
            name=f"{settings.PARTNERSHIP_NAME}: training",
            events=(event for each in sessions.for_pages() for event in session_events(each)),
        ),
        private=False,
    )


def private_feed(request: HttpRequest, token: str) -> HttpResponse:
    """One person's bookings under their secret address. 404 once it is replaced or revoked."""
    feeds = CalendarFeed.objects.filter(revoked_at=None, person__is_active=True)
    feed = feeds.select_related("person").filter(token_hash=actions.token_hash(token)).first()
    if feed is None:
        raise Http404
    now = timezone.now()
    recently_ended = Q(
        state=Booking.State.CANCELLED,
        confirmed_at__isnull=False,
        ended_at__gt=now - _CANCELLED_SHOWN_FOR,
    )
    shown = Q(state__in=(Booking.State.CONFIRMED, Booking.State.OFFERED)) | recently_ended
    bookings = (
        Booking.objects.for_person(feed.person)
        .filter(shown, session__ends_at__gt=now - _PAST_SHOWN_FOR)
        .order_by("session__starts_at", "pk")
    )
    return _feed(
        request,
        etag=fingerprints.of_bookings(bookings),
        build=lambda: ics.feed(
            name="My safeguarding training", events=booking_events(bookings.with_session())
        ),
        private=True,
    )


@never_cache
@login_required
def calendar_feed(request: HttpRequest) -> HttpResponse:
    """What a feed is, and making, replacing or removing one's own."""
    person = signed_in(request)
    feed = CalendarFeed.objects.filter(person=person, revoked_at=None).first()
    return render(request, "calendars/feed.html", {"feed": feed})


@require_POST
@never_cache
@at_most(10)
@login_required
def make_feed(request: HttpRequest) -> HttpResponse:
    """Make or replace the secret address and show it, this once."""
    token = actions.new_feed(person=signed_in(request), now=timezone.now())
    address = settings.SITE_URL + reverse("private_feed", args=[token])
    return render(
        request,
        "calendars/feed_made.html",
        {"address": address, "webcal": re.sub(r"^https?://", "webcal://", address)},
    )


@require_POST
@never_cache
@login_required
def remove_feed(request: HttpRequest) -> HttpResponse:
    """Stop the secret address from working."""
    actions.revoke_feed(person=signed_in(request), now=timezone.now())
    return redirect("calendar_feed")
