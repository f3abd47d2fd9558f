"""Coordinators’ pages about the agencies on the list: their domains, sector, leads and people."""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse

from accounts.access import desk, looked_at
from accounts.addresses import PUBLIC_MAIL, parse_domain
from accounts.agencies import AgencyNameTaken, AgencyPlan, colleagues_of, store_agency
from accounts.agency_proof import AgencyGone
from accounts.fields import NameQuestion
from accounts.models import Agency, Sector, User
from accounts.views import signed_in
from booking.catalogue.bounds import MOST_TURNOVER_POUNDS
from booking.desk.questions import ListQuestion, StoredForm
from booking.places.agency import merging
from booking.site.counting import count_of
from booking.site.form_kit import Form, PoundsField
from booking.site.human_order import HumanOrder
from booking.site.readable import key_in
from booking.site.web import done, listed_page, page, paged, posted, refusals_shown

_PER_PAGE = 40


def _domain(typed: str) -> str:
    """A domain of the agency's own, with or without the @. Raises `ValidationError`."""
    try:
        domain = parse_domain(typed.removeprefix("@").lower())
    except forms.ValidationError as refused:
        raise forms.ValidationError("Enter a domain such as agency.org.uk.") from refused
    if domain in PUBLIC_MAIL:
        raise forms.ValidationError(f"Anybody can have an address at {domain}.")
    return domain


class ListedAgencyForm(StoredForm):
    """A whole agency."""

    name = NameQuestion(
        max_length=200, error_messages={"required": "Enter the name of the agency."}
    )
    sector = forms.ChoiceField(choices=[("", "Choose a sector"), *Sector.choices])
    email_domains = ListQuestion(
        label="Email domains (optional)",
        help_text="What stands after the @ in its staff’s addresses, one a line. Such an address"
        " proves that somebody works there, if no other agency has the domain.",
        read=_domain,
    )
    trainers_in_kind = forms.BooleanField(
        label="It lends trainers to the partnership", required=False
    )
    annual_turnover_pence = PoundsField(
        "Annual turnover in pounds (optional)",
        most=MOST_TURNOVER_POUNDS,
        required=False,
        help_text="Of a charity: rules of cancelling may be free of charge for small ones.",
    )
    is_listed = forms.BooleanField(label="People may choose it when they join", required=False)

    def __init__(self, data: QueryDict | None, *, agency: Agency | None) -> None:
        super().__init__(data, stored=agency, usual=Agency())
        self.fields["email_domains"].widget.attrs["rows"] = 3

    @property
    def plan(self) -> AgencyPlan:
        """What was typed, once valid."""
        return AgencyPlan(**self.cleaned_data)


class OtherAgencyForm(Form):
    """Which agency goes over to another; none is chosen beforehand."""

    other = forms.ModelChoiceField(
        label="The other agency",
        queryset=Agency.objects.none(),
        empty_label="Choose an agency",
        error_messages={"required": "Choose the other agency."},
    )

    def __init__(self, data: QueryDict | None, *, others: QuerySet[Agency]) -> None:
        super().__init__(data)
        self.fields["other"].queryset = others  # type: ignore[attr-defined]


@desk()
def agencies(request: HttpRequest) -> HttpResponse:
    """Every agency, with how many people are confirmed there."""
    active = User.objects.filter(is_active=True)
    confirmed = active.filter(agency_confirmed_at__isnull=False)
    found = Agency.objects.annotate(
        confirmed=count_of(confirmed, "agency"),
        unconfirmed=count_of(active.filter(agency_confirmed_at=None), "agency"),
        leads=count_of(confirmed.filter(is_agency_lead=True), "agency"),
    )
    return listed_page(
        request,
        "desk/catalogue/agencies.html",
        found,
        noun=("agency", "agencies"),
        new="manage_listed_new",
        searched_by={"name": "name"},
    )


@desk(post=60, proof=True)
def agency(request: HttpRequest, agency_id: int | None = None) -> HttpResponse:
    """A new agency, or one that exists with its leads and confirmed people."""
    stored = get_object_or_404(Agency, pk=agency_id) if agency_id else None
    form = ListedAgencyForm(posted(request), agency=stored)
    if form.is_valid():
        try:
            store_agency(agency=stored or Agency(), plan=form.plan, by=signed_in(request))
            return done(request, f"{form.plan.name} is saved.", "manage_listed")
        except AgencyNameTaken:
            form.add_error("name", "There is already an agency of this name. You can merge them.")
        except AgencyGone as refused:
            form.add_error(None, refused.sentence)
    context: dict[str, Any] = {"form": form, "stored": stored, "heading": "New agency"}
    context["list"] = reverse("manage_listed")
    if stored:
        people = colleagues_of(stored).order_by("-is_agency_lead", "sort_name", "pk")
        shown = paged(request, people, per_page=_PER_PAGE)
        looked_at(stored, by=signed_in(request), what="people of an agency", rows=len(shown))
        context["page_obj"] = shown
    return page(request, "desk/catalogue/agency.html", context)


@desk(post=60, proof=True)
def merge(request: HttpRequest, agency_id: int) -> HttpResponse:
    """Choose the other agency, compare the two, then make them one."""
    stays = get_object_or_404(Agency, pk=agency_id)
    others = Agency.objects.exclude(pk=stays.pk).order_by(HumanOrder("name"))
    chosen = key_in(request.GET.get("other", ""))
    other = None if chosen is None else get_object_or_404(others, pk=chosen)
    context: dict[str, Any] = {"agency": stays, "other": other}
    if other is None:
        typed = request.GET if "other" in request.GET else None
        context["form"] = OtherAgencyForm(typed, others=others)
    else:
        if request.method == "POST":
            with refusals_shown(context):
                merging.merge_agencies(keep=stays, other=other, by=signed_in(request))
                words = f"All of {other.name} is now part of {stays.name}."
                return done(request, words, "manage_listed_agency", stays.pk)
        context["held"] = [merging.held_by_agency(each) for each in (stays, other)]
    return page(request, "desk/catalogue/agency_merge.html", context)
