"""What people need at sessions ahead: a worklist, until somebody says that it is arranged."""

from collections import Counter
from itertools import groupby
from operator import attrgetter
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.views import signed_in
from booking.attendance.lists import say_arranged, to_arrange, with_needs_ahead
from booking.places.models import Booking
from booking.site.readable import key_in
from booking.site.web import done, page, paged

_PER_PAGE = 50
_IN_ORDER = ("session__starts_at", "session_id", "person__sort_name", "pk")


@desk()
def needs(request: HttpRequest) -> HttpResponse:
    """Needs to be arranged, those of the next session first; or those that are arranged.

    Each session is folded but the one that somebody comes back from, or else the first.
    """
    now, show = timezone.now(), "arranged" if request.GET.get("show") == "arranged" else "open"
    still_open = to_arrange(now=now)
    chosen = (
        still_open if show == "open" else with_needs_ahead(now=now).exclude(needs_arranged_at=None)
    )
    # Their keys tell every number, so that only the page's rows are read whole.
    found = list(chosen.order_by(*_IN_ORDER).values_list("pk", "session_id", "person_id"))
    rows = (
        Booking.objects.order_by(*_IN_ORDER)
        .select_related("person__agency", "session__course", "session__venue", "needs_arranged_by")
        .defer("session__course__search")
    )
    shown = paged(request, rows, per_page=_PER_PAGE, keys=[pk for pk, *_ in found])
    looked_at(None, by=signed_in(request), what="needs to arrange", rows=len(shown))
    at_session = Counter(session for _, session, _ in found)
    opened = key_in(request.GET.get("session", ""))
    context = {
        "page_obj": shown,
        "by_session": [
            (session, at_session[session.pk], list(bookings))
            for session, bookings in groupby(shown, attrgetter("session"))
        ],
        "show": show,
        "number_open": len(found) if show == "open" else still_open.count(),
        "people": len({person for *_, person in found}),
        "sessions": len(at_session),
        "opened": opened if opened in at_session else None,
    }
    return page(request, "desk/people/needs.html", context)


@desk(post=60, only_post=True)
def arranged(request: HttpRequest, booking_id: int) -> HttpResponse:
    """What this person needs is arranged, or is not after all."""
    now = timezone.now()
    found = with_needs_ahead(now=now).select_related("person")
    booking, is_arranged = get_object_or_404(found, pk=booking_id), "undo" not in request.POST
    looked_at(booking.person, by=signed_in(request), what="needs to arrange")
    say_arranged(booking=booking, is_arranged=is_arranged, by=signed_in(request), now=now)
    words = "is arranged" if is_arranged else "is to be arranged again"
    seen = urlencode({"page": request.POST.get("page", ""), "session": booking.session_id})
    to = f"{reverse('manage_needs')}?{seen}"
    return done(request, f"What {booking.person} needs {words}.", to)
