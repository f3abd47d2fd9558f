"""Showing anew who one is, before what would let somebody else take over or carry away.

A session may be open at a desk that its person has left. So before the address, a password, a
second step, a role or somebody's account changes, before sessions elsewhere are ended, before a
list of people is downloaded and before a private calendar address is made, the person proves who
they are: by a second step, by a code that is sent to their address now, or by a password. They are
not asked twice within `settings.PROOF_SECONDS`; signing in is a proof too.
"""

import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.code_verification import AbstractCodeVerificationProcess
from allauth.account.internal.flows.login import record_authentication
from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY
from allauth.core import ratelimit
from allauth.core.internal.httpkit import serialize_request
from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode

from accounts.models import User
from booking.site.refusals import Refused

# When the session began; `accounts/sessions.py` writes it.
SIGNED_IN_AT = "signed_in_at"
_STATE = "proof_by_code"
# How long what was sent waits for the proof.
_SUSPENDED_SECONDS = 3600

# Pages of libraries that ask before a look. What is sent to them is secret, and not kept.
_SECRETS = {
    "account_change_password",
    "account_set_password",
    "mfa_activate_totp",
    "mfa_deactivate_totp",
    "mfa_view_recovery_codes",
    "mfa_generate_recovery_codes",
    "mfa_download_recovery_codes",
    "mfa_add_webauthn",
    "mfa_remove_webauthn",
    "mfa_edit_webauthn",
}
_FIRST_FACTORS = {"mfa_activate_totp", "mfa_add_webauthn"}
# Pages of libraries that may be looked at, and take a form only after a proof.
_FORMS = {
    "account_email",
    "usersessions_list",
    "admin:accounts_user_change",
    "admin:accounts_user_changelist",
}

View = Callable[..., HttpResponse]


class TooManyCodes(Refused):
    """They asked for several codes within a few minutes."""

    sentence = "You have asked for several codes. Wait five minutes, then try again."


def after_proof(view: View, *, looking: bool) -> View:
    """The view of a signed-in person, for whom it goes on once they have shown who they are.

    A form that was sent is kept meanwhile. `looking` asks before a look too.
    """

    @wraps(view)
    def proved(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if (looking or request.method == "POST") and not is_proved(request):
            return ask(request)
        return view(request, *args, **kwargs)

    return proved


def proof_first(request: HttpRequest) -> HttpResponse | None:
    """Where to go instead of a page of a library that asks for a proof; nothing if it is given.

    Somebody with a role who sets up their first second step has a code sent even if they have
    just signed in: from then on it is what keeps others out. A form that waits for a proof nobody
    gave is forgotten.
    """
    waiting = request.session.get(STATE_SESSION_KEY)
    if waiting is not None and time.time() >= waiting.get("until", 0):
        del request.session[STATE_SESSION_KEY]
    name = _view_name(request)
    if name in _FIRST_FACTORS and _is_first_of_a_role(request):
        return None if _is_proved_by_code(request) else _suspended(request, _by_code())
    needs = name in _SECRETS or (name in _FORMS and request.method == "POST")
    return ask(request) if needs and not is_proved(request) else None


def ask(request: HttpRequest) -> HttpResponse:
    """Lead to the page on which the person shows who they are, and keep what they were doing."""
    return _suspended(request, get_adapter(request).get_reauthentication_methods(request.user)[0])


def _suspended(request: HttpRequest, method: dict[str, Any]) -> HttpResponse:
    to = request.get_full_path()
    if request.method == "POST" and _view_name(request) not in _SECRETS:
        request.session[STATE_SESSION_KEY] = {
            "request": serialize_request(request),
            "until": time.time() + _SUSPENDED_SECONDS,
        }
        # By its path alone django-allauth takes it up again; its query is kept with it.
        to = request.path
    return HttpResponseRedirect(f"{method['url']}?{urlencode({REDIRECT_FIELD_NAME: to})}")


def _view_name(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def is_proved(request: HttpRequest) -> bool:
    """Whether the person has lately shown who they are, by whatever way.

    Never in a session that has yet to pass their second step.
    """
    person = _person(request)
    if person is None or (not passed_second_step(request) and has_second_step(person)):
        return False
    proofs = [each["at"] for each in get_authentication_records(request, person)]
    return _is_fresh(max([request.session.get(SIGNED_IN_AT, 0), *proofs]))


def _is_proved_by_code(request: HttpRequest) -> bool:
    return any(
        each["method"] == "code" and each.get("reauthenticated") and _is_fresh(each["at"])
        for each in get_authentication_records(request, _person(request))
    )


def _is_fresh(at: float) -> bool:
    return time.time() - at < settings.PROOF_SECONDS


def _is_first_of_a_role(request: HttpRequest) -> bool:
    person = _person(request)
    return person is not None and person.sees_other_people and not has_second_step(person)


def _person(request: HttpRequest) -> User | None:
    return request.user if isinstance(request.user, User) else None


def has_second_step(person: User) -> bool:
    """Whether the person has an authenticator app or a passkey. One statement."""
    types = [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]
    return bool(is_mfa_enabled(person, types))


def passed_second_step(request: HttpRequest) -> bool:
    """Whether this very session has passed it. Asks nothing of the database."""
    records = get_authentication_records(request, _person(request))
    return any(each["method"] == "mfa" for each in records)


def ways(request: HttpRequest, theirs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """How somebody may show who they are, the best first; `theirs` are those of django-allauth.

    In a session that has not passed the person's second step, nothing else will do.
    """
    second = [each for each in theirs if each["id"].startswith("mfa")]
    others = [each for each in theirs if each not in second]
    if second and not passed_second_step(request):
        return second
    return [*second, _by_code(), *others]


def _by_code() -> dict[str, Any]:
    return {
        "id": "code",
        "description": "Have a code sent to your email address",
        "url": reverse("reauthenticate_by_code"),
    }


class ProofByCode(AbstractCodeVerificationProcess):
    """A code that is sent to the person's address while they are signed in."""

    def __init__(self, request: HttpRequest, state: dict[str, Any]) -> None:
        super().__init__(
            max_attempts=settings.CODE_ATTEMPTS,
            timeout=settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT,
            state=state,
            user=request.user,  # type: ignore[arg-type]
        )
        self.request = request

    @classmethod
    def begin(cls, request: HttpRequest) -> None:
        """Send a code. Raises `TooManyCodes`."""
        if not ratelimit.consume(request, action="reauthentication_code"):
            raise TooManyCodes
        person = request.user
        assert isinstance(person, User)  # noqa: S101
        process = cls(request, cls.initial_state(person, person.email))
        process.send()
        process.persist()

    @classmethod
    def awaited(cls, request: HttpRequest) -> "ProofByCode | None":
        """That of a code which was sent to the address of now, and is still good."""
        state = request.session.get(_STATE)
        person = _person(request)
        if person is None or not state or state.get("email") != person.email:
            return None
        process = cls(request, state)
        return process if process.is_valid() else None

    def send(self) -> None:
        """Write the mail."""
        adapter = get_adapter(self.request)
        self.state["code"] = adapter.generate_login_code()
        words = {"request": self.request, "code": self.code}
        adapter.send_mail("account/email/proof_code", self.state["email"], words)

    def persist(self) -> None:
        """Keep the code in the session."""
        self.request.session[_STATE] = self.state

    def abort(self) -> None:
        """Forget the code."""
        self.request.session.pop(_STATE, None)

    def finish(self) -> None:
        """The code was right: note it in the session."""
        self.abort()
        record_authentication(
            self.request,
            self.user,
            method="code",
            email=self.state["email"],
            reauthenticated=True,
        )
