"""What a signed-in person must settle before anything else."""

from collections.abc import Callable

from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from booking.site.signed_links import SignedLink

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
