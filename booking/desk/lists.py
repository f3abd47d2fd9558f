"""Lists that show people to coordinators: in pages, each look on record."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse

from accounts.access import looked_at
from accounts.views import signed_in
from booking.site.web import page, paged

_PER_PAGE = 50


def page_of_people(
    request: HttpRequest,
    template: str,
    rows: QuerySet[Any],
    *,
    what: str,
    keys: Sequence[int] | None = None,
    **context: Any,
) -> HttpResponse:
    """One page of the rows as `page_obj`, beside the context; `what` says what is seen.

    `keys` are as of `paged`.
    """
    shown = paged(request, rows, per_page=_PER_PAGE, keys=keys)
    looked_at(None, by=signed_in(request), what=what, rows=len(shown))
    return page(request, template, {"page_obj": shown, **context})
