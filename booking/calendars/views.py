"""Calendars to download and to subscribe to."""

import hashlib
from collections.abc import Iterable

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, set_response_etag

from accounts.access import signed_in_page
from accounts.views import signed_in
from booking.calendars import actions, feeds, ics
from booking.calendars.entries import (
    booking_events,
    diary_entries,
    led_session_events,
    session_events,
)
from booking.calendars.feeds import kind_open_to, kinds_open_to, live_feed
from booking.calendars.ics import AllDay, Event
from booking.calendars.models import CalendarFeed
from booking.catalogue.filters import ProgrammeFilters
from booking.catalogue.models import Session
from booking.catalogue.sharing import subscribe_links
from booking.places.models import Booking
from booking.site.wording import LONDON

_CALENDAR_TYPE = "text/calendar; charset=utf-8"
_KEPT_SECONDS = 60
_NAMES = {
    CalendarFeed.Kind.BOOKINGS: feeds.BOOKINGS_NAME,
    CalendarFeed.Kind.LED: feeds.LED_NAME,
}


def _calendar(content: bytes, *, name: str = "") -> HttpResponse:
    response = HttpResponse(content, content_type=_CALENDAR_TYPE)
    if name:
        response.headers["Content-Disposition"] = f'attachment; filename="{name}.ics"'
    return response


def _feed(
    request: HttpRequest, events: Iterable[Event | AllDay], *, name: str, kept_as: str = ""
) -> HttpResponse:
    """A feed, or 304 for a client that has this very calendar.

    It is built also to be compared: nothing else says as surely whether it has changed. What the
    public may read is `kept_as` this, and built once a minute and web process, however many ask.
    """
    key = kept_as and f"feed:{hashlib.sha256(kept_as.encode()).hexdigest()}"
    content = caches["pages"].get(key) if key else None
    if content is None:
        content = ics.feed(name=name, events=events)
        if key:
            caches["pages"].set(key, content, _KEPT_SECONDS)
    built = _calendar(content)
    set_response_etag(built)
    response = get_conditional_response(request, etag=built.headers["ETag"]) or built
    response.headers["ETag"] = built.headers["ETag"]
    response.headers["Cache-Control"] = "public, max-age=300" if key else "private, no-cache"
    response.headers["X-Robots-Tag"] = "noindex"
    if not key:
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


def session_ics(request: HttpRequest, session_id: int) -> HttpResponse:
    """One session as a calendar file, every sitting in it."""
    session = get_object_or_404(Session.objects.public().for_pages(), pk=session_id)
    events = list(session_events([session]))
    one = len(events) == 1
    content = ics.single(events[0]) if one else ics.feed(name=session.course.title, events=events)
    return _calendar(content, name=f"session-{session_id}")


@signed_in_page()
def booking_ics(request: HttpRequest, booking_id: int) -> HttpResponse:
    """One's own confirmed booking as a calendar file."""
    own = feeds.with_entries(Booking.objects.for_person(signed_in(request)).confirmed())
    booking = get_object_or_404(own, pk=booking_id)
    content = ics.feed(name=booking.session.course.title, events=booking_events([booking]))
    return _calendar(content, name=f"booking-{booking.pk}")


def programme_ics(request: HttpRequest) -> HttpResponse:
    """The sessions ahead that pass the programme page's filters, and those called off lately."""
    now = timezone.now()
    filters = feeds.programme_filters(request.GET, now=now)
    try:
        sessions = feeds.programme_entries(filters, now=now)
    except feeds.FilterRefused as refusal:
        return HttpResponse(f"{refusal}\n", status=400, content_type="text/plain; charset=utf-8")
    asked = filters.understood().urlencode() if filters else ""
    name = feeds.programme_name(filters)
    return _feed(request, session_events(sessions), name=name, kept_as=f"programme?{asked}")


def diary_ics(request: HttpRequest) -> HttpResponse:
    """Awareness days and weeks, for anybody to subscribe to."""
    dates = feeds.diary_dates(now=timezone.now())
    return _feed(request, diary_entries(dates), name=feeds.diary_name(), kept_as="diary")


def private_feed(request: HttpRequest, token: str) -> HttpResponse:
    """What is one person's, under their secret address. 404 once it is replaced or stopped."""
    now = timezone.now()
    feed = live_feed(token)
    today = now.astimezone(LONDON).date()
    if feed.last_read_on != today:
        actions.note_reading(feed=feed, on=today)
    if feed.kind == CalendarFeed.Kind.LED:
        led = led_session_events(feeds.led_by(feed.person_id, now=now), feed.person_id)
        return _feed(request, led, name=feeds.LED_NAME)
    booked = booking_events(feeds.bookings_of(feed.person_id, now=now))
    return _feed(request, booked, name=feeds.BOOKINGS_NAME)


@signed_in_page()
def calendar_feed(request: HttpRequest) -> HttpResponse:
    """What a feed is, and making, replacing or stopping one's own."""
    person = signed_in(request)
    live = {feed.kind: feed for feed in CalendarFeed.objects.live().of(person)}
    feeds = [(kind, live.get(kind)) for kind in kinds_open_to(person)]
    return render(request, "calendars/feed.html", {"feeds": feeds})


@signed_in_page(post=10, only_post=True, proof=True)
def make_feed(request: HttpRequest, kind: str) -> HttpResponse:
    """Make or replace a secret address and show it, this once."""
    person = signed_in(request)
    chosen = kind_open_to(person, kind)
    token = actions.new_feed(person=person, kind=chosen, now=timezone.now())
    address = settings.SITE_URL + reverse("private_feed", args=[token])
    context = {
        "address": address,
        "kind": chosen,
        "links": subscribe_links(feed_address=address, feed_name=_NAMES[chosen]),
    }
    response = render(request, "calendars/feed_made.html", context)
    # Not `no-referrer`, under which browsers send forms, such as that to sign out, without their
    # origin (Fetch, 3.2), and the CSRF check refuses them.
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


@signed_in_page(post=60, only_post=True, proof=True)
def remove_feed(request: HttpRequest, kind: str) -> HttpResponse:
    """Stop a secret address from working."""
    person = signed_in(request)
    actions.revoke_feed(person=person, kind=kind_open_to(person, kind), now=timezone.now())
    return redirect("calendar_feed")


def subscribe(request: HttpRequest) -> HttpResponse:
    """How to subscribe to the programme, or to the part of it that these filters let through."""
    now = timezone.now()
    filters = ProgrammeFilters(request.GET, queryset=Session.objects.none(), now=now)
    query = filters.understood()
    address = settings.SITE_URL + reverse("programme_ics")
    if query:
        address += f"?{query.urlencode()}"
    diary_address = settings.SITE_URL + reverse("diary_ics")
    context = {
        "form": filters.form,
        "chips": filters.chips(),
        "query": query,
        "address": address,
        "links": subscribe_links(feed_address=address, feed_name=feeds.programme_name(filters)),
        "diary_address": diary_address,
        "diary_links": subscribe_links(feed_address=diary_address, feed_name=feeds.diary_name()),
    }
    return render(request, "calendars/subscribe.html", context)
