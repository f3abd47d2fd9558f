"""The page for a form that can no longer be trusted."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def form_expired(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose CSRF check failed, with status 403 and what to do next.

    Named by `CSRF_FAILURE_VIEW`. `reason` is Django's own, for developers; people are not shown
    it, because for them the cause is nearly always a page left open for too long.
    """
    return render(request, "403_csrf.html", status=403)
