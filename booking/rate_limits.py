"""How often one person may do a thing."""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

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
            if request.method == "POST" and request.user.is_authenticated:
                limit = times_a_minute * settings.RATE_LIMIT_FACTOR
                minute = int(time.time()) // _WINDOW_SECONDS
                key = f"rate:{name}:{request.user.pk}:{minute}"
                if count(key, seconds=2 * _WINDOW_SECONDS) > limit:
                    return render(request, "429.html", status=429)
            return view(request, *args, **kwargs)

        return limited

    return decorate
