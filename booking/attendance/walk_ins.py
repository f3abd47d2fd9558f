"""Somebody comes without a booking: found or written down, and let in by the trainer's word.

A trainer finds people by their whole address alone; coordinators find anybody by a few letters.
"""

from typing import Any

from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode

from accounts.access import looked_at, signed_in_page
from accounts.addresses import as_stored
from accounts.agencies import known_by_address
from accounts.agency_proof import agency_at
from accounts.fields import NameQuestion, email_field
from accounts.models import User
from accounts.views import signed_in
from booking.attendance.lists import session_with_people
from booking.attendance.marking import Press, came_to, mark
from booking.attendance.models import Mark
from booking.catalogue.models import Session
from booking.places.agency.callers import write_down
from booking.places.changing.walking_in import walk_in
from booking.places.models import Booking
from booking.site.form_kit import Form
from booking.site.readable import key_in
from booking.site.refusals import Refused
from booking.site.web import done, page, posted, refusals_shown, search_text

_SHOWN = 12
_SHORTEST_SEARCH = 2


class LeftTheList(Refused):
    """Somebody who was chosen from the session's list is not on it any more."""

    sentence = (
        "The person you chose has left the list of this session since you looked: their booking"
        " has ended. If they are here all the same, find them by their whole address."
    )


class WholeAddressForm(Form):
    """The whole address of somebody who stands in the room."""

    email = email_field("Work email address")


class NewcomerForm(WholeAddressForm):
    """Somebody who has no account, as they say it in the room."""

    first_name = NameQuestion(label="First name", max_length=100)
    last_name = NameQuestion(label="Last name", max_length=100)
    job_title = NameQuestion(label="Job title (optional)", max_length=150, required=False)
    agency_name = NameQuestion(
        label="Who do they work for? (optional)", max_length=200, required=False
    )


