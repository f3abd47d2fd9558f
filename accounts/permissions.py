"""Who may open a page, as decorators of views."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse

from accounts.models import Agency
from accounts.views import signed_in

View = Callable[..., HttpResponse]


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
