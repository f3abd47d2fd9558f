"""What every page shares: small print, whether the site is well, errors, forms, lists, searches."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from django.conf import settings
from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.messages.storage.session import SessionStorage
from django.core.paginator import Page, Paginator
from django.db import InterfaceError, OperationalError, connection
from django.db.models import Model, Q, QuerySet
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import reverse
from django.views.decorators.http import require_safe

from booking.site.human_order import HumanOrder
from booking.site.ready_queries import ReadyPages
from booking.site.refusals import Refused

_TRY_AGAIN_SECONDS = 30
_SEARCH_LENGTH = 100
_PLAIN = "text/plain; charset=utf-8"
_SECURITY_TXT_HOLDS = timedelta(days=180)


def accessibility(request: HttpRequest) -> HttpResponse:
    """The accessibility statement."""
    return render(request, "site/accessibility.html")


class CookieOfMessages(CookieStorage):
    """What the next page says, in a cookie that no other host can set (RFC 6265bis, 4.1.3.2)."""

    cookie_name = settings.MESSAGE_COOKIE_NAME


class Messages(FallbackStorage):
    """A cookie for a short message, the session for a long one."""

    storage_classes = (CookieOfMessages, SessionStorage)


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Where somebody who finds a weakness reports it, as RFC 9116 has it.

    It says the same all day, and holds for less than a year, which is as long as section 2.5.5
    lets anybody rely on it.
    """
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    address = settings.SITE_URL + reverse("security_txt")
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {(today + _SECURITY_TXT_HOLDS).isoformat().replace('+00:00', 'Z')}",
        "Preferred-Languages: en",
        f"Canonical: {address}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type=_PLAIN)


def healthz(request: HttpRequest) -> HttpResponse:
    """Whether this process answers at all."""
    return HttpResponse("ok\n", content_type=_PLAIN)


def readyz(request: HttpRequest) -> HttpResponse:
    """Whether the database answers; without it nothing can be booked."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ready\n", content_type=_PLAIN)


def form_expired(request: HttpRequest) -> HttpResponse:
    """Answer a form whose CSRF check failed, with status 403 and what to do next."""
    return render(request, "403_csrf.html", status=403)


def broken(request: HttpRequest) -> HttpResponse:
    """Answer a request that failed: 503 and when to try again if the database is away, else 500.

    Named by `handler500`, so it is called while the failure is being handled, which Django has
    logged. The pages need nothing that may be broken: no database, session or request.
    """
    if isinstance(sys.exception(), OperationalError | InterfaceError):
        headers = {"Retry-After": str(_TRY_AGAIN_SECONDS)}
        return HttpResponse(render_to_string("503.html"), status=503, headers=headers)
    return HttpResponse(render_to_string("500.html"), status=500)


def search_text(request: HttpRequest, name: str = "q") -> str:
    """What a search field asks for; PostgreSQL takes no NUL."""
    return request.GET.get(name, "").replace("\0", "").strip()[:_SEARCH_LENGTH]


def posted(request: HttpRequest) -> QueryDict | None:
    """What a form was sent with; nothing, for an empty form, when the page is only looked at.

    After a session that ended, or errors in the form, a look at the page brings what was typed
    there, as a `TypedBefore`, with which no form is valid.
    """
    if request.method == "POST":
        return request.POST
    return getattr(request, "typed_before", None)


def page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    is_open: bool = True,
    is_gone: bool = False,
) -> HttpResponse:
    """A page whose status says what it holds.

    410 if what it asks `is_gone`; 409 if what was sent meets a `refusal`, or a question that is
    not open any more; 422 if any form of the context has errors; else 200.
    """
    is_refused = request.method == "POST" and (context.get("refusal") or not is_open)
    has_errors = any(each.errors for each in context.values() if isinstance(each, BaseForm))
    status = 410 if is_gone else 409 if is_refused else 422 if has_errors else 200
    return render(request, template, context, status=status)


def done(request: HttpRequest, words: str, to: str, *args: Any) -> HttpResponseRedirect:
    """Lead to the page of this name or address, which says what was done."""
    messages.success(request, words)
    return redirect(to, *args)


@contextmanager
def refusals_shown(context: dict[str, Any], *, beside: BaseForm | None = None) -> Iterator[None]:
    """Have the page say why the action was refused, as its `refusal`.

    What is refused about a field stands beside it, if the form is named that has such a field.
    """
    try:
        yield
    except Refused as refused:
        if beside is not None and refused.field in beside.fields:
            beside.add_error(refused.field, refused.with_instead)
        else:
            context["refusal"] = refused


def paged[Row](
    request: HttpRequest,
    rows: QuerySet[Any, Row] | ReadyPages[Row],
    *,
    per_page: int,
    keys: Sequence[int] | None = None,
) -> Page[Row]:
    """The page of a list that the address asks for; the last or the first if there is none such.

    Where the keys of the rows are known, in their order, only those of the page are read.
    """
    asked_for = request.GET.get("page")
    if keys is None or isinstance(rows, ReadyPages):
        any_rows: Any = rows
        return cast(Page[Row], Paginator(any_rows, per_page).get_page(asked_for))
    shown: Any = Paginator(keys, per_page).get_page(asked_for)
    shown.object_list = list(rows.filter(pk__in=shown.object_list))
    return cast(Page[Row], shown)


def listed_page[Row: Model](
    request: HttpRequest,
    template: str,
    rows: QuerySet[Row],
    *,
    noun: tuple[str, str],
    new: str,
    searched_by: Mapping[str, str],
    per_page: int = 40,
) -> HttpResponse:
    """A list of these in the order of their names, which a search makes shorter, and a new one.

    `noun` is what one of them and several are called, `new` the name of the page of a new one, and
    `searched_by` has the columns that are searched and what they are called; the first orders.
    """
    search, (first, *_) = search_text(request), searched_by
    ordered = searched(rows, search, *searched_by).order_by(HumanOrder(first), "pk")
    context = {
        "page_obj": paged(request, ordered, per_page=per_page),
        "search": search,
        "noun": noun,
        "words": ",".join(noun),
        "new": reverse(new),
        "searched_by": " or ".join(searched_by.values()),
    }
    return render(request, template, context)


def searched[Rows: QuerySet[Any]](rows: Rows, text: str, *lookups: str) -> Rows:
    """The rows that hold every word of the text, each word in any of these columns."""
    for word in text.split():
        found = Q()
        for lookup in lookups:
            found |= Q(**{f"{lookup}__icontains": word})
        rows = rows.filter(found)
    return rows
