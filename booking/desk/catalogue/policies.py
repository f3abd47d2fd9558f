"""Coordinators' pages about the rules of cancelling: list them, make new ones, replace them."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.db.models import Count, Q
from django.forms.models import model_to_dict
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone

from accounts.access import desk
from booking.catalogue.models import CancellationPolicy, ChargeBand, Session
from booking.catalogue.policies import (
    AlreadyReplaced,
    Band,
    PolicyNameTaken,
    PolicyTerms,
    create,
    new_version,
    used_by,
)
from booking.desk.questions import RowsForm
from booking.places.models import Booking
from booking.site.form_kit import PoundsField, whole_number_field
from booking.site.web import done, page, posted
from booking.site.wording import counted

_LEAST_ROWS = 3

# What Leeds charges: half a day, up to four hours, and anything longer.
_USUAL = (Band(Decimal(0), 3500, 3500), Band(Decimal(4), 5000, 5000))
_MOST_POUNDS = 5000
_MOST_TURNOVER = 100_000_000
_LONGEST_HOURS = 200


class PolicyForm(RowsForm):
    """One version of the rules: notice, charges by length of session, and who is never charged."""

    in_row = ("hours", "late", "absent")
    name = forms.CharField(max_length=100, help_text="Stands on the forms of sessions and courses.")
    notice_days = whole_number_field(
        "Working days of notice",
        0,
        60,
        help_text="Cancelling is free until 5pm so many working days before the first date.",
    )
    free_for_trainers_in_kind = forms.BooleanField(
        label="No charge for agencies that give trainers", required=False
    )
    absence_free_if_taken = forms.BooleanField(
        label="No charge for an absence if somebody else came in the place", required=False
    )
    free_for_charities_under = PoundsField(
        "No charge for charities with a yearly turnover under (optional)",
        most=_MOST_TURNOVER,
        required=False,
        help_text="In pounds, such as 250,000. Left empty, charities are charged like others.",
    )

    def __init__(self, *args: Any, policy: CancellationPolicy | None = None, **kwargs: Any) -> None:
        bands = _bands_of(policy) if policy else _USUAL
        self.rows = max(_LEAST_ROWS, len(bands) + 1)
        source = policy or CancellationPolicy()
        kwargs["initial"] = {
            **model_to_dict(
                source, ["notice_days", "free_for_trainers_in_kind", "absence_free_if_taken"]
            ),
            "free_for_charities_under": source.free_for_charities_under_pence,
        }
        for number, band in enumerate(bands, start=1):
            row = (f"{band.over_hours.normalize():f}", band.late_pence, band.absent_pence)
            kwargs["initial"] |= zip(self.names(number), row, strict=True)
        super().__init__(*args, **kwargs)
        if policy:
            del self.fields["name"]
        for number in self.numbers:
            hours, late, absent = self.names(number)
            self.fields[hours] = forms.DecimalField(
                label="For sessions longer than (hours)",
                required=False,
                min_value=0,
                max_value=_LONGEST_HOURS,
                max_digits=4,
                decimal_places=1,
                error_messages=dict.fromkeys(
                    ("invalid", "min_value", "max_value", "max_digits", "max_decimal_places"),
                    f"Row {number}, hours: enter a number such as 0, 4 or 7.5.",
                ),
                widget=forms.TextInput(attrs={"inputmode": "decimal"}),
            )
            for name, label in ((late, "Late cancellation (£)"), (absent, "Non-attendance (£)")):
                self.fields[name] = PoundsField(
                    label, most=_MOST_POUNDS, required=False, row=f"Row {number}, "
                )

    def clean(self) -> dict[str, Any]:
        """Each row of charges says for which length, and no length has two."""
        cleaned: dict[str, Any] = super().clean() or {}
        seen: set[Decimal] = set()
        for number in self.numbers:
            hours, late, absent = self.typed_in(number)
            name, is_charged = f"hours_{number}", late is not None or absent is not None
            if hours is None and is_charged and name not in self.errors:
                self.add_error(name, f"Row {number}: enter the hours, or clear the row.")
            if hours is not None and not is_charged:
                self.add_error(f"late_{number}", f"Row {number}: enter what is charged, or 0.")
            if hours in seen:
                self.add_error(name, f"Row {number}: this length has a row already.")
            if hours is not None:
                seen.add(hours)
        return cleaned

    @property
    def terms(self) -> PolicyTerms:
        """What was typed, once valid; of two amounts, one left empty is no charge."""
        return PolicyTerms(
            notice_days=self.cleaned_data["notice_days"],
            free_for_trainers_in_kind=self.cleaned_data["free_for_trainers_in_kind"],
            absence_free_if_taken=self.cleaned_data["absence_free_if_taken"],
            free_for_charities_under_pence=self.cleaned_data["free_for_charities_under"],
            bands=[
                Band(hours, late or 0, absent or 0)
                for hours, late, absent in map(self.typed_in, self.numbers)
                if hours is not None
            ],
        )


def _bands_of(policy: CancellationPolicy) -> tuple[Band, ...]:
    """The charges of a version; of the shortest sessions first."""
    found: dict[Decimal, dict[str, int]] = {}
    for band in policy.bands.all():
        found.setdefault(band.over_hours, {})[band.occasion] = band.pence
    late, absent = ChargeBand.Occasion.LATE, ChargeBand.Occasion.ABSENT
    return tuple(
        Band(hours, pence.get(late, 0), pence.get(absent, 0))
        for hours, pence in sorted(found.items())
    )


@desk()
def policies(request: HttpRequest) -> HttpResponse:
    """The newest version of each, with how many courses and sessions ahead use it."""
    ahead = Q(
        sessions__starts_at__gt=timezone.now(),
        sessions__state__in=[Session.State.DRAFT, Session.State.PUBLISHED],
    )
    found = CancellationPolicy.objects.current().annotate(
        courses_using=Count("courses", distinct=True),
        sessions_using=Count("sessions", filter=ahead, distinct=True),
    )
    context = {"policies": found.prefetch_related("bands")}
    return render(request, "desk/catalogue/policies.html", context)


@desk(post=60)
def policy(request: HttpRequest, policy_id: int | None = None) -> HttpResponse:
    """Make rules that can then be chosen, or replace some: shows first how much moves to them."""
    stored = get_object_or_404(CancellationPolicy, pk=policy_id) if policy_id else None
    now = timezone.now()
    form = PolicyForm(posted(request), policy=stored)
    refusal = AlreadyReplaced() if stored and stored.replaced_at else None
    if form.is_valid() and not refusal:
        try:
            return done(request, _stored(form, stored, now=now), "manage_policies")
        except PolicyNameTaken as refused:
            form.add_error("name", refused.sentence)
        except AlreadyReplaced as refused:
            refusal = refused
    context: dict[str, Any] = {"form": form, "policy": stored, "refusal": refusal}
    if stored:
        bookings = Booking.objects.live().filter(policy=stored).count()
        context |= {"used": used_by(stored, now=now), "bookings": bookings}
    return page(request, "desk/catalogue/policy.html", context)


def _stored(form: PolicyForm, stored: CancellationPolicy | None, *, now: datetime) -> str:
    """What was done. Raises `PolicyNameTaken` or `AlreadyReplaced`."""
    if stored is None:
        made = create(name=form.cleaned_data["name"], terms=form.terms, now=now)
        return f"{made.name} can now be chosen for courses and sessions."
    newer, moved = new_version(policy=stored, terms=form.terms, now=now)
    followed = (
        f"{counted(moved.courses, 'course')} and {counted(moved.sessions, 'upcoming session')}"
    )
    return f"{newer.name} is now version {newer.version}. {followed} moved to it."
