"""Coordinators' page of blocks: chosen, looked at, and taken into another site or a newsletter."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.csp import CSP
from django.utils.html import format_html
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.csp import csp_override

from accounts.access import desk
from booking.bulletins.blocks import BlockKind, filters_of, read_block
from booking.bulletins.rendering import copied

# A mail's own page may style itself and open links in a new tab; it can run and fetch nothing else.
MAIL_POLICY: dict[str, list[str]] = {
    "default-src": [CSP.NONE],
    "style-src": [CSP.UNSAFE_INLINE],
    "img-src": [CSP.SELF, "data:"],
    "base-uri": [CSP.NONE],
    "form-action": [CSP.NONE],
    "frame-ancestors": [CSP.SELF],
    "sandbox": ["allow-popups", "allow-popups-to-escape-sandbox"],
}
ASKED = {
    BlockKind.SPACES: ("kind", "level", "topic", "agency", "where", "weeks", "rows"),
    BlockKind.BRIEFINGS: ("level", "topic", "agency", "where", "since", "rows"),
    BlockKind.DIARY: ("topic", "weeks", "rows"),
}


def _chosen(query: QueryDict) -> BlockKind:
    wanted = query.get("block", "")
    return BlockKind(wanted) if wanted in BlockKind.values else BlockKind.SPACES


@desk()
def blocks(request: HttpRequest) -> HttpResponse:
    """Choose a block, see it, and copy it as a frame, an address, HTML or text."""
    now, kind = timezone.now(), _chosen(request.GET)
    filters = filters_of(request.GET, now=now)
    block = read_block(kind, request.GET, now=now)
    # Only what this block looks at, so that no other filter hides behind its address.
    asked = filters.understood()
    for name in [name for name in asked if name not in ASKED[kind]]:
        del asked[name]
    query = f"?{asked.urlencode()}" if asked else ""
    path = reverse("embed", args=[kind.value]) + query
    frame = format_html(
        '<iframe src="{}" title="{}" width="100%" height="640" loading="lazy"></iframe>',
        settings.SITE_URL + path,
        kind.label,
    )
    context = {
        "kind": kind,
        "kinds": BlockKind.choices,
        "form": filters.form,
        "fields": [filters.form[name] for name in ASKED[kind]],
        # Not "block", which is a word of templates.
        "found": block,
        "copied": copied(block),
        "frame": frame,
        "path": path,
        "json": settings.SITE_URL + reverse("embed_json", args=[kind.value]) + query,
        "atom": settings.SITE_URL + reverse("embed_atom", args=[kind.value]) + query,
    }
    return render(request, "desk/bulletins/blocks.html", context)


@xframe_options_sameorigin
@csp_override(MAIL_POLICY)
@desk()
def block_mail(request: HttpRequest) -> HttpResponse:
    """The block as a newsletter shows it, for the frame on its page."""
    block = read_block(_chosen(request.GET), request.GET, now=timezone.now())
    return HttpResponse(copied(block).page)
