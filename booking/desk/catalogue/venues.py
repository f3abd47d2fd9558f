"""Coordinators' pages about venues. Another name or address is shown first, then told."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk
from accounts.views import signed_in
from booking.catalogue.bounds import LONGEST_TEXT
from booking.catalogue.courses import EditRefused, VenuePlan, add_venue
from booking.catalogue.models import Session, Venue
from booking.desk import audience, preview
from booking.desk.questions import StoredForm, point_out_meetings_typed, text_field
from booking.scheduling import corrections
from booking.site.counting import count_of
from booking.site.web import done, listed_page, page, posted


class VenueForm(StoredForm):
    """A whole venue."""

    name = forms.CharField(
        max_length=200, error_messages={"required": "Enter the name of the venue."}
    )
    address = forms.CharField(
        max_length=400, help_text="On one line, with the postcode: it goes into calendars and maps."
    )
    getting_there = text_field(
        "Getting there (optional)",
        help_text="Parking, buses, entrance and access. Mail sent from now on says it; nobody is"
        " told of a change.",
        error_messages={"max_length": f"Use {LONGEST_TEXT:,} characters or fewer."},
    )

    def __init__(self, data: QueryDict | None, *, venue: Venue | None) -> None:
        super().__init__(data, stored=venue, usual=Venue())

    @property
    def plan(self) -> VenuePlan:
        """What was typed, once valid."""
        return VenuePlan(**self.cleaned_data)


@desk()
def venues(request: HttpRequest) -> HttpResponse:
    """Every venue, with how many sessions ahead are held there."""
    now = timezone.now()
    ahead = Session.objects.filter(state=Session.State.PUBLISHED, ends_at__gt=now)
    return listed_page(
        request,
        "desk/catalogue/venues.html",
        Venue.objects.annotate(ahead=count_of(ahead, "venue")),
        noun=("venue", "venues"),
        new="manage_venue_new",
        searched_by={"name": "name", "address": "address"},
    )


@desk(post=60)
def venue(request: HttpRequest, venue_id: int | None = None) -> HttpResponse:
    """A new venue, or one that exists: another name or address is shown, then told."""
    stored = get_object_or_404(Venue, pk=venue_id) if venue_id else None
    form = VenueForm(posted(request), venue=stored)
    if form.is_valid() and request.POST.get("step") != "edit":
        try:
            if stored:
                return _changed(request, stored, form)
            made = add_venue(plan=form.plan)
            point_out_meetings_typed(request, form)
            return done(request, f"{made.name} can now be chosen for sessions.", "manage_venues")
        except corrections.CorrectedMeanwhile as refused:
            form.add_error(None, refused.sentence)
        except EditRefused as refused:
            form.add_error("name", refused.sentence)
    context: dict[str, Any] = {"form": form, "stored": stored, "heading": "New venue"}
    context["list"] = reverse("manage_venues")
    if stored:
        context["sessions"] = corrections.sessions_at(stored, now=timezone.now()).count()
    return page(request, "desk/catalogue/venue.html", context)


def _changed(request: HttpRequest, stored: Venue, form: VenueForm) -> HttpResponse:
    """Show who would hear of another name or address, or do it. Raises `EditRefused`."""
    now = timezone.now()
    changes = corrections.of_venue(stored, form.plan)
    told = audience.who_hears(corrections.sessions_at(stored, now=now), changes, now=now)
    if preview.must_be_shown(request, changes, told):
        return preview.preview(
            request, form=form, heading=stored.name, back=request.path, changes=changes, told=told
        )
    corrections.change_venue(venue=stored, plan=form.plan, by=signed_in(request), now=now)
    point_out_meetings_typed(request, form)
    words = f"{form.plan.name} is saved. {preview.done_words(told)}".strip()
    return done(request, words, "manage_venues")
