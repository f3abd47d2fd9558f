"""How often one person, or one address, may do a thing; and pages opened by a link from a mail."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from booking.site.caching import count
from booking.site.signed_links import LinkRanOut, LinkRefused

View = Callable[..., HttpResponse]
_WINDOW_SECONDS = 60

# All who work in one building may share an address.
_A_MINUTE = 120


def at_most(times_a_minute: int) -> Callable[[View], View]:
    """Answer 429 to a signed-in person's POST beyond this many in one minute of the clock.

    Counted in the cache with one number a person, view and minute; while Redis is away nothing
    is limited.
    """

    def person(request: HttpRequest) -> object:
        counts = request.method == "POST" and request.user.is_authenticated
        return request.user.pk if counts else None

    return _limit(times_a_minute, person)


def at_most_from_one_address(times_a_minute: int) -> Callable[[View], View]:
    """Answer 429 to any request beyond this many in one minute from one network address.

    For pages that nobody signs in for. Many people may share an address, so be generous.
    """
    return _limit(times_a_minute, lambda request: str(get_adapter(request).get_client_ip(request)))


def _limit(times_a_minute: int, whom: Callable[[HttpRequest], object]) -> Callable[[View], View]:
    """Count the requests of each to a view; those of nobody are let through."""

    def decorate(view: View) -> View:
        name = f"{view.__module__}.{view.__name__}"

        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            each = whom(request)
            if each is not None and _is_once_too_often(f"{name}:{each}", times_a_minute):
                return render(request, "429.html", status=429)
            return view(request, *args, **kwargs)

        return limited

    return decorate


def _is_once_too_often(what: str, times_a_minute: int) -> bool:
    minute = int(time.time()) // _WINDOW_SECONDS
    times = count(f"rate:{what}:{minute}", seconds=2 * _WINDOW_SECONDS)
    return times > times_a_minute * settings.RATE_LIMIT_FACTOR


def opened_by_link(*, a_minute: int = _A_MINUTE) -> Callable[[View], View]:
    """Keep the link secret and the page to those who have it, and slow down whoever guesses.

    The page is neither stored nor indexed. Its address is told to no page that it links to, not
    even our own. The referrer policy is not `no-referrer`, under which browsers send a form
    without its origin (Fetch, 3.2), so that nobody's answer would get past the CSRF check.

    A link that is refused says what to do: 404, or 410 if it was good once. So does one whose
    matter is gone. `a_minute` is how often one network address may open it.
    """

    def decorate(view: View) -> View:
        @never_cache
        @require_http_methods(["GET", "HEAD", "POST"])
        @at_most_from_one_address(a_minute)
        @wraps(view)
        def linked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                response = view(request, *args, **kwargs)
            except (LinkRefused, Http404) as refused:
                ran_out = isinstance(refused, LinkRanOut)
                context, status = {"ran_out": ran_out}, 410 if ran_out else 404
                response = render(request, "site/link_refused.html", context, status=status)
            response["Referrer-Policy"] = "strict-origin"
            response["X-Robots-Tag"] = "noindex, nofollow"
            return response

        return linked

    return decorate
