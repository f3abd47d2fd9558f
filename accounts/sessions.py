"""Which session may go on: its second step, how long it lasts, and what ends all others.

A person who sees others' data has passed the second step in this very session. A session ends when
it has not been used for a while, or after a while in all; what becomes of what was typed last
is in `accounts/typed.py`. Why these times: docs/decisions/0010-who-is-signed-in.md.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from allauth.account.authentication import (
    AUTHENTICATION_METHODS_SESSION_KEY,
    get_authentication_records,
)
from allauth.account.internal.flows.login import record_authentication
from allauth.account.signals import authentication_step_completed, email_changed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_added, authenticator_removed, authenticator_reset
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    logout,
    update_session_auth_hash,
)
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.middleware import get_user
from django.contrib.auth.models import AnonymousUser
from django.contrib.auth.signals import user_logged_in
from django.core.mail import EmailMessage
from django.db.models import F
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from accounts.attempts import last_signed_in
from accounts.models import User
from accounts.proof import SIGNED_IN_AT, ask, has_second_step, passed_second_step, proof_first
from accounts.typed import (
    is_for_people_signed_in,
    keep_until_it_is_done,
    sent_too_late,
    take_up_what_was_typed,
)
from booking.partnership.kept import sender, the_partnership
from booking.site.signed_links import SignedLink

log = structlog.get_logger("briefed.security")

SEEN_AT = "seen_at"

# What pages are made of, and what machines ask: no session is looked at for these.
WITHOUT_SESSION = ("/static/", "/partnership/", "/healthz", "/readyz")
# Open before the second step: signing in and out, the pages that settle the matter, and what is
# answered by a signed link, whoever is signed in.
_ALWAYS_OPEN = (
    "/accounts/2fa/",
    "/accounts/confirm-email/",
    "/accounts/email/",
    "/accounts/inactive/",
    "/accounts/login/",
    "/accounts/logout/",
    "/accounts/password/",
    "/accounts/reauthenticate/",
    "/accounts/two-step-needed/",
    "/privacy/",
    "/.well-known/",
    "/accessibility/",
    *(link.prefix for link in SignedLink),
)


@dataclass(frozen=True)
class Lifetime:
    """How long a session lasts: unused, and in all."""

    idle: timedelta
    total: timedelta


_OF_A_PRACTITIONER = Lifetime(timedelta(days=14), timedelta(days=14))
# A register that is kept all through a session must not ask to sign in.
_OF_A_TRAINER = Lifetime(timedelta(hours=4), timedelta(hours=12))
_OF_OTHER_ROLES = Lifetime(timedelta(hours=2), timedelta(hours=12))


def lifetime_of(person: User) -> Lifetime:
    """How long a session of this person lasts; of several roles the strictest decides."""
    if not (person.sees_other_people or person.is_superuser):
        return _OF_A_PRACTITIONER
    others = (person.is_coordinator, person.is_agency_lead, person.is_staff, person.is_superuser)
    return _OF_OTHER_ROLES if any(others) else _OF_A_TRAINER


class LiveSessions:
    """The middleware that ends sessions, and asks for a second step and a proof before pages."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Go on in a live session; otherwise as somebody who is not signed in."""
        may_have_typed = request.method == "POST" or settings.SESSION_COOKIE_NAME in request.COOKIES
        if not may_have_typed or request.path.startswith(WITHOUT_SESSION):
            return self.get_response(request)
        was = request.session.get(SESSION_KEY)
        has_ended = was is not None and not _goes_on(request)
        if was is not None and not has_ended:
            take_up_what_was_typed(request)
        if has_ended and User.objects.filter(pk=str(was), is_active=False).exists():
            # They have proved who they are, so that nobody learns anything new.
            return render(request, "account/account_inactive.html", status=403)
        response = self.get_response(request)
        if has_ended:
            return sent_too_late(request, response, whose=str(was))
        if was is not None and request.method == "POST":
            keep_until_it_is_done(request, response, whose=str(was))
        elif request.method == "POST" and is_for_people_signed_in(request):
            # The browser has lost its session: what it knows of who signed in last is left.
            return sent_too_late(request, response, whose=last_signed_in(request))
        _agree_with_own_change(request)
        return response

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Lead to the second step or to a proof. After the CSRF check, so that what is kept for
        afterwards was sent by the person.
        """
        if settings.SESSION_COOKIE_NAME not in request.COOKIES or request.path.startswith(
            WITHOUT_SESSION
        ):
            return None
        if not isinstance(request.user, User):
            return None
        return _second_step_first(request, request.user) or proof_first(request)


def _second_step_first(request: HttpRequest, person: User) -> HttpResponse | None:
    if not settings.TWO_STEP_REQUIRED or request.path.startswith(_ALWAYS_OPEN):
        return None
    if not person.sees_other_people or passed_second_step(request):
        return None
    if has_second_step(person):
        return ask(request)
    return HttpResponseRedirect(reverse("two_step_needed"))


# ---------------------------------------------------------------- how long a session lasts


@receiver(user_logged_in)
def _begin(sender: Any, request: HttpRequest, user: User, **about: Any) -> None:
    request.session[SIGNED_IN_AT] = request.session[SEEN_AT] = time.time()


def _goes_on(request: HttpRequest) -> bool:
    """Whether the session is live; one that is not is emptied."""
    person = _proved(request)
    if not isinstance(person, User):
        log.info("session_ended", why="the account changed")
        request.session.flush()
        return False
    now, lifetime = time.time(), lifetime_of(person)
    unused = now - request.session.get(SEEN_AT, 0)
    in_all = now - request.session.get(SIGNED_IN_AT, 0)
    idle = lifetime.idle.total_seconds()
    if unused > idle or in_all > lifetime.total.total_seconds():
        log.info("session_ended", person=person.pk, why="unused" if unused > idle else "its age")
        logout(request)
        return False
    # Noted now and then: a look at a page should write nothing.
    if lifetime.idle < lifetime.total and unused > idle / 60:
        request.session[SEEN_AT] = now
    # The person, not a proxy that is asked for them a hundred times on a page.
    request.user = person
    return True


def _proved(request: HttpRequest) -> AbstractBaseUser | AnonymousUser:
    """Whom Django finds for the session: where all is as usual, as read with it."""
    session = request.session
    person: User | None = getattr(session, "person", None)
    if (
        person is not None
        and person.is_active
        and session.get(SESSION_KEY) == str(person.pk)
        and session.get(BACKEND_SESSION_KEY) in settings.AUTHENTICATION_BACKENDS
        and constant_time_compare(session.get(HASH_SESSION_KEY, ""), person.get_session_auth_hash())
    ):
        return person
    return get_user(request)


# ---------------------------------------------------------------- ending sessions


def end_sessions(person: User) -> None:
    """End every session of the person, wherever they are signed in."""
    User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)
    person.refresh_from_db(fields=["session_epoch"])
    for session in UserSession.objects.filter(user=person):
        session.end()
    log.info("sessions_ended", person=person.pk)


def _end_other_sessions(request: HttpRequest, person: User) -> None:
    """End every session of the person but this one, which goes on under another key."""
    current = request.session.session_key
    User.objects.filter(pk=person.pk).update(session_epoch=F("session_epoch") + 1)
    for session in UserSession.objects.filter(user=person).exclude(session_key=current):
        session.end()
    log.info("other_sessions_ended", person=person.pk)
    if request.user.pk == person.pk:
        request.user.refresh_from_db()
        _stay_signed_in(request)


def _stay_signed_in(request: HttpRequest) -> None:
    old = request.session.session_key
    update_session_auth_hash(request, request.user)  # type: ignore[arg-type]
    UserSession.objects.filter(session_key=old).delete()
    UserSession.objects.create_from_request(request)


def _agree_with_own_change(request: HttpRequest) -> None:
    """Keep the session in which a person has just given up a role of their own."""
    person = request.user
    if request.method != "POST" or not isinstance(person, User):
        return
    agreed = request.session.get(HASH_SESSION_KEY)
    if agreed is not None and agreed != person.get_session_auth_hash():
        _stay_signed_in(request)


@receiver(authentication_step_completed)
def _proved_anew(
    sender: Any, request: HttpRequest, *, reauthenticated: bool = False, **about: Any
) -> None:
    """The session goes on under another key, which nobody has seen before the proof."""
    if reauthenticated:
        _stay_signed_in(request)


@receiver(email_changed)
def _address_changed(sender: Any, request: HttpRequest, user: User, **about: Any) -> None:
    # An address proved at the first sign-in changes nothing; no session has begun yet.
    if request.user.pk == user.pk:
        _end_other_sessions(request, user)


@receiver(authenticator_added)
def _second_step_added(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **about: Any
) -> None:
    """The person has just used what they added, so this session has passed the second step."""
    _end_other_sessions(request, user)
    log.info("second_step_added", person=user.pk, kind=str(authenticator.type))
    if authenticator.type == Authenticator.Type.RECOVERY_CODES:
        return
    record_authentication(request, user, "mfa", id=authenticator.pk, type=authenticator.type)
    steps = Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES)
    if user.sees_other_people and steps.count() == 1:
        _tell_superusers(user)


@receiver(authenticator_removed)
@receiver(authenticator_reset)
def _second_step_changed(
    sender: Any, request: HttpRequest, user: User, authenticator: Authenticator, **about: Any
) -> None:
    """A step that is gone counts no more, in this session either."""
    log.info("second_step_changed", person=user.pk, kind=str(authenticator.type))
    left = set(Authenticator.objects.filter(user=user).values_list("pk", flat=True))
    records = get_authentication_records(request, user)
    request.session[AUTHENTICATION_METHODS_SESSION_KEY] = [
        each for each in records if each["method"] != "mfa" or each.get("id") in left
    ]
    _end_other_sessions(request, user)


def _tell_superusers(person: User) -> None:
    words = {"partnership": the_partnership(), "email": person.email}
    superusers = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=person.pk)
    for address in superusers.order_by("pk").values_list("email", flat=True):
        EmailMessage(
            subject="Somebody with a role has set up two-step sign-in",
            body=render_to_string("account/email/second_step_first_message.txt", words),
            from_email=sender(),
            to=[address],
            reply_to=[settings.MAIL_REPLY_TO],
        ).send()
