"""Who may open a page, and who looked at which list."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import structlog
from django.contrib.auth.decorators import login_required
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.models import AccessRecord, Agency, User
from accounts.proof import after_proof
from accounts.views import signed_in
from booking.site.caching import unkept
from booking.site.limits import View, at_most

log = structlog.get_logger("briefed.security")


def signed_in_page(
    *, post: int = 0, only_post: bool = False, proof: bool = False
) -> Callable[[View], View]:
    """A page of whoever is signed in: to look at only, unless it takes `post` forms a minute.

    `only_post` is for a button of another page: there is nothing to look at. With `proof` the
    person shows anew who they are, unless they have lately: before a form is taken, or, if the
    page takes none, before it is looked at.
    """
    return _framed(login_required, post, only_post, proof)


def lead_page(
    *, post: int = 0, only_post: bool = False, proof: bool = False
) -> Callable[[View], View]:
    """As `signed_in_page`; to everybody but leads of an agency the page does not exist."""
    return _framed(_known_to(lambda person: person.leads_agency), post, only_post, proof)


def desk(*, post: int = 0, only_post: bool = False, proof: bool = False) -> Callable[[View], View]:
    """As `signed_in_page`; to everybody but coordinators the page does not exist."""
    return _framed(_known_to(lambda person: person.is_coordinator), post, only_post, proof)


def superuser_page(
    *, post: int = 0, only_post: bool = False, proof: bool = False
) -> Callable[[View], View]:
    """As `signed_in_page`; to everybody but superusers the page does not exist."""
    return _framed(_known_to(lambda person: person.is_superuser), post, only_post, proof)


def _framed(
    guard: Callable[[View], View], post: int, only_post: bool = False, proof: bool = False
) -> Callable[[View], View]:
    """Nobody else may keep the page; forms are counted before anybody asks who sends them."""

    def decorate(view: View) -> View:
        if proof:
            view = after_proof(view, looking=not post)
        if only_post or not post:
            view = (_pressed if only_post else require_safe)(view)
        view = guard(view)
        framed = never_cache(at_most(post)(view) if post else view)
        # Its address cannot be looked at: see `accounts/typed.py`.
        framed.is_a_button = only_post  # type: ignore[attr-defined]
        return framed

    return decorate


def _pressed(view: View) -> View:
    """A button of another page: whoever opens its address by itself reads that it is one."""

    @wraps(view)
    def pressed(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "POST":
            return view(request, *args, **kwargs)
        answer = render(request, "405.html", status=405)
        answer.headers["Allow"] = "POST"
        return answer

    return pressed


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


def keep_no_personal_page(
    get_response: Callable[[HttpRequest], HttpResponse],
) -> Callable[[HttpRequest], HttpResponse]:
    """Let no browser or proxy store what a signed-in person is shown.

    A page that did not look at the session cannot be theirs, and one that says it is public is
    everybody's: both stay as they are.
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if (
            request.session.accessed
            and "public" not in response.headers.get("Cache-Control", "")
            and request.user.is_authenticated
        ):
            unkept(response)
        return response

    return middleware


def looked_at(
    about: Model | None,
    *,
    by: User | None,
    what: str,
    rows: int = 1,
    form: AccessRecord.Form = AccessRecord.Form.PAGE,
) -> None:
    """Put on record that somebody sees another person's data. Costs one statement.

    `about` is the person, or what a list of `rows` people belongs to, or nothing for a list of the
    whole site; `what` says what is seen of it. Nobody's look at their own data is recorded. `by`
    is nobody where a line manager opens the link in a mail.

    Called before the page is made, in no transaction, so that a page which then refuses what was
    typed is on record too.
    """
    whom = about if isinstance(about, User) else None
    if whom is not None and whom == by:
        return
    AccessRecord.objects.create(
        by=by,
        at=timezone.now(),
        form=form,
        what=what,
        whom=whom,
        about="" if whom or about is None else str(about)[:200],
        about_id=about.pk if about else 0,
        rows=rows,
    )
    if form in (AccessRecord.Form.CSV, AccessRecord.Form.FILE):
        log.info("exported", person=by and by.pk, what=what, about=about and about.pk, rows=rows)
