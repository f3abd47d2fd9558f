"""Pages kept for a moment, for people who are not signed in."""

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]

# With one of these a page may hold somebody's name or a message meant for them alone.
_PERSONAL_COOKIES = frozenset({settings.SESSION_COOKIE_NAME, "messages"})


def same_for_everyone(
    *, seconds: int, while_same: Callable[..., object] | None = None
) -> Callable[[View], View]:
    """Keep a page's answer for this many seconds, in this process only.

    Only for visitors without a session or a pending message, and only for GET, so that nobody
    sees another person's page, and whoever books reads the places left from the database. Kept
    apart by whole address and by whether htmx asked for a part.

    `while_same` is given what the address names and says what the page must agree with, such as
    the places left. It is asked each time; an answer that differs is a page not yet kept.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def kept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method != "GET" or not _PERSONAL_COOKIES.isdisjoint(request.COOKIES):
                return view(request, *args, **kwargs)
            headers = request.headers
            part = headers.get("HX-Request", "") + headers.get("HX-History-Restore-Request", "")
            agreed = repr(while_same(*args, **kwargs)) if while_same else ""
            parts = (request.get_host(), part, request.get_full_path(), agreed)
            key = hashlib.sha256(repr(parts).encode()).hexdigest()
            stored: tuple[bytes, str] | None = caches["pages"].get(key)
            if stored is None:
                response = view(request, *args, **kwargs)
                if response.status_code != 200 or response.cookies:
                    return response
                stored = response.content, response.headers["Content-Type"]
                caches["pages"].set(key, stored, seconds)
            answer = HttpResponse(stored[0], content_type=stored[1])
            answer.headers["Vary"] = "Cookie, HX-Request"
            answer.headers["Cache-Control"] = "private, no-cache"
            return answer

        return kept

    return decorate
