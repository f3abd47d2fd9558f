"""What was typed into a form is not lost when its session ends, or the form comes back with errors.

It is shown once more to the same person alone, and never acted on.
"""

import time
from http import HTTPStatus
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme

from accounts.attempts import browser_name
from accounts.models import User
from booking.site.form_kit import TypedBefore, TypedWithErrors
from booking.site.sealing import Sealed
from booking.site.web import form_expired

_TYPED = "typed_before"
_TYPED_SECONDS = 3600
# A long list of colleagues or of joining instructions is within it.
_MOST_TYPED = 50_000
_PRESS_AGAIN = "What you pressed was not done. Press it again."
_NEVER_KEPT = ("password", "credential", "csrfmiddlewaretoken")


def form_refused(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form whose CSRF check failed, as somebody signs in or out in another window.

    Named by `CSRF_FAILURE_VIEW`. What the browser vouches is sent from a page of this site is not
    lost: it is treated as what is sent after its session has ended. `reason` is Django's own.
    """
    ours = (f"{request.scheme}://{request.get_host()}", *settings.CSRF_TRUSTED_ORIGINS)
    is_ours = request.headers.get("Origin") in ours
    if not is_ours or not is_for_people_signed_in(request):
        return form_expired(request)
    if not isinstance(request.user, User):
        return redirect_to_login(request.get_full_path())
    if _is_a_button(request):
        messages.warning(request, _PRESS_AGAIN)
        return HttpResponseRedirect(_page_before(request))
    messages.warning(request, "This was not sent: you signed in or out in another window.")
    return _BackToTheForm(request.get_full_path())


class _BackToTheForm(HttpResponseRedirect):
    """Leads to the page of a form, which shows what was typed there."""


def is_for_people_signed_in(request: HttpRequest) -> bool:
    """Whether the page leads everybody else to sign in, as Django's `login_required` marks it."""
    return request.resolver_match is not None and hasattr(request.resolver_match.func, "login_url")


def _is_a_button(request: HttpRequest) -> bool:
    match = request.resolver_match
    return match is not None and getattr(match.func, "is_a_button", False)


def sent_too_late(request: HttpRequest, response: HttpResponse, *, whose: str) -> HttpResponse:
    """Have the page shown as it was typed, to the same person alone, once they have signed in.

    To whom `whose` is nobody, nothing is said of having been signed in.
    """
    target = response.headers.get("Location", "")
    if response.status_code != 302 or not target.startswith(reverse(settings.LOGIN_URL)):
        return response
    if whose:
        messages.warning(request, "You were signed out. Sign in to go on where you were.")
    if request.method != "POST":
        return response
    if _is_a_button(request):
        return HttpResponseRedirect(_sign_in_for(request, _page_before(request)))
    if whose:
        _keep(request, whose=whose)
    return response


def keep_until_it_is_done(request: HttpRequest, response: HttpResponse, *, whose: str) -> None:
    """Have Back show what was typed into a form with errors, until the form is sent without.

    The browser keeps no page of somebody signed in, so that Back asks for it anew.
    """
    if response.status_code == HTTPStatus.UNPROCESSABLE_ENTITY:
        _keep(request, whose=whose, has_errors=True)
    elif isinstance(response, _BackToTheForm):
        _keep(request, whose=whose)
    elif request.session.get(_TYPED, {}).get("path") == request.get_full_path():
        del request.session[_TYPED]


def _keep(request: HttpRequest, *, whose: str, has_errors: bool = False) -> None:
    """Keep what was typed for a person, by their key or by what a browser knows them by."""
    typed = request.POST.copy()
    # Elsewhere it is the code of a course.
    never = (*_NEVER_KEPT, "code") if request.path.startswith("/accounts/") else _NEVER_KEPT
    for name in [name for name in typed if any(each in name for each in never)]:
        del typed[name]
    body = typed.urlencode()
    if len(body) <= _MOST_TYPED:
        request.session[_TYPED] = {
            "person": whose,
            "path": request.get_full_path(),
            # It may hold the address of a meeting.
            "sealed": Sealed.of(body).token,
            "has_errors": has_errors,
            "until": time.time() + _TYPED_SECONDS,
        }


def _sign_in_for(request: HttpRequest, path: str) -> str:
    messages.warning(request, _PRESS_AGAIN)
    return f"{reverse(settings.LOGIN_URL)}?{urlencode({'next': path})}"


def _page_before(request: HttpRequest) -> str:
    before = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(
        before, {request.get_host()}, require_https=request.is_secure()
    ):
        return reverse("my_bookings")
    parts = urlsplit(before)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def take_up_what_was_typed(request: HttpRequest) -> None:
    """Hand what was typed on this very page to its form, once, as `booking.site.web.posted`."""
    kept = request.session.get(_TYPED)
    if kept is None:
        return
    person = request.user
    names = (str(person.pk), browser_name(person)) if isinstance(person, User) else ()
    is_theirs = kept["person"] in names
    is_theirs = is_theirs and time.time() < kept["until"]
    if is_theirs and (request.method != "GET" or kept["path"] != request.get_full_path()):
        return
    del request.session[_TYPED]
    if is_theirs and (body := Sealed(kept.get("sealed", "")).opened()):
        typed = TypedWithErrors if kept.get("has_errors") else TypedBefore
        request.typed_before = typed(body)  # type: ignore[attr-defined]
