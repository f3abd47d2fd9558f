"""What all pages have in common that are opened by a link from an email, without signing in."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from booking.rate_limits import at_most_from_one_address
from booking.site.signed_links import LinkRefused

View = Callable[..., HttpResponse]
# All who work in one building may share an address.
_A_MINUTE = 120


def opened_by_link(view: View) -> View:
    """Keep the link secret and the page to those who have it, and slow down whoever guesses.

    The page is neither stored nor indexed. Its address is told to no page that it links to, not
    even our own. The referrer policy is not `no-referrer`, under which browsers send a form
    without its origin (Fetch, 3.2), so that nobody's answer would get past the CSRF check.

    A link that is refused leads nowhere: 404.
    """

    @never_cache
    @require_http_methods(["GET", "HEAD", "POST"])
    @at_most_from_one_address(_A_MINUTE)
    @wraps(view)
    def linked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, *args, **kwargs)
        except LinkRefused as refused:
            raise Http404 from refused
        response["Referrer-Policy"] = "strict-origin"
        response["X-Robots-Tag"] = "noindex, nofollow"
        return response

    return linked
