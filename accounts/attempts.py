"""How often somebody may try to sign in, and from where.

What counts against an address is counted for each network apart, so that a stranger who tries
somebody's address uses up their own allowance and not the person's. A browser in which the person
has signed in before is known by a cookie and has an allowance of its own, even behind the network
of the stranger.
"""

import math
import time
from contextlib import suppress

import structlog
from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.core.internal.ratelimit import get_cache_key, get_rates, truncate_ip
from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import get_random_string, salted_hmac

from accounts.models import User
from accounts.remembered import tries
from booking.site.wording import counted

log = structlog.get_logger("briefed.security")

# A person, a shared computer: more addresses than these have not signed in on it lately.
_MOST_ADDRESSES = 6
_KNOWN_FOR_SECONDS = 365 * 24 * 3600
_COOKIE = settings.DEVICE_COOKIE_NAME
_SALT = "accounts.attempts.device"
_CARRIED_SALT = "accounts.attempts.carried"
_CARRIED_SECONDS = 60
# As long as a code is good, and then some.
_CODE_SECONDS = 3600


def may_try(request: HttpRequest, what: str, email: str) -> bool:
    """Count that `what` is tried for this address, and from where. False if once too often."""
    counters = _counters(request, what, email)
    if all(ratelimit.consume(request, action=action, key=key) for action, key in counters):
        return True
    person = User.objects.filter(email=email.lower()).values_list("pk", flat=True).first()
    network = get_adapter(request).get_client_ip(request)
    log.warning("tries_refused", what=what, person=person, network=network)
    return False


def check_may_try(request: HttpRequest, what: str, email: str) -> None:
    """As `may_try`. Raises a `ValidationError` that says when it may be tried again."""
    if may_try(request, what, email):
        return
    minutes = math.ceil(_seconds_to_wait(request, what, email) / 60)
    raise ValidationError(
        "There have been too many attempts for this address."
        f" You can try again in {counted(max(minutes, 1), 'minute')}.",
        code="too_many_attempts",
    )


def _counters(request: HttpRequest, what: str, email: str) -> list[tuple[str, str]]:
    """Each limit that counts this, as its name in `ACCOUNT_RATE_LIMITS` and what it counts by."""
    key = f"{what}|{email.lower()}"
    if device := _known_device(request, email):
        return [("known_device", f"{key}|{device}")]
    network = truncate_ip(str(get_adapter(request).get_client_ip(request)))
    return [("from_network", f"{key}|{network}"), ("from_strangers", key)]


def _seconds_to_wait(request: HttpRequest, what: str, email: str) -> float:
    """Until none of the limits refuses it any more."""
    app, now = "allauth.account", time.time()
    free_at = [now]
    for action, key in _counters(request, what, email):
        for rate in get_rates(app=app, action=action):
            name = get_cache_key(request, app=app, action=action, rate=rate, key=key)
            # The newest first, as django-allauth keeps them.
            used = cache.get(name, [])
            if len(used) >= rate.amount:
                free_at.append(used[rate.amount - 1] + rate.duration)
    return max(free_at) - now


def may_judge(request: HttpRequest, code: str) -> bool:
    """Count that somebody enters a code where this one is awaited. False if once too often.

    It is one statement that locks its row. So however many wrong codes come at one moment, no
    more are compared with the right one than a person may enter.
    """
    secret = f"{request.session.session_key}|{code}"
    awaited = salted_hmac("accounts.attempts.code", secret, algorithm="sha256").hexdigest()
    return tries(f"code:{awaited}", seconds=_CODE_SECONDS) <= settings.CODE_ATTEMPTS


def remember_device(request: HttpRequest, response: HttpResponseBase, person: User) -> None:
    """Know this browser again when somebody asks for a code for the person's address."""
    device, addresses = _device(request)
    own = _digest(person.email)
    kept = [own, *(each for each in addresses if each != own)][:_MOST_ADDRESSES]
    _set_device(response, "-".join([device or get_random_string(22), *kept]))


def carried_device(request: HttpRequest) -> str:
    """By what this browser is known, for an address that it follows once it forgot its cookies."""
    return signing.dumps(_cookie(request), salt=_CARRIED_SALT)


def give_device_back(request: HttpRequest, response: HttpResponseBase) -> None:
    """Know the browser again that follows an address with `carried_device`, made just now."""
    carried = request.GET.get("device", "")
    with suppress(signing.BadSignature):
        if known := signing.loads(carried, salt=_CARRIED_SALT, max_age=_CARRIED_SECONDS):
            _set_device(response, known)


def last_signed_in(request: HttpRequest) -> str:
    """Who signed in last in this browser, as `browser_name` of them; or nothing."""
    return next(iter(_device(request)[1]), "")


def browser_name(person: User) -> str:
    """What the browsers in which a person signed in know them by."""
    return _digest(person.email)


def _set_device(response: HttpResponseBase, value: str) -> None:
    response.set_signed_cookie(
        _COOKIE,
        value,
        salt=_SALT,
        max_age=_KNOWN_FOR_SECONDS,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def _known_device(request: HttpRequest, email: str) -> str:
    device, addresses = _device(request)
    return device if _digest(email) in addresses else ""


def _device(request: HttpRequest) -> tuple[str, list[str]]:
    device, *addresses = _cookie(request).split("-")
    return device, addresses


def _cookie(request: HttpRequest) -> str:
    return str(
        request.get_signed_cookie(_COOKIE, default="", salt=_SALT, max_age=_KNOWN_FOR_SECONDS)
    )


def _digest(email: str) -> str:
    # The cookie of a shared computer names nobody.
    return salted_hmac(_SALT, email.lower(), algorithm="sha256").hexdigest()[:20]
