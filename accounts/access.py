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

from accounts.models import AccessRecord, Agency, User
from accounts.views import signed_in
from booking.site.signed_links import SignedLink

View = Callable[..., HttpResponse]

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


def coordinators_only(view: View) -> View:
    """Lead the anonymous to sign in; to everybody but coordinators the page does not exist."""

    @login_required
    @wraps(view)
    def for_coordinators(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not signed_in(request).is_coordinator:
            raise Http404
        return view(request, *args, **kwargs)

    return for_coordinators


def agency_leads_only(view: View) -> View:
    """Lead the anonymous to sign in; without being an agency's lead the page does not exist."""

    @login_required
    @wraps(view)
    def for_leads(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        person = signed_in(request)
        if not person.is_agency_lead or person.agency_id is None:
            raise Http404
        return view(request, *args, **kwargs)

    return for_leads


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
