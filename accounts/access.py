"""Who may open a page, and who looked at which list."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.models import AccessRecord, Agency, User
from accounts.proof import after_proof
from accounts.views import signed_in
from booking.site.limits import View, at_most


def signed_in_page(
    *, post: int = 0, only_post: bool = False, proof: bool = False
) -> Callable[[View], View]:
    """A page of whoever is signed in: to look at only, unless it takes `post` forms a minute.

    `only_post` is for a button of another page: there is nothing to look at. With `proof` the
    person shows anew who they are, unless they have lately: before a form is taken, or, if the
    page takes none, before it is looked at.
    """
    return _framed(login_required, post, only_post, proof)


def lead_page(*, post: int = 0) -> Callable[[View], View]:
    """As `signed_in_page`; to everybody but leads of an agency the page does not exist."""
    return _framed(
        _known_to(lambda person: person.is_agency_lead and person.agency_id is not None), post
    )


def desk(*, post: int = 0, only_post: bool = False, proof: bool = False) -> Callable[[View], View]:
    """As `signed_in_page`; to everybody but coordinators the page does not exist."""
    return _framed(_known_to(lambda person: person.is_coordinator), post, only_post, proof)


def _framed(
    guard: Callable[[View], View], post: int, only_post: bool = False, proof: bool = False
) -> Callable[[View], View]:
    """Nobody else may keep the page; forms are counted before anybody asks who sends them."""

    def decorate(view: View) -> View:
        if proof:
            view = after_proof(view, looking=not post)
        if only_post or not post:
            view = (require_POST if only_post else require_safe)(view)
        view = guard(view)
        framed = never_cache(at_most(post)(view) if post else view)
        # Its address cannot be looked at: see `accounts/sessions.py`.
        framed.is_a_button = only_post  # type: ignore[attr-defined]
        return framed

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
