"""Guests of a session, who come without a place: listed, added, told not to come."""

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.fields import NameQuestion, email_field
from accounts.views import signed_in
from booking.catalogue.models import Session
from booking.desk.queries import managed_session
from booking.places.refusals import PlaceRefused
from booking.places.rules.decision import check_ahead
from booking.scheduling.guests import add_guest, remove_guest
from booking.scheduling.models import SessionGuest
from booking.site.form_kit import Form
from booking.site.web import done, page, posted, refusals_shown


class GuestForm(Form):
    """Somebody who comes without a place."""

    name = NameQuestion(max_length=150)
    email = email_field("Email address", max_length=254)
    purpose = forms.CharField(
        label="What they come for",
        max_length=100,
        help_text="Such as BSL interpreter, guest speaker. They read it too.",
    )


@desk(post=60)
def guests(request: HttpRequest, session_id: int) -> HttpResponse:
    """Who comes besides the people booked, and one more."""
    session, by = managed_session(session_id), signed_in(request)
    if session.state == Session.State.DRAFT:
        return redirect("manage_session_edit", session.pk)
    coming = list(session.guests.coming())
    looked_at(session, by=by, what="guests", rows=len(coming))
    form = GuestForm(posted(request))
    context = {"session": session, "form": form, "coming": coming, "refusal": None}
    if form.is_valid():
        with refusals_shown(context, beside=form):
            guest = add_guest(session=session, **form.cleaned_data, by=by, now=timezone.now())
            words = f"{guest.name} is sent the details."
            return done(request, words, "manage_session_guests", session.pk)
    elif request.method != "POST":
        with refusals_shown(context):
            check_ahead(session, now=timezone.now())
    return page(request, "desk/sessions/guests.html", context)


@desk(post=60, only_post=True)
def not_coming(request: HttpRequest, guest_id: int) -> HttpResponse:
    """A guest need not come, and is told so."""
    guest = get_object_or_404(SessionGuest.objects.select_related("session"), pk=guest_id)
    try:
        remove_guest(guest=guest, by=signed_in(request), now=timezone.now())
        words = f"{guest.name} is told not to come."
    except PlaceRefused as refused:
        words = refused.sentence
    return done(request, words, "manage_session_guests", guest.session_id)
