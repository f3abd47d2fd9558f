"""Coordinators' desk: people whose agency is not listed."""

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render

from accounts import agencies
from accounts.access import desk
from accounts.addresses import domain_of
from accounts.models import Agency, Sector, User
from booking.places.agency import colleagues
from booking.site.form_kit import Form
from booking.site.web import page, paged, posted
from booking.site.wording import counted

_PEOPLE_PER_PAGE = 30


@desk()
def unlisted(request: HttpRequest) -> HttpResponse:
    """People who found their agency not listed."""
    people = agencies.people_without_agency()
    context = {"page_obj": paged(request, people, per_page=_PEOPLE_PER_PAGE)}
    return render(request, "desk/people/unlisted.html", context)


@desk(post=60)
def settle(request: HttpRequest, person_id: int) -> HttpResponse:
    """Put one of them, and those who wrote the same, into an agency that exists or a new one."""
    person = get_object_or_404(agencies.people_without_agency(), pk=person_id)
    others = list(agencies.others_who_wrote_the_same(person)[:100])
    form = AgencyForm(posted(request), person=person, others=len(others))
    if form.is_valid():
        try:
            agency = form.chosen_agency or agencies.add_agency(**form.new_agency)
        except agencies.AgencyNameTaken as refused:
            form.add_error("name", refused.sentence)
        else:
            people = [person, *others] if form.cleaned_data.get("with_others") else [person]
            colleagues.settle_agency(people=people, agency=agency)
            settled = counted(len(people), "person", "people")
            messages.success(request, f"{settled} settled in {agency.name}.")
            return redirect("manage_unlisted")
    context = {"person": person, "others": others, "form": form}
    return page(request, "desk/people/settle.html", context)


_DOMAIN = re.compile(r"(?!-)([a-z0-9-]{1,63}\.)+[a-z]{2,63}")
# Addresses there say nothing about whom a person works for.
PUBLIC_MAIL = frozenset(
    {
        "aol.com", "btinternet.com", "gmail.com", "googlemail.com", "hotmail.co.uk", "hotmail.com",
        "icloud.com", "live.co.uk", "live.com", "mail.com", "me.com", "msn.com", "outlook.com",
        "proton.me", "protonmail.com", "sky.com", "talktalk.net", "virginmedia.com", "yahoo.co.uk",
        "yahoo.com",
    }
)  # fmt: skip


class AgencyForm(Form):
    """An agency that is listed, or a new one."""

    agency = forms.ModelChoiceField(
        label="Agency on the list",
        queryset=Agency.objects.none(),
        required=False,
        empty_label="None of these: add a new agency",
    )
    name = forms.CharField(
        label="Name",
        max_length=200,
        required=False,
    )
    sector = forms.ChoiceField(
        required=False,
        choices=[("", "Choose a sector"), *Sector.choices],
    )
    domain = forms.CharField(
        label="Email domain (optional)",
        max_length=253,
        required=False,
        help_text=(
            "What stands after the @ in its staff's addresses. New people with such an address"
            " are then put into this agency without being asked."
        ),
        widget=forms.TextInput(attrs={"spellcheck": "false", "autocapitalize": "none"}),
    )
    with_others = forms.BooleanField(required=False)

    def __init__(self, *args: Any, person: User, others: int, **kwargs: Any) -> None:
        domain = domain_of(person.email)
        kwargs["initial"] = {
            "name": person.unlisted_agency,
            "domain": "" if domain in PUBLIC_MAIL else domain,
        }
        super().__init__(*args, **kwargs)
        self.fields["agency"].queryset = Agency.objects.listed()  # type: ignore[attr-defined]
        if not others:
            del self.fields["with_others"]
            return
        noun = "the other person" if others == 1 else f"the {others} other people"
        self.fields["with_others"].label = f"Also settle {noun} who wrote the same"

    def clean_domain(self) -> str:
        """A domain of the agency's own, in lower case."""
        domain = str(self.cleaned_data["domain"]).strip().lower().removeprefix("@")
        if domain and not _DOMAIN.fullmatch(domain):
            raise forms.ValidationError("Enter a domain such as agency.org.uk.")
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
        name = " ".join(str(cleaned.get("name") or "").split())
        cleaned["name"] = name
        if not name and "name" not in self.errors:
            self.add_error(
                "name", "Choose an agency from the list, or enter the name of a new one."
            )
        elif Agency.objects.filter(name__iexact=name).exists():
            self.add_error("name", "There is already an agency of this name. Choose it above.")
        if not cleaned.get("sector") and "sector" not in self.errors:
            self.add_error("sector", "Choose the sector of the new agency.")
        return cleaned

    @property
    def chosen_agency(self) -> Agency | None:
        """The agency from the list, if one was chosen."""
        agency: Agency | None = self.cleaned_data["agency"]
        return agency

    @property
    def new_agency(self) -> dict[str, str]:
        """The new agency's name, sector and domain."""
        return {name: str(self.cleaned_data[name]) for name in ("name", "sector", "domain")}
