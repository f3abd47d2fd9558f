"""Blocks for other sites and programs: a page to embed, JSON and Atom. Nothing in them is personal.

Any site may frame the page and read the JSON: they hold what everybody may see, take no form, and
set no cookie. What is kept is kept for half a minute at most, and only while the places agree.
"""

from collections.abc import Callable
from datetime import datetime, time
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.cache import get_conditional_response, set_response_etag
from django.utils.csp import CSP
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csp import csp_override
from django.views.decorators.http import require_safe

from booking.bulletins.blocks import Block, BlockKind, BlockRow, read_block, what_is_ahead
from booking.partnership.kept import the_partnership
from booking.site.two_parts import same_for_everyone
from booking.site.wording import LONDON

KEPT_SECONDS = 30
# As of every page, but that any site may frame it; it runs and sends nothing.
_FRAMED_ANYWHERE: dict[str, Any] = {
    **settings.SECURE_CSP,
    "script-src": [CSP.NONE],
    "connect-src": [CSP.NONE],
    "form-action": [CSP.NONE],
    "frame-src": [CSP.NONE],
    "frame-ancestors": ["*"],
}
View = Callable[..., HttpResponse]


def _for_others(view: View) -> View:
    """Everybody may keep the answer for half a minute, ask whether it has changed, and read it."""

    @require_safe
    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        built = same_for_everyone(seconds=KEPT_SECONDS, while_same=what_is_ahead)(view)(
            request, *args, **kwargs
        )
        del built.headers["Expires"]
        set_response_etag(built)
        answer = get_conditional_response(request, etag=built.headers["ETag"]) or built
        answer.headers["ETag"] = built.headers["ETag"]
        answer.headers["Cache-Control"] = f"public, max-age={KEPT_SECONDS}"
        answer.headers["X-Robots-Tag"] = "noindex"
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return answer

    return told


@xframe_options_exempt
@csp_override(_FRAMED_ANYWHERE)
@_for_others
def embed(request: HttpRequest, block: str) -> HttpResponse:
    """A block as a page of its own, for a frame on any other site."""
    found = read_block(BlockKind(block), request.GET, now=timezone.now())
    return render(request, "bulletins/embed.html", {"block": found})


@_for_others
def embed_json(request: HttpRequest, block: str) -> HttpResponse:
    """A block as JSON."""
    found = read_block(BlockKind(block), request.GET, now=timezone.now())
    return JsonResponse(
        {
            "partnership": the_partnership().name,
            "block": found.kind.value,
            "heading": found.heading,
            "as_at": found.as_at.astimezone(LONDON).isoformat(timespec="seconds"),
            "all": found.all_url,
            "left_out": found.left_out,
            "rows": [_as_data(row, found) for row in found.rows],
        },
        json_dumps_params={"ensure_ascii": False, "indent": 1},
    )


@_for_others
def embed_atom(request: HttpRequest, block: str) -> HttpResponse:
    """A block as an Atom feed (RFC 4287)."""
    found = read_block(BlockKind(block), request.GET, now=timezone.now())
    return HttpResponse(
        _atom(found, request.get_full_path()), content_type="application/atom+xml; charset=utf-8"
    )


def _as_data(row: BlockRow, block: Block) -> dict[str, Any]:
    data: dict[str, Any] = {
        "id": row.key,
        "title": row.title,
        "url": row.url,
        "starts": row.starts.isoformat(),
        "ends": row.ends.isoformat(),
        "when": row.when,
    }
    if block.kind == BlockKind.DIARY:
        data["courses"] = [{"title": title, "url": url} for title, url in row.courses]
        return data
    return data | {
        "where": row.where,
        "kind": row.kind,
        "kind_name": row.kind_name,
        "places": row.places,
        "places_left": row.left,
    }


def _atom(block: Block, path: str) -> str:
    page = settings.SITE_URL + reverse("embed", args=[block.kind.value])
    feed = Atom1Feed(
        title=f"{block.heading}: {the_partnership().name}",
        link=block.all_url,
        description=None,
        language="en-gb",
        author_name=the_partnership().name,
        # With its filters: another choice of sessions is another feed.
        feed_url=settings.SITE_URL + path,
        feed_guid=settings.SITE_URL + path,
    )
    for row in block.rows:
        feed.add_item(
            title=row.title,
            link=row.url,
            description=row.summary,
            unique_id=f"{page}#{row.key}",
            updateddate=row.changed_at,
            pubdate=None,
            categories=[row.kind_name] if row.kind_name else (),
        )
    if not block.rows:
        # An empty feed has to say when it was; the start of the day changes no more often.
        feed.latest_post_date = lambda: datetime.combine(  # type: ignore[method-assign]
            block.as_at.astimezone(LONDON).date(), time(), tzinfo=LONDON
        )
    return feed.writeString("utf-8")
