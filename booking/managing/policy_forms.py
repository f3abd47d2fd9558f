"""The rules of cancelling as coordinators type them in. Amounts are pounds here, pence stored."""

from decimal import Decimal
from typing import Any

from django import forms

from booking.catalogue.models import CancellationPolicy, ChargeBand
from booking.catalogue.policies import Band, PolicyTerms
from booking.site.form_kit import PoundsField, whole_number_field

_LEAST_ROWS = 3
_ROW = ("hours", "late", "absent")
# What Leeds charges: half a day, up to four hours, and anything longer.
_USUAL = ((Decimal(0), 3500, 3500), (Decimal(4), 5000, 5000))
_MOST_POUNDS = 5000
_MOST_TURNOVER = 100_000_000
_LONGEST_HOURS = 200


class PolicyForm(forms.Form):
    """One version of the rules: notice, charges by length of session, and who is never charged."""

    name = forms.CharField(
        max_length=100,
        help_text="Stands on the forms of sessions and courses.",
        error_messages={
            "required": "Enter a name.",
            "max_length": "Use 100 characters or fewer for the name.",
        },
    )
    notice_days = whole_number_field(
        "Working days of notice",
        0,
        60,
        help_text="Cancelling is free until 5pm so many working days before the first date.",
    )
    free_for_trainers_in_kind = forms.BooleanField(
        label="No charge for agencies that give trainers", required=False
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
        kwargs["initial"] = _initial(policy, bands)
        super().__init__(*args, **kwargs)
        if policy:
            del self.fields["name"]
        for number in range(1, self.rows + 1):
            self.fields[f"hours_{number}"] = forms.DecimalField(
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
            for name, label in (
                ("late", "Late cancellation (£)"),
                ("absent", "Non-attendance (£)"),
            ):
                self.fields[f"{name}_{number}"] = PoundsField(
                    label, most=_MOST_POUNDS, required=False, row=f"Row {number}, "
                )

    def row_fields(self) -> list[tuple[int, list[forms.BoundField]]]:
        """The charges, for the page: number, then hours and both amounts."""
        return [
            (number, [self[f"{name}_{number}"] for name in _ROW])
            for number in range(1, self.rows + 1)
        ]

    def clean(self) -> dict[str, Any]:
        """Each row of charges says for which length, and no length has two."""
        cleaned: dict[str, Any] = super().clean() or {}
        seen: set[Decimal] = set()
        for number in range(1, self.rows + 1):
            hours, late, absent = (cleaned.get(f"{name}_{number}") for name in _ROW)
            if hours is None and (late is not None or absent is not None):
                if f"hours_{number}" not in self.errors:
                    self.add_error(
                        f"hours_{number}", f"Row {number}: enter the hours, or clear the row."
                    )
            elif hours in seen:
                self.add_error(f"hours_{number}", f"Row {number}: this length has a row already.")
            if hours is not None:
                seen.add(hours)
        return cleaned

    @property
    def terms(self) -> PolicyTerms:
        """What was typed, once valid; an amount left empty is no charge."""
        rows = [
            tuple(self.cleaned_data[f"{name}_{number}"] for name in _ROW)
            for number in range(1, self.rows + 1)
        ]
        return PolicyTerms(
            notice_days=self.cleaned_data["notice_days"],
            free_for_trainers_in_kind=self.cleaned_data["free_for_trainers_in_kind"],
            free_for_charities_under_pence=self.cleaned_data["free_for_charities_under"],
            bands=[
                Band(hours, late or 0, absent or 0)
                for hours, late, absent in rows
                if hours is not None
            ],
        )


def _bands_of(policy: CancellationPolicy) -> tuple[tuple[Decimal, int, int], ...]:
    """Hours, pence for cancelling late and pence for not coming; shortest sessions first."""
    found: dict[Decimal, dict[str, int]] = {}
    for band in policy.bands.all():
        found.setdefault(band.over_hours, {})[band.occasion] = band.pence
    late, absent = ChargeBand.Occasion.LATE, ChargeBand.Occasion.ABSENT
    return tuple(
        (hours, pence.get(late, 0), pence.get(absent, 0)) for hours, pence in sorted(found.items())
    )


def _initial(
    policy: CancellationPolicy | None, bands: tuple[tuple[Decimal, int, int], ...]
) -> dict[str, Any]:
    source = policy or CancellationPolicy()
    initial: dict[str, Any] = {
        "notice_days": source.notice_days,
        "free_for_trainers_in_kind": source.free_for_trainers_in_kind,
        "free_for_charities_under": source.free_for_charities_under_pence,
    }
    for number, (hours, late, absent) in enumerate(bands, start=1):
        initial |= {
            f"hours_{number}": f"{hours.normalize():f}",
            f"late_{number}": late,
            f"absent_{number}": absent,
        }
    return initial
