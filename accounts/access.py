"""Who may open a page, what a signed-in person must settle first, and who looked at which list."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import AccessRecord, Agency, User
from accounts.views import signed_in
from booking.site.limits import View, at_most
from booking.site.signed_links import SignedLink

# Paths that stay open: signing out, the pages that settle the matter, what pages are made of, and
# what is answered by a signed link, whoever is signed in.
_ALWAYS_OPEN = (
    "/accounts/",
    "/static/",
    "/partnership/",
    "/healthz",
    "/readyz",
    "/privacy/",
    "/accessibility/",
    *(link.prefix for link in SignedLink),
)


def signed_in_page(*, post: int = 0, only_post: bool = False) -> Callable[[View], View]:
    """A page of whoever is signed in: to look at only, unless it takes `post` forms a minute.

    `only_post` is for a button of another page: there is nothing to look at.
    """
    return _framed(login_required, post, only_post)


def lead_page(*, post: int = 0, only_post: bool = False) -> Callable[[View], View]:
    """As `signed_in_page`; to everybody but leads of an agency the page does not exist."""
    return _framed(_known_to(lambda person: person.leads_agency), post, only_post)


def desk(*, post: int = 0, only_post: bool = False) -> Callable[[View], View]:
    """As `signed_in_page`; to everybody but coordinators the page does not exist."""
    return _framed(_known_to(lambda person: person.is_coordinator), post, only_post)


def _framed(
    guard: Callable[[View], View], post: int, only_post: bool = False
) -> Callable[[View], View]:
    """Nobody else may keep the page; forms are counted before anybody asks who sends them."""

    def decorate(view: View) -> View:
        if only_post or not post:
            view = (require_POST if only_post else require_safe)(view)
        view = guard(view)
        return never_cache(at_most(post)(view) if post else view)

    return decorate


def _known_to(may_open: Callable[[User], bool]) -> Callable[[View], View]:
    """Lead the anonymous to sign in; for others who may not open it the page is not there."""

    def guard(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not may_open(signed_in(request)):
                raise Http404
            return view(request, *args, **kwargs)

        return guarded

    return guard


def agency_of_lead(request: HttpRequest) -> Agency:
    """The agency whose lead is signed in, for views that only leads reach."""
    agency = signed_in(request).agency
    assert agency is not None  # noqa: S101
    return agency


def finish_account_first(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Lead people who see other people's bookings to set up two-step sign-in before they do.

    The check is made for pages only they can use as well as for all others, because a role is
    carried by every page (the back office too).
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        path = request.path
        if not settings.TWO_STEP_REQUIRED or path.startswith(_ALWAYS_OPEN):
            return get_response(request)
        if settings.SESSION_COOKIE_NAME not in request.COOKIES:
            return get_response(request)
        person = request.user
        if person.is_authenticated and person.sees_other_people and not is_mfa_enabled(person):
            return HttpResponseRedirect(reverse("two_step_needed"))
        return get_response(request)

    return middleware


def record_access(
    *,
    by: User,
    what: str,
    about: str,
    about_id: int,
    form: AccessRecord.Form,
    rows: int,
    now: datetime,
) -> None:
    """Note that somebody saw, printed or downloaded a list of `rows` people.

    `what` is the kind of list, `about` what it belongs to in words and `about_id` its key.
    """
    AccessRecord.objects.create(
        by=by, at=now, form=form, what=what, about=about[:200], about_id=about_id, rows=rows
    )
