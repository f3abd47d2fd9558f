"""How often one person, or one address, may do a thing."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from booking.caching import count

View = Callable[..., HttpResponse]
_WINDOW_SECONDS = 60


def at_most(times_a_minute: int) -> Callable[[View], View]:
    """Answer 429 to a signed-in person's POST beyond this many in one minute of the clock.

    Counted in the cache with one number a person, view and minute; while Redis is away nothing
    is limited.
    """

    def decorate(view: View) -> View:
        name = f"{view.__module__}.{view.__name__}"

        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            counts = request.method == "POST" and request.user.is_authenticated
            if counts and _is_once_too_often(f"{name}:{request.user.pk}", times_a_minute):
                return render(request, "429.html", status=429)
            return view(request, *args, **kwargs)

        return limited

    return decorate


def at_most_from_one_address(times_a_minute: int) -> Callable[[View], View]:
    """Answer 429 to any request beyond this many in one minute from one network address.

    For pages that nobody signs in for. Many people may share an address, so be generous.
    """

    def decorate(view: View) -> View:
        name = f"{view.__module__}.{view.__name__}"

        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            address = get_adapter(request).get_client_ip(request)
            if _is_once_too_often(f"{name}:{address}", times_a_minute):
                return render(request, "429.html", status=429)
            return view(request, *args, **kwargs)

        return limited

    return decorate


def _is_once_too_often(what: str, times_a_minute: int) -> bool:
    minute = int(time.time()) // _WINDOW_SECONDS
    times = count(f"rate:{what}:{minute}", seconds=2 * _WINDOW_SECONDS)
    return times > times_a_minute * settings.RATE_LIMIT_FACTOR