class InsteadForm(Form):
    """In whose place somebody comes, or that there is room."""

    instead_of = forms.ModelChoiceField(
        label="In whose place do they come? (optional)",
        queryset=Booking.objects.none(),
        required=False,
        empty_label="Nobody’s: they came by themselves",
        help_text="Somebody who has a place and did not come.",
    )
    is_over = forms.BooleanField(label="There is room for one more", required=False)

    def __init__(self, *args: Any, session: Session, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        certain = Booking.objects.for_session(session).confirmed().select_related("person")
        free = certain.exclude(pk__in=came_to(session)).exclude(replaced_by__is_walk_in=True)
        choices = self.fields["instead_of"]
        choices.queryset = free.order_by("person__sort_name", "pk")  # type: ignore[attr-defined]
        choices.label_from_instance = lambda each: str(each.person)  # type: ignore[attr-defined]
        if (key := key_in(self.data.get("instead_of", ""))) is not None:
            choices.error_messages["invalid_choice"] = _why_not_free(session, key)


def _why_not_free(session: Session, key: int) -> str:
    """Why nobody can come in the place of this booking, which could be chosen a while ago."""
    booking = Booking.objects.for_session(session).select_related("person").filter(pk=key).first()
    if booking is None:
        return "Choose from the list in whose place they come."
    if booking.pk in came_to(session):
        why = f"{booking.person} is marked as there by now"
    elif booking.state != Booking.State.CONFIRMED:
        why = f"{booking.person} has no certain place any more"
    else:
        why = f"Somebody else has come in the place of {booking.person} by now"
    return f"{why}. Choose another, or nobody."


@signed_in_page(post=60)
def walk_in_page(request: HttpRequest, session_id: int) -> HttpResponse:
    """Find somebody, or write them down; then let them in."""
    by = signed_in(request)
    session = session_with_people(by, session_id, now=timezone.now())
    key = key_in(request.POST.get("person") or request.GET.get("person", ""))
    context: dict[str, Any] = {"session": session}
    if key is not None:
        try:
            return _let_in(request, session, _person(by, session, key, request))
        except LeftTheList as refused:
            context |= {"form": NewcomerForm(), "refusal": refused}
            return page(request, "attendance/walk_in.html", context)
    if request.method == "POST" and "first_name" not in request.POST:
        return _found_by_address(request, session)
    form = NewcomerForm(posted(request))
    search = search_text(request)
    context |= {"form": form, "search": search}
    if by.is_coordinator and len(search) >= _SHORTEST_SEARCH:
        people = User.objects.found_by(search).filter(is_active=True).some_by_name()
        context["found"] = list(people.select_related("agency")[:_SHOWN])
        looked_at(None, by=by, what="people found", rows=len(context["found"]))
    if form.is_valid():
        with refusals_shown(context, beside=form):
            return _written_down(request, session, form)
    return page(request, "attendance/walk_in.html", context)


def _found_by_address(request: HttpRequest, session: Session) -> HttpResponse:
    """Whoever has an account with this whole address; else the questions about somebody new."""
    asked = WholeAddressForm(request.POST)
    if not asked.is_valid():
        return page(request, "attendance/walk_in.html", {"session": session, "form": asked})
    email = asked.cleaned_data["email"]
    known = known_by_address([email]).get(email)
    if known is not None and known.is_active:
        return _let_in(request, session, _person(signed_in(request), session, known.pk, request))
    form = NewcomerForm(initial={"email": email})
    context = {"session": session, "form": form, "is_new": True}
    return page(request, "attendance/walk_in.html", context)


def _address(typed: str) -> str:
    """As it is stored; PostgreSQL takes no NUL."""
    return as_stored(typed.replace("\0", "").strip())


def _person(by: User, session: Session, key: int, request: HttpRequest) -> User:
    """Anybody for a coordinator; for a trainer those who are on the session's lists, and somebody
    whose whole address they name. Raises `LeftTheList` or `Http404`."""
    people = User.objects.select_related("agency").filter(is_active=True)
    if not by.is_coordinator:
        named = request.POST.get("email", "")
        on_it = Booking.objects.for_session(session)
        here = people.filter(pk__in=on_it.live().values("person"))
        people = (here | people.filter(email=_address(named))).distinct()
        if on_it.filter(person=key).exists() and not people.filter(pk=key).exists():
            raise LeftTheList
    person = get_object_or_404(people, pk=key)
    looked_at(person, by=by, what="walk-in")
    return person


def _written_down(request: HttpRequest, session: Session, form: Form) -> HttpResponse:
    told = form.cleaned_data
    by, now = signed_in(request), timezone.now()
    agency = agency_at(told["email"])
    person = write_down(
        email=told["email"],
        first_name=told["first_name"],
        last_name=told["last_name"],
        job_title=told["job_title"],
        phone="",
        agency=agency,
        unlisted_agency=told["agency_name"],
        by=by,
        now=now,
    )
    return _let_in(request, session, person)


def _let_in(request: HttpRequest, session: Session, person: User) -> HttpResponse:
    """Say who it is, whether there is room, and give the place with one press.

    It answers the search as well: an address stands in no address of a page.
    """
    context: dict[str, Any] = {"session": session, "person": person}
    here = Booking.objects.for_session(session).confirmed().filter(person=person).first()
    if here is not None:
        context |= {"here": here}
        return page(request, "attendance/walk_in_person.html", context, is_open=False)
    typed = posted(request)
    form = InsteadForm(typed if typed and "person" in typed else None, session=session)
    context |= {
        "form": form,
        "is_full": session.is_full,
        "was_free": "saw_place" in request.POST,
        "email": request.POST.get("email", ""),
    }
    if form.is_valid():
        with refusals_shown(context):
            return _came(request, session, person, form)
    return page(request, "attendance/walk_in_person.html", context)


def _came(request: HttpRequest, session: Session, person: User, form: Form) -> HttpResponse:
    """Give them the place, and mark them at the sitting that is held. Raises `Refused`."""
    by, now = signed_in(request), timezone.now()
    sittings = list(session.sittings.all())
    begun = [each for each in sittings if each.starts_at <= now] or sittings[:1]
    # Where nothing can be marked, nobody is given a place either.
    with transaction.atomic():
        booking = walk_in(session=session, person=person, by=by, now=now, **form.cleaned_data)
        press = Press(booking=booking.pk, sitting=begun[-1].pk, what=Mark.What.ATTENDED)
        mark(session=session, presses=[press], by=by, now=now)
    address = reverse("register", args=[session.pk])
    words = f"{person} has a place, and is marked as attended."
    return done(request, words, f"{address}?{urlencode({'sitting': begun[-1].pk})}#b{booking.pk}")
