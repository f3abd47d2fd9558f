"""Pages about feeds: making one's own, and subscribing to the public ones."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from accounts.views import signed_in
from booking.calendars import actions, shown
from booking.calendars.loaders import kind_open_to, kinds_open_to
from booking.calendars.models import CalendarFeed
from booking.catalogue.filters import ProgrammeFilters
from booking.catalogue.models import Session
from booking.catalogue.sharing import subscribe_links
from booking.site.limits import at_most

_NAMES = {
    CalendarFeed.Kind.BOOKINGS: shown.BOOKINGS_NAME,
    CalendarFeed.Kind.LED: shown.LED_NAME,
}


@never_cache
@login_required
def calendar_feed(request: HttpRequest) -> HttpResponse:
    """What a feed is, and making, replacing or stopping one's own."""
    person = signed_in(request)
    live = {feed.kind: feed for feed in CalendarFeed.objects.live().of(person)}
    feeds = [(kind, live.get(kind)) for kind in kinds_open_to(person)]
    return render(request, "calendars/feed.html", {"feeds": feeds})


@require_POST
@never_cache
@at_most(10)
@login_required
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


@require_POST
@never_cache
@at_most(60)
@login_required
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
        "links": subscribe_links(feed_address=address, feed_name=shown.programme_name(filters)),
        "diary_address": diary_address,
        "diary_links": subscribe_links(feed_address=diary_address, feed_name=shown.diary_name()),
    }
    return render(request, "calendars/subscribe.html", context)
