"""The pages for a form that can no longer be trusted, and for when something is broken."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string

_TRY_AGAIN_SECONDS = 30


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
