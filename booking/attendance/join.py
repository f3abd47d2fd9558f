"""Where a session online is joined, by the link in a mail or a calendar."""

import re
from datetime import timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from booking.attendance import joining
from booking.attendance.models import DEVICE_LENGTH, new_device
from booking.places.links import join_link
from booking.site.limits import opened_by_link
from booking.site.web import page

# A large agency may be behind one address, and all of it joins within a minute.
_A_MINUTE = 2000
_DEVICE = re.compile(rf"[A-Za-z0-9]{{{DEVICE_LENGTH}}}")
_DEVICE_KNOWN_FOR = timedelta(days=30)


@opened_by_link(a_minute=_A_MINUTE)
def join(request: HttpRequest, token: str) -> HttpResponse:
    """Whose link it is and when the meeting opens; a press opens it. Looking marks nobody present.

    The answer to the press leads on by itself: a redirect from a form to elsewhere is what our own
    policy stops (`form-action`).
    """
    now = timezone.now()
    link = join_link(token, now=now)
    if request.method != "POST":
        found = joining.entrance(link, now=now)
        context = {"entrance": found, "session": found.session}
        return page(request, "attendance/join.html", context, is_gone=found.door in joining.GONE)
    device = _device(request)
    try:
        found, address = joining.join(link, device=device, now=now)
    except joining.DoorClosed:
        found, address = joining.entrance(link, now=now), ""
    response = page(
        request,
        "attendance/join.html",
        {"entrance": found, "session": found.session, "address": address},
        is_open=bool(address),
        is_gone=found.door in joining.GONE,
    )
    response.set_cookie(
        settings.JOIN_COOKIE_NAME,
        device,
        max_age=_DEVICE_KNOWN_FOR,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _device(request: HttpRequest) -> str:
    """The name that this browser was given, or a new one."""
    known = request.COOKIES.get(settings.JOIN_COOKIE_NAME, "")
    return known if _DEVICE.fullmatch(known) else new_device()
