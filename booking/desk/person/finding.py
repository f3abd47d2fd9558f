"""Find anybody: the list of people by a few letters, role or what is not settled, also as CSV."""

from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.addresses import as_stored
from accounts.agency_proof import roles_without_proof
from accounts.fields import NameQuestion, email_field
from accounts.finding import MOST_FOUND, PeopleQuerySet
from accounts.models import AccessRecord, Agency, User
from accounts.roles import may_change_account
from accounts.views import signed_in
from booking.privacy import accounts_of_people
from booking.site.form_kit import Form
from booking.site.spreadsheets import as_csv
from booking.site.web import done, page, paged, posted, refusals_shown, search_text

_PER_PAGE = 50
SHOWN = {
    "all": ("Everybody", Q(is_active=True)),
    "trainers": ("Trainers", Q(is_active=True, is_trainer=True)),
    "leads": ("Agency leads", Q(is_active=True, is_agency_lead=True)),
    "coordinators": ("Coordinators", Q(is_active=True, is_coordinator=True)),
    "unconfirmed": (
        "Agency not confirmed",
        Q(is_active=True, agency_confirmed_at=None)
        & (Q(agency__isnull=False) | ~Q(unlisted_agency="")),
    ),
    "unproved": ("Roles to look at", Q(pk__in=roles_without_proof().order_by().values("pk"))),
    "ended": ("Ended", Q(is_active=False)),
}
_COLUMNS = ("Last name", "First name", "Address", "Phone", "Agency", "Job", "Roles")


def _chosen(request: HttpRequest) -> tuple[str, str, PeopleQuerySet]:
    """What is shown, what is searched for, and the people, by name."""
    show, search = request.GET.get("show", ""), search_text(request)
    show = show if show in SHOWN else "all"
    found = User.objects.found_by(search).filter(SHOWN[show][1])
    return show, search, found.select_related("agency").order_by("sort_name", "pk")


@desk()
def people(request: HttpRequest) -> HttpResponse:
    """Everybody, or those whom a few letters and a filter find."""
    show, search, found = _chosen(request)
    if search:
        found = found.some_by_name()
    keys = list(found.values_list("pk", flat=True)[: MOST_FOUND + 1])
    by_name = User.objects.select_related("agency").order_by("sort_name", "pk")
    shown = paged(request, by_name, per_page=_PER_PAGE, keys=keys[:MOST_FOUND])
    looked_at(None, by=signed_in(request), what="people found", rows=len(shown))
    context = {
        "page_obj": shown,
        "show": show,
        "search": search,
        "filters": {name: words for name, (words, _) in SHOWN.items()},
        "most": MOST_FOUND if len(keys) > MOST_FOUND else 0,
    }
    return page(request, "desk/person/people.html", context)


@desk(proof=True)
def people_csv(request: HttpRequest) -> HttpResponse:
    """The same people as a spreadsheet, which leaves the site: after a proof of who asks."""
    _, _, found = _chosen(request)
    rows = [
        (
            each.last_name,
            each.first_name,
            each.email_if_any,
            each.phone,
            each.agency_and_standing,
            each.job_title,
            ", ".join(roles_of(each)),
        )
        for each in found.iterator(chunk_size=2000)
    ]
    form = AccessRecord.Form.CSV
    looked_at(None, by=signed_in(request), what="people found", rows=len(rows), form=form)
    return HttpResponse(
        as_csv(_COLUMNS, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="people.csv"'},
    )


def roles_of(person: User) -> list[str]:
    """What they are besides practitioners, in words, and whether their account has ended."""
    ended = [] if person.is_active else ["account ended"]
    roles = [words for name, words in accounts_of_people.ROLES.items() if getattr(person, name)]
    return roles + (["superuser"] if person.is_superuser else []) + ended


class NewPersonForm(Form):
    """Somebody who has never signed in."""

    first_name = NameQuestion(label="First name", max_length=100)
    last_name = NameQuestion(label="Last name", max_length=100)
    email = email_field("Work email address")
    agency = forms.ModelChoiceField(
        label="Agency (optional)",
        queryset=Agency.objects.listed(),
        required=False,
        empty_label="They say themselves when they sign in",
        help_text="If you choose it, you confirm that they work there.",
    )
    is_trainer = forms.BooleanField(label="They are a trainer", required=False)


@desk(post=60, proof=True)
def new(request: HttpRequest) -> HttpResponse:
    """Make an account for somebody, such as a trainer from elsewhere, and invite them."""
    form = NewPersonForm(posted(request))
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        by, now = signed_in(request), timezone.now()
        with refusals_shown(context, beside=form):
            person = accounts_of_people.open_account(**form.cleaned_data, by=by, now=now)
            words = f"{person} has an account now, and is told by email how to sign in."
            return done(request, words, "manage_person", person.pk)
    return page(request, "desk/person/new.html", context)


def account_of_address(request: HttpRequest, email: str, *, not_of: User) -> dict[str, Any]:
    """For `desk/person/_taken.html`: whose account has an address, and whether both may be merged.

    `not_of` is the person for whom it was typed. The look is recorded.
    """
    by = signed_in(request)
    email = as_stored(email)
    has_it = Q(email=email) | Q(emailaddress__email=email)
    other = User.objects.filter(has_it).exclude(pk=not_of.pk).first()
    if other is None:
        return {}
    looked_at(other, by=by, what="person")
    both = (other, not_of)
    may_merge = not_of.pk != by.pk and all(may_change_account(each, by=by) for each in both)
    return {"taken_by": other, "instead_of": not_of, "may_merge": may_merge}
