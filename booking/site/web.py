"""What every page shares: small print, whether the site is well, errors, what was searched."""

import sys

from django.db import InterfaceError, OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

_TRY_AGAIN_SECONDS = 30
_SEARCH_LENGTH = 100


def accessibility(request: HttpRequest) -> HttpResponse:
    """The accessibility statement."""
    return render(request, "site/accessibility.html")


def privacy(request: HttpRequest) -> HttpResponse:
    """What is held about people, and why."""
    return render(request, "site/privacy.html")


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers at all."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> HttpResponse:
    """Whether the database answers; without it nothing can be booked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ready\n", content_type="text/plain")


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose CSRF check failed, with status 403 and what to do next.

    Named by `CSRF_FAILURE_VIEW`. `reason` is Django's own, for developers; people are not shown
    it, because for them the cause is nearly always a page left open for too long.
    """
    return render(request, "403_csrf.html", status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer a request that failed: 503 and when to try again if the database is away, else 500.

    Named by `handler500`, so it is called while the failure is being handled, which Django has
    logged. The pages need nothing that may be broken: no database, session or request.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        headers = {"Retry-After": str(_TRY_AGAIN_SECONDS)}
        return HttpResponse(render_to_string("503.html"), status=503, headers=headers)
    return HttpResponse(render_to_string("500.html"), status=500)


def search_text(request: HttpRequest, name: str = "q") -> str:
    """What a search field asks for; PostgreSQL takes no NUL."""
    return request.GET.get(name, "").replace("\0", "").strip()[:_SEARCH_LENGTH]
