"""How often somebody may try to sign in, and from where.

What counts against an address is counted for each network apart, so that a stranger who tries
somebody's address uses up their own allowance and not the person's. A browser in which the person
has signed in before is known by a cookie and has an allowance of its own, even behind the network
of the stranger.
"""

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from allauth.core.internal.ratelimit import truncate_ip
from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.crypto import get_random_string, salted_hmac

from accounts.models import User
from accounts.remembered import tries

# A person, a shared computer: more addresses than these have not signed in on it lately.
_MOST_ADDRESSES = 6
_KNOWN_FOR_SECONDS = 365 * 24 * 3600
_COOKIE = settings.DEVICE_COOKIE_NAME
_SALT = "accounts.attempts.device"
# As long as a code is good, and then some.
_CODE_SECONDS = 3600


def may_try(request: HttpRequest, what: str, email: str) -> bool:
    """Count that `what` is tried for this address, and from where. False if once too often."""
    key = f"{what}|{email.lower()}"
    if device := _known_device(request, email):
        return ratelimit.consume(request, action="known_device", key=f"{key}|{device}")
    network = truncate_ip(str(get_adapter(request).get_client_ip(request)))
    within = ratelimit.consume(request, action="from_network", key=f"{key}|{network}")
    return within and ratelimit.consume(request, action="from_strangers", key=key)


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
    response.set_signed_cookie(
        _COOKIE,
        "-".join([device or get_random_string(22), *kept]),
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
    value = request.get_signed_cookie(_COOKIE, default="", salt=_SALT, max_age=_KNOWN_FOR_SECONDS)
    device, *addresses = str(value).split("-")
    return device, addresses


def _digest(email: str) -> str:
    # The cookie of a shared computer names nobody.
    return salted_hmac(_SALT, email.lower(), algorithm="sha256").hexdigest()[:20]
