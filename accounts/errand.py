"""What signing in is for: where the person was going, and the address that they typed.

It stands in the session from the moment a code is asked for, so that a wrong code, a page opened
meanwhile or another address does not lose it. Nothing is kept of somebody who only looks.
"""

import time
from typing import Any

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

_KEY = "errand"
_SECONDS = 3600


def keep_errand(request: HttpRequest, *, going_to: str = "", email: str = "") -> None:
    """Keep where the person goes, and their address. What is left out stays as it was."""
    before = _errand(request)
    kept = {
        "going_to": going_to or before.get("going_to", ""),
        "email": email or before.get("email", ""),
    }
    request.session[_KEY] = {**kept, "until": time.time() + _SECONDS}


def going_to(request: HttpRequest) -> str:
    """Where to go after signing in, on this site; or nothing."""
    return str(_errand(request).get("going_to", ""))


def address_typed(request: HttpRequest) -> str:
    """The address for which a code was asked last, or nothing."""
    return str(_errand(request).get("email", ""))


def forget_errand(request: HttpRequest) -> None:
    """The person is signed in."""
    request.session.pop(_KEY, None)


def _errand(request: HttpRequest) -> dict[str, Any]:
    kept = request.session.get(_KEY) or {"until": 0}
    return kept if time.time() < kept["until"] else {}


def safe_next(request: HttpRequest, otherwise: str) -> str:
    """Where `next` points, if that is a path of this site; else `otherwise`."""
    target = request.POST.get("next") or request.GET.get("next") or ""
    # Without its slash a word would be taken for the name of a page.
    if target.startswith("/") and url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        return target
    return otherwise
