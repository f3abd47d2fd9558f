"""What the log says of sign-ins, ways in and refusals: who and what, never a secret.

People stand there by their number, and addresses of the network only where somebody signs in or
fails to: an attack cannot be told from a mistake without (OWASP ASVS 5.0, 16.3).
"""

from collections.abc import Callable
from typing import Any

import structlog
from allauth.account import signals as account
from allauth.core.internal import httpkit
from allauth.mfa import signals as mfa
from django.contrib.auth import signals as auth
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse

from accounts.models import User

log = structlog.get_logger("briefed.security")
_REFUSALS = (403, 404)
_WAYS_IN = {
    account.password_set: "password set",
    account.password_changed: "password changed",
    account.password_reset: "password reset",
    account.email_changed: "address changed",
    mfa.authenticator_added: "second step added",
    mfa.authenticator_removed: "second step removed",
    mfa.authenticator_reset: "second step made anew",
}


def note_refusals(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Say in the log who asked for what is not theirs; for what is not there it looks the same."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if (
            response.status_code in _REFUSALS
            and request.resolver_match is not None
            and request.session.accessed
            and request.user.is_authenticated
        ):
            log.warning(
                "refused",
                person=request.user.pk,
                page=request.resolver_match.view_name,
                method=request.method,
                path=request.path,
                status=response.status_code,
            )
        return response

    return middleware


@receiver(account.authentication_step_completed)
def _step(request: HttpRequest, user: User, method: str, **more: Any) -> None:
    _note("sign_in_step", request, user, method=method, kind=str(more.get("type", "")))


@receiver(auth.user_logged_in)
def _signed_in(request: HttpRequest, user: User, **more: Any) -> None:
    _note("signed_in", request, user)


@receiver(auth.user_logged_out)
def _signed_out(request: HttpRequest, user: User | None, **more: Any) -> None:
    if user is not None:
        _note("signed_out", request, user)


@receiver(auth.user_login_failed)
def _wrong_password(
    credentials: dict[str, Any], request: HttpRequest | None = None, **more: Any
) -> None:
    person = User.objects.filter(email=str(credentials.get("email", "")).lower()).first()
    _note("sign_in_failed", request, person, method="password")


@receiver(account.login_code_rejected)
@receiver(account.email_verification_code_rejected)
def _wrong_code(request: HttpRequest, user: User, last_attempt: bool, **more: Any) -> None:
    _note("sign_in_failed", request, user, method="code", last_attempt=last_attempt)


@receiver(mfa.authentication_failed)
def _wrong_second_step(request: HttpRequest, user: User, **more: Any) -> None:
    kind = str(getattr(more.get("authenticator"), "type", ""))
    _note("sign_in_failed", request, user, method="mfa", kind=kind)


def note_failure(request: HttpRequest, person: User, *, method: str) -> None:
    """Somebody who is signed in failed to show anew who they are."""
    _note("sign_in_failed", request, person, method=method)


def _way_in_changed(signal: Any, request: HttpRequest, user: User, **more: Any) -> None:
    _note("way_in_changed", request, user, what=_WAYS_IN[signal])


for _each in _WAYS_IN:
    _each.connect(_way_in_changed)


def _note(event: str, request: HttpRequest | None, person: User | None, **about: Any) -> None:
    network = httpkit.get_client_ip(request) if request else None
    failed = event == "sign_in_failed"
    (log.warning if failed else log.info)(
        event, person=person.pk if person else None, network=network, **about
    )
