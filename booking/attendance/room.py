"""Pages of the room: the trainer's screen with its code, and what a phone shows that saw it."""

import base64
from datetime import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache

from accounts.access import looked_at, signed_in_page
from accounts.codes import read_code
from accounts.fields import email_field
from accounts.models import User
from accounts.views import signed_in
from booking.attendance import in_room
from booking.attendance.join import device_of, remember_device
from booking.attendance.joining import opens_next
from booking.attendance.lists import session_with_people
from booking.catalogue.models import Session
from booking.catalogue.sharing import code_to_scan
from booking.site.form_kit import Form
from booking.site.limits import at_most_from_one_address, opened_by_link
from booking.site.readable import key_in
from booking.site.web import done, page, posted, refusals_shown

# All of a hall may be behind one address.
_A_MINUTE = 600


@signed_in_page(post=120)
def screen(request: HttpRequest, session_id: int) -> HttpResponse:
    """The code of this minute for the wall; apart from it, who waits for the trainer's word."""
    by, now = signed_in(request), timezone.now()
    session = session_with_people(by, session_id, now=now)
    if request.method == "POST":
        return _settled(request, session, by, now=now)
    sitting = in_room.sitting_now(session, now=now)
    claims, shows_people = list(in_room.open_claims(session)), "people" in request.GET
    if claims and shows_people:
        looked_at(session, by=by, what="people in the room", rows=len(claims))
    code = in_room.code_of(session, now=now)
    context = {
        "session": session,
        "sitting": sitting,
        "shown_from": opens_next(list(session.sittings.all()), now=now),
        "claims": claims,
        "shows_people": shows_people,
        "code": f"{code[:3]} {code[3:]}",
        "place": f"{settings.SITE_URL.partition('://')[2]}{reverse('room')}",
        "picture": _picture(f"{settings.SITE_URL}{reverse('room')}?{urlencode({'code': code})}"),
    }
    response = page(request, "attendance/screen.html", context)
    if sitting is not None and not shows_people:
        response.headers["Refresh"] = str(in_room.seconds_left(now=now))
    return response


def _settled(request: HttpRequest, session: Session, by: User, *, now: datetime) -> HttpResponse:
    key, answer = key_in(request.POST.get("claim", "")), request.POST.get("answer")
    claim = None
    if key is not None and answer in ("yes", "no"):
        claim = in_room.settle_claim(
            session=session, claim_id=key, agrees=answer == "yes", by=by, now=now
        )
    people = f"{reverse('room_screen', args=[session.pk])}?people"
    if claim is None:
        return redirect(people)
    words = f"{claim.booking.person} is {'here' if claim.agreed else 'not noted'}."
    return done(request, words, people)


def _picture(address: str) -> str:
    """An address as a QR code, as the address of a picture."""
    size, dots = code_to_scan(address)
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size} {size}"'
    drawn = f'<svg {box}><path d="{dots}"/></svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(drawn.encode()).decode()}"


class CodeForm(Form):
    """The code on the screen."""

    code = forms.CharField(
        label="Code on the screen",
        max_length=40,
        widget=forms.TextInput(
            attrs={
                "class": "govuk-input--width-10",
                "autocomplete": "off",
                "autocapitalize": "characters",
                "spellcheck": "false",
            }
        ),
    )


class WhoIAmForm(Form):
    """Whose address somebody in the room says is theirs."""

    email = email_field("Your work email address", max_length=254)


@never_cache
@at_most_from_one_address(_A_MINUTE)
def room(request: HttpRequest) -> HttpResponse:
    """The code is typed, or comes with the picture on the screen; it marks nobody present."""
    now, shown = timezone.now(), request.GET.get("code", "")
    typed = posted(request)
    form = CodeForm({"code": shown} if typed is None and shown else typed)
    if form.is_valid():
        context: dict[str, Any] = {}
        with refusals_shown(context, beside=form):
            session = in_room.session_showing(read_code(form.cleaned_data["code"]), now=now)
            return redirect("room_here", in_room.pass_for(session, now=now))
    return page(request, "attendance/room.html", {"form": form})


@opened_by_link(a_minute=_A_MINUTE)
def here(request: HttpRequest, token: str) -> HttpResponse:
    """Who saw the code says who they are: signed in, by a press; else by an address."""
    now = timezone.now()
    session = in_room.session_of_pass(token, now=now)
    person = request.user if isinstance(request.user, User) else None
    booking = in_room.booking_here(session, person) if person else None
    is_typed = request.POST.get("who") == "address"
    form = WhoIAmForm(posted(request) if is_typed else None)
    context: dict[str, Any] = {
        "session": session,
        "sitting": in_room.sitting_now(session, now=now),
        "person": person,
        "booking": booking,
        "form": form,
        "refusal": None,
        "device": device_of(request),
    }
    if request.method == "POST":
        with refusals_shown(context):
            _said(request, session, context, now=now)
    if booking is not None:
        context["came"] = in_room.came(session, booking, now=now)
    response = page(request, "attendance/here.html", context)
    if request.method == "POST":
        remember_device(response, context["device"])
    # Until it runs out, a join link of one's own says who one is in this room.
    response.set_cookie(
        settings.ROOM_COOKIE_NAME,
        token,
        max_age=20 * 60,
        secure=settings.SECURE,
        httponly=True,
        samesite="Lax",
    )
    return response


def _said(
    request: HttpRequest, session: Session, context: dict[str, Any], *, now: datetime
) -> None:
    """Do what the press asks for. Raises `Refused`."""
    person, form, device = context["person"], context["form"], context["device"]
    if request.POST.get("who") == "me" and person is not None:
        in_room.say_here(session=session, person=person, device=device, now=now)
    elif form.is_valid():
        address = form.cleaned_data["email"]
        in_room.claim_to_be(session=session, address=address, device=device, now=now)
        context["is_claimed"] = True
