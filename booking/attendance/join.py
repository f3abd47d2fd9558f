"""Where a session online is joined, by the link in a mail or a calendar."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone

from booking.attendance import in_room, joining
from booking.attendance.models import DEVICE_LENGTH, new_device
from booking.places.links import join_link
from booking.site.limits import opened_by_link
from booking.site.signed_links import LinkRefused
from booking.site.web import page, refusals_shown

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
    found = joining.entrance(link, now=now)
    if _is_in_the_room(request, found, now=now):
        return _said_here(request, found, now=now)
    if request.method != "POST":
        context = {"entrance": found, "session": found.session}
        return page(request, "attendance/join.html", context, is_gone=found.door in joining.GONE)
    device = device_of(request)
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
    remember_device(response, device)
    return response


def _is_in_the_room(request: HttpRequest, found: joining.Entrance, *, now: datetime) -> bool:
    """Whether this browser saw the code on the screen of a session held in a room."""
    token = request.COOKIES.get(settings.ROOM_COOKIE_NAME, "")
    if not token or found.door is not joining.Door.IN_PERSON or found.booking is None:
        return False
    try:
        return in_room.session_of_pass(token, now=now).pk == found.session.pk
    except (LinkRefused, Http404):
        return False


def _said_here(request: HttpRequest, found: joining.Entrance, *, now: datetime) -> HttpResponse:
    """Somebody in the room used their own link: as a press when signed in."""
    device = device_of(request)
    context: dict[str, Any] = {"entrance": found, "session": found.session, "in_room": True}
    if request.method == "POST" and found.booking is not None:
        with refusals_shown(context):
            person = found.booking.person
            in_room.say_here(session=found.session, person=person, device=device, now=now)
            context["is_here"] = True
    response = page(request, "attendance/join.html", context)
    if request.method == "POST":
        remember_device(response, device)
    return response


def remember_device(response: HttpResponse, device: str) -> None:
    """Have the browser keep the name that it was given."""
    response.set_cookie(
        settings.JOIN_COOKIE_NAME,
        device,
        max_age=_DEVICE_KNOWN_FOR,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )


def device_of(request: HttpRequest) -> str:
    """The name that this browser was given, or a new one."""
    known = request.COOKIES.get(settings.JOIN_COOKIE_NAME, "")
    return known if _DEVICE.fullmatch(known) else new_device()
