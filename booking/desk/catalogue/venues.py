"""Coordinators' pages about venues. Another name or address is shown first, then told."""

from django import forms
from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone

from accounts.access import desk
from accounts.views import signed_in
from booking.catalogue.courses import EditRefused, VenuePlan, add_venue
from booking.catalogue.models import Session, Venue
from booking.desk import preview, queries
from booking.scheduling import corrections
from booking.site.form_kit import Form
from booking.site.web import page, paged, posted, search_text, searched

_PER_PAGE = 40
_ADDRESS_LENGTH = 400
_TEXT_LENGTH = 4000


@desk()
def venues(request: HttpRequest) -> HttpResponse:
    """Every venue, with how many sessions ahead are held there."""
    search, now = search_text(request), timezone.now()
    ahead = Q(sessions__state=Session.State.PUBLISHED, sessions__ends_at__gt=now)
    found = Venue.objects.annotate(ahead=Count("sessions", filter=ahead))
    found = searched(found, search, "name", "address").order_by("name", "pk")
    context = {"page_obj": paged(request, found, per_page=_PER_PAGE), "search": search}
    return render(request, "desk/catalogue/venues.html", context)


@desk(post=60)
def new_venue(request: HttpRequest) -> HttpResponse:
    """A venue that sessions can then choose."""
    form = VenueForm(posted(request))
    if form.is_valid():
        try:
            made = add_venue(plan=form.plan)
        except EditRefused as refused:
            form.add_error("name", refused.sentence)
        else:
            messages.success(request, f"{made.name} can now be chosen for sessions.")
            return redirect("manage_venues")
    context = {"form": form}
    return page(request, "desk/catalogue/venue.html", context)


@desk(post=60)
def venue(request: HttpRequest, venue_id: int) -> HttpResponse:
    """One venue: what would change and who would hear of it is shown first, then done."""
    stored, now = get_object_or_404(Venue, pk=venue_id), timezone.now()
    form = VenueForm(posted(request), venue=stored)
    sessions = corrections.sessions_at(stored, now=now)
    if form.is_valid() and request.POST.get("step") != "edit":
        changes = corrections.of_venue(stored, form.plan)
        told = queries.who_hears(sessions, changes, now=now)
        if preview.must_be_shown(request, changes, told):
            back = reverse("manage_venue", args=[stored.pk])
            return preview.preview(
                request, form=form, heading=stored.name, back=back, changes=changes, told=told
            )
        try:
            corrections.change_venue(venue=stored, plan=form.plan, by=signed_in(request), now=now)
        except corrections.CorrectedMeanwhile as refused:
            form.add_error(None, refused.sentence)
        except EditRefused as refused:
            form.add_error("name", refused.sentence)
        else:
            words = preview.done_words(told)
            messages.success(request, f"{form.plan.name} is saved. {words}".strip())
            return redirect("manage_venues")
    context = {"form": form, "venue": stored, "sessions": sessions.count()}
    return page(request, "desk/catalogue/venue.html", context)


class VenueForm(Form):
    """A whole venue."""

    name = forms.CharField(
        max_length=200, error_messages={"required": "Enter the name of the venue."}
    )
    address = forms.CharField(
        max_length=_ADDRESS_LENGTH,
        help_text="On one line, with the postcode: it goes into calendars and maps.",
    )
    getting_there = forms.CharField(
        label="Getting there (optional)",
        required=False,
        max_length=_TEXT_LENGTH,
        help_text="Parking, buses, entrance and access. Mail sent from now on says it; nobody is"
        " told of a change.",
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"max_length": f"Use {_TEXT_LENGTH:,} characters or fewer."},
    )

    def __init__(self, data: QueryDict | None, *, venue: Venue | None = None) -> None:
        fields = ("name", "address", "getting_there")
        initial = {name: getattr(venue, name) for name in fields} if venue else {}
        super().__init__(data, initial=initial)

    @property
    def plan(self) -> VenuePlan:
        """What was typed, once valid."""
        return VenuePlan(**self.cleaned_data)
