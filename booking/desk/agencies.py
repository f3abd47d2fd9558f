"""Coordinators’ pages about whom people work for, as far as nobody has confirmed it.

Some chose an agency from the list, others wrote down one that is not on it.
"""

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts import agencies
from accounts.access import desk, looked_at
from accounts.addresses import PUBLIC_MAIL
from accounts.agency_proof import AgencyGone, people_to_confirm
from accounts.fields import DomainQuestion, NameQuestion
from accounts.models import Agency, Sector, User
from accounts.views import signed_in
from booking.desk.lists import page_of_people
from booking.desk.questions import small_boxes
from booking.places.changing import confirming
from booking.places.pages.agency import answered
from booking.site.form_kit import Form
from booking.site.web import done, page, posted
from booking.site.wording import counted

_OTHERS_SHOWN = 100


@desk()
def unconfirmed(request: HttpRequest) -> HttpResponse:
    """People who say whom they work for, which nobody has confirmed."""
    people, template = people_to_confirm(), "desk/people/unconfirmed.html"
    return page_of_people(request, template, people, what="agencies to confirm")


@desk(post=60, only_post=True)
def confirm(request: HttpRequest, person_id: int) -> HttpResponse:
    """The person works for the agency that they chose."""
    person = _with_agency(request, person_id)
    return _settled(request, person, confirms=True)


@desk(post=60)
def not_theirs(request: HttpRequest, person_id: int) -> HttpResponse:
    """The person does not work for the agency that they chose: ask, then clear it."""
    person = _with_agency(request, person_id)
    if posted(request) is not None:
        return _settled(request, person, confirms=False)
    return page(request, "desk/people/not_theirs.html", {"person": person})


def _with_agency(request: HttpRequest, person_id: int) -> User:
    people = User.objects.filter(is_active=True, agency__isnull=False).select_related("agency")
    person = get_object_or_404(people, pk=person_id)
    looked_at(person, by=signed_in(request), what="agency to confirm")
    return person


def _settled(request: HttpRequest, person: User, *, confirms: bool) -> HttpResponse:
    words = answered(person, confirms=confirms, by=signed_in(request), now=timezone.now())
    return done(request, words, "manage_agencies")


@desk(post=60, proof=True)
def settle_unlisted(request: HttpRequest, person_id: int) -> HttpResponse:
    """Put somebody whose agency is not listed into one that is, or a new one.

    Of each of the others who wrote the same it is asked whether they work there too.
    """
    person = get_object_or_404(agencies.people_without_agency(), pk=person_id)
    others = agencies.others_who_wrote_the_same(person)
    looked_at(person, by=signed_in(request), what="agency to confirm", rows=1 + others.count())
    form = AgencyForm(posted(request), person=person, others=others)
    if form.is_valid():
        by, now = signed_in(request), timezone.now()
        try:
            agency = form.cleaned_data["agency"] or agencies.store_agency(
                agency=Agency(), plan=form.new_agency, by=by
            )
            people = [person, *form.cleaned_data.get("others", ())]
            many = confirming.settle_agency(people=people, agency=agency, by=by, now=now)
            settled = counted(many, "person", "people")
            return done(request, f"{settled} settled in {agency.name}.", "manage_agencies")
        except agencies.AgencyNameTaken as refused:
            form.add_error("name", refused.sentence)
        except AgencyGone as refused:
            form.add_error("agency", refused.sentence)
        except (agencies.ClaimSettled, agencies.OwnAgency) as refused:
            return done(request, refused.sentence, "manage_agencies")
    context = {"person": person, "form": form}
    return page(request, "desk/people/settle.html", context)


class _People(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """People, told apart by their job and address."""

    def label_from_instance(self, obj: User) -> str:
        """Name, job title and address."""
        return ", ".join(filter(None, (str(obj), obj.job_title, obj.email)))


class AgencyForm(Form):
    """An agency that is listed, or a new one."""

    agency = forms.ModelChoiceField(
        label="Agency on the list",
        queryset=Agency.objects.listed(),
        required=False,
        empty_label="None of these: add a new agency",
    )
    name = NameQuestion(label="Name", max_length=200, required=False)
    sector = forms.ChoiceField(required=False, choices=[("", "Choose a sector"), *Sector.choices])
    domain = DomainQuestion(
        label="Email domain (optional)",
        max_length=253,
        required=False,
        help_text="What stands after the @ in its staff's addresses. New people with such an"
        " address are then put into this agency without being asked.",
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
    )
    others = _People(
        label="Who else works there? They wrote the same.",
        queryset=User.objects.none(),
        required=False,
        widget=small_boxes(),
        help_text="Tick only those whom you know to work there: each is confirmed.",
    )

    def __init__(self, *args: Any, person: User, others: QuerySet[User], **kwargs: Any) -> None:
        kwargs["initial"] = {"name": person.unlisted_agency}
        super().__init__(*args, **kwargs)
        # What is chosen is looked up among them, which a slice cannot be asked for.
        shown = others.filter(pk__in=list(others.values_list("pk", flat=True)[:_OTHERS_SHOWN]))
        self.fields["others"].queryset = shown  # type: ignore[attr-defined]
        if not others.exists():
            del self.fields["others"]

    def clean_domain(self) -> str:
        """A domain of the agency's own."""
        domain = str(self.cleaned_data["domain"])
        if domain in PUBLIC_MAIL:
            raise forms.ValidationError(f"Anybody can have an address at {domain}.")
        return domain

    def clean(self) -> dict[str, Any]:
        """A new agency needs a name and a sector."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("agency") or "agency" in self.errors:
            # What stands in the boxes of a new agency does not matter then.
            for name in ("name", "sector", "domain"):
                self.errors.pop(name, None)
            return cleaned
        name = cleaned.get("name", "")
        if name and Agency.objects.filter(name__iexact=name).exists():
            self.add_error("name", "There is already an agency of this name. Choose it above.")
        missing = {
            "name": "Choose an agency from the list, or enter the name of a new one.",
            "sector": "Choose the sector of the new agency.",
        }
        for field, words in missing.items():
            if not cleaned.get(field) and field not in self.errors:
                self.add_error(field, words)
        return cleaned

    @property
    def new_agency(self) -> agencies.AgencyPlan:
        """The new agency: its name and sector, and the domain of its addresses if it has one."""
        return agencies.AgencyPlan(
            name=self.cleaned_data["name"],
            sector=self.cleaned_data["sector"],
            email_domains=list(filter(None, [self.cleaned_data["domain"]])),
        )
