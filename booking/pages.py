"""Pages that belong to no room: the start, the small print, and whether the site is well."""

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from booking.catalogue.models import DiaryDate, Session
from booking.page_cache import same_for_everyone

_SHOWN_ON_START = 6


@same_for_everyone(seconds=1)
def start(request: HttpRequest) -> HttpResponse:
    """What this is, and what is coming up."""
    now = timezone.now()
    today = timezone.localdate(now)
    sessions = Session.objects.upcoming(now=now).for_pages()[:_SHOWN_ON_START]
    diary_dates = DiaryDate.objects.filter(ends__gte=today)[:5]
    return render(
        request,
        "pages/start.html",
        {"sessions": sessions, "diary_dates": diary_dates, "now": now},
    )


def accessibility(request: HttpRequest) -> HttpResponse:
    """The accessibility statement."""
    return render(request, "pages/accessibility.html")


def privacy(request: HttpRequest) -> HttpResponse:
    """What is held about people, and why."""
    return render(request, "pages/privacy.html")


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Whether the database answers; without it nothing can be booked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ready\n", content_type="text/plain")
