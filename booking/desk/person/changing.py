"""What coordinators change about a person: name and address, roles, one account of two, an end."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.actions import AddressTaken
from accounts.fields import NameQuestion, email_field
from accounts.models import User
from accounts.roles import GIVEN_BY_SUPERUSERS, may_change_account
from accounts.views import signed_in
from booking.desk.person.finding import account_of_address
from booking.desk.person.page import person_of
from booking.desk.questions import WhyForm, reason_field, small_boxes
from booking.privacy import accounts_of_people, merging
from booking.privacy.leaving import bookings_ahead
from booking.site.form_kit import Form
from booking.site.readable import key_in
from booking.site.web import done, page, posted, refusals_shown, search_text
from booking.site.wording import counted

_OTHERS_SHOWN = 10


class CorrectForm(Form):
    """Somebody's name and address."""

    first_name = NameQuestion(label="First name", max_length=100)
    last_name = NameQuestion(label="Last name", max_length=100)
    email = email_field(
        "Email address (optional)",
        required=False,
        help_text="With another one, the person signs in by a code sent there, and mail goes there."
        " The address of now is told that it was changed. Left empty, it stays as it is.",
    )
    why = reason_field(help_text="How you know. Coordinators see it among the notes.")


@desk(post=60, proof=True)
def correct(request: HttpRequest, person_id: int) -> HttpResponse:
    """Correct a name or an address."""
    who, by, now = person_of(request, person_id), signed_in(request), timezone.now()
    initial = {
        "first_name": who.first_name,
        "last_name": who.last_name,
        "email": who.email_if_any,
    }
    form = CorrectForm(posted(request), initial=initial)
    context: dict[str, Any] = {"person": who, "form": form}
    if form.is_valid():
        with refusals_shown(context, beside=form):
            try:
                accounts_of_people.correct(person=who, by=by, now=now, **form.cleaned_data)
            except AddressTaken:
                context |= account_of_address(request, form.cleaned_data["email"], not_of=who)
                raise
            return done(request, "The correction is kept.", "manage_person", who.pk)
    return page(request, "desk/person/correct.html", context)


class RolesForm(Form):
    """What somebody is besides a practitioner."""

    roles = forms.MultipleChoiceField(label="Roles", required=False, widget=small_boxes())

    def __init__(self, typed: QueryDict | None, *, person: User, by: User) -> None:
        roles = accounts_of_people.ROLES
        has = [name for name in roles if getattr(person, name)]
        super().__init__(typed, initial={"roles": has})
        offered = [each for each in roles if by.is_superuser or each not in GIVEN_BY_SUPERUSERS]
        choices = [(name, roles[name].capitalize()) for name in offered]
        self.fields["roles"].choices = choices  # type: ignore[attr-defined]


@desk(post=60, proof=True)
def roles(request: HttpRequest, person_id: int) -> HttpResponse:
    """Make somebody a trainer, the lead of their agency or, as a superuser, a coordinator."""
    who, by, now = person_of(request, person_id), signed_in(request), timezone.now()
    form = RolesForm(posted(request), person=who, by=by)
    context: dict[str, Any] = {"person": who, "form": form}
    context["may_change"] = may_change_account(who, by=by)
    if form.is_valid():
        with refusals_shown(context):
            chosen = form.cleaned_data["roles"]
            accounts_of_people.set_roles(person=who, roles=chosen, by=by, now=now)
            return done(request, "The roles are kept.", "manage_person", who.pk)
    return page(request, "desk/person/roles.html", context)


@desk(post=60, proof=True)
def end(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show what an end would cancel, then end the account."""
    who, by, now = person_of(request, person_id), signed_in(request), timezone.now()
    form = WhyForm(posted(request))
    ahead = bookings_ahead(who, now=now).filter(session__starts_at__gt=now)
    context: dict[str, Any] = {"person": who, "form": form}
    if form.is_valid():
        with refusals_shown(context):
            number = accounts_of_people.end_account(person=who, by=by, now=now, **form.cleaned_data)
            told = f" {counted(number, 'booking')} cancelled." if number else ""
            return done(request, f"The account has ended.{told}", "manage_person", who.pk)
    context["ahead"] = ahead.select_related("session__course").order_by("session__starts_at")
    return page(request, "desk/person/end.html", context)


@desk(post=60, proof=True)
def reopen(request: HttpRequest, person_id: int) -> HttpResponse:
    """Open an account again that has ended."""
    who, by, now = person_of(request, person_id), signed_in(request), timezone.now()
    form = WhyForm(posted(request))
    context: dict[str, Any] = {"person": who, "form": form}
    if form.is_valid():
        with refusals_shown(context):
            accounts_of_people.reopen_account(person=who, by=by, now=now, **form.cleaned_data)
            return done(request, "The account is open again.", "manage_person", who.pk)
    return page(request, "desk/person/reopen.html", context)


@desk(post=60, proof=True)
def merge(request: HttpRequest, person_id: int) -> HttpResponse:
    """Find the other account of the same person, compare the two, then make them one."""
    who, search = person_of(request, person_id), search_text(request)
    by, now = signed_in(request), timezone.now()
    context: dict[str, Any] = {"person": who, "search": search}
    other = _other(request)
    if other is None:
        context["found"] = []
        if search:
            found = User.objects.found_by(search).exclude(pk=who.pk).some_by_name()
            people = list(found.select_related("agency")[:_OTHERS_SHOWN])
            looked_at(None, by=by, what="people found", rows=len(people))
            context["found"] = people
        return page(request, "desk/person/find_other.html", context)
    looked_at(other, by=by, what="person")
    form = WhyForm(posted(request))
    context |= {"other": other, "form": form}
    if form.is_valid():
        with refusals_shown(context):
            merging.merge(keep=who, other=other, by=by, now=now, **form.cleaned_data)
            words = f"The two accounts are one. {other.named_with_address} has ended."
            return done(request, words, "manage_person", who.pk)
    context["held"] = [merging.held_by(who), merging.held_by(other)]
    context["clashes"] = merging.booked_by_both(who, other, now=now)
    return page(request, "desk/person/merge.html", context)


def _other(request: HttpRequest) -> User | None:
    """The account that the address names as the other, if it names one. Raises `Http404`."""
    chosen = key_in(request.GET.get("other", ""))
    people = User.objects.select_related("agency")
    return None if chosen is None else get_object_or_404(people, pk=chosen)
