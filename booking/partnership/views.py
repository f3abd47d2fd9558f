"""What pages load to look like the partnership's own.

Each address names what it holds, so browsers may keep the answer for good: another colour or logo
has another address.
"""

from django.http import Http404, HttpRequest, HttpResponse
from django.utils.cache import patch_cache_control
from django.utils.http import quote_etag
from django.views.decorators.http import etag, require_safe

from booking.partnership.colours import stylesheet
from booking.partnership.models import Partnership

_ONE_YEAR = 365 * 24 * 3600


@require_safe
def colour(request: HttpRequest, digits: str) -> HttpResponse:
    """The style sheet of a colour: which one the partnership has is said by the page."""
    return _for_good(HttpResponse(stylesheet(f"#{digits}"), content_type="text/css; charset=utf-8"))


@require_safe
@etag(lambda request, digest: quote_etag(digest))
def logo(request: HttpRequest, digest: str) -> HttpResponse:
    """The partnership's logo, by the digest of its bytes."""
    row = Partnership.objects.filter(logo_digest=digest).only("logo", "logo_type").first()
    if row is None:
        raise Http404
    return _for_good(HttpResponse(bytes(row.logo), content_type=row.logo_type))


def _for_good(answer: HttpResponse) -> HttpResponse:
    patch_cache_control(answer, public=True, max_age=_ONE_YEAR, immutable=True)
    return answer
