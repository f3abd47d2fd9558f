"""What people need at sessions ahead: a worklist, until somebody says that it is arranged."""

from urllib.parse import urlencode

from django.db.models import Count, Window
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.views import signed_in
from booking.attendance.lists import say_arranged, to_arrange, with_needs_ahead
from booking.desk.lists import page_of_people
from booking.site.readable import key_in
from booking.site.web import done


@desk()
def needs(request: HttpRequest) -> HttpResponse:
    """Needs to be arranged, those of the next session first; or those that are arranged.

    Each session is folded but the one that somebody comes back from, or else the first.
    """
    now, show = timezone.now(), "arranged" if request.GET.get("show") == "arranged" else "open"
    everybody, still_open = with_needs_ahead(now=now), to_arrange(now=now)
    chosen = still_open if show == "open" else everybody.exclude(needs_arranged_at=None)
    chosen = chosen.select_related(
        "person__agency", "session__course", "session__venue", "needs_arranged_by"
    ).defer("session__course__search")
    chosen = chosen.order_by("session__starts_at", "session_id", "person__sort_name", "pk")
    opened = key_in(request.GET.get("session", ""))
    context = {
        "show": show,
        "number_open": still_open.count(),
        **chosen.aggregate(
            people=Count("person", distinct=True), sessions=Count("session", distinct=True)
        ),
        "opened": opened if chosen.filter(session=opened).exists() else None,
    }
    chosen = chosen.annotate(at_session=Window(Count("pk"), partition_by="session_id"))
    template, what = "desk/people/needs.html", "needs to arrange"
    return page_of_people(request, template, chosen, what=what, **context)


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
