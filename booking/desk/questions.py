"""What several forms of the desk ask, and forms that ask the same in numbered rows."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from typing import Any, Self, cast

from django import forms
from django.contrib import messages
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Model, Q, QuerySet
from django.forms.models import model_to_dict
from django.http import HttpRequest, QueryDict

from booking.catalogue.bounds import LONGEST_OFFER_HOURS, LONGEST_TEXT, MOST_PLACES
from booking.catalogue.models import CancellationPolicy, Session
from booking.site.form_kit import Form, whole_number_field
from booking.site.meeting_addresses import holds_a_meeting
from booking.site.web import posted
from booking.site.wording import LONDON

REASON_LENGTH = 500
# As many addresses as a list on a page can be kept in order by hand.
_LONGEST_LIST = 20_000
_CHANGED = (
    "Somebody else has changed this meanwhile. What you typed stands below: look at its page in"
    " another window, and save again what is to stay."
)
FREE_UNTIL_START = "Free until the session starts"


def digest(sentences: Iterable[str]) -> str:
    """The same for the same sentences, so that none goes unseen; nothing if there is none."""
    words = "\n".join(sentences)
    return hashlib.sha256(words.encode()).hexdigest()[:16] if words else ""


class StoredForm(Form):
    """A form of all that is stored of something, or of something new.

    `was` tells by a digest what was stored when the page was shown.
    """

    was = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, data: QueryDict | None, *, stored: Model | None, usual: Model) -> None:
        initial = model_to_dict(stored or usual, self.base_fields)
        self.is_now = digest(map(str, initial.values())) if stored else ""
        super().__init__(data, initial=initial | {"was": self.is_now})

    def clean(self) -> dict[str, Any]:
        """What somebody else has changed since is not undone unseen."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.pop("was", "") not in ("", self.is_now):
            typed = cast(QueryDict, self.data).copy()
            typed["was"] = self.is_now
            self.data = typed
            self.add_error(None, _CHANGED)
        return cleaned


def small_boxes() -> forms.CheckboxSelectMultiple:
    """Boxes to tick, for a list that may be long."""
    return forms.CheckboxSelectMultiple(attrs={"class": "govuk-checkboxes--small"})


def places_field(label: str, **extra: Any) -> forms.IntegerField:
    """A number of places."""
    return whole_number_field(label, 1, MOST_PLACES, **extra)


def agency_limit_field(**extra: Any) -> forms.IntegerField:
    """How many places one agency may have; left empty, as many as there are."""
    return places_field("Most places for one agency (optional)", required=False, **extra)


def point_out_meetings(request: HttpRequest, *texts: str) -> None:
    """Say on the next page if one of these texts, which many read, has a meeting's address."""
    if any(map(holds_a_meeting, texts)):
        messages.warning(
            request,
            "A text that you have typed holds the address of a meeting, or somebody’s own link:"
            " whoever reads it can use it and pass it on. Take it out; people join by links of"
            " their own.",
        )


def point_out_meetings_typed(request: HttpRequest, form: forms.Form) -> None:
    """As `point_out_meetings`, of every text of a form that has several lines."""
    texts = (
        str(form.cleaned_data.get(name) or "")
        for name, field in form.fields.items()
        if isinstance(field.widget, forms.Textarea)
    )
    point_out_meetings(request, *texts)


def text_field(label: str, **extra: Any) -> forms.CharField:
    """Some paragraphs, or nothing."""
    return forms.CharField(
        label=label,
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 6}),
        **extra,
    )


def reason_field(**extra: Any) -> forms.CharField:
    """Why something is done, in a sentence or two."""
    widget = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(label="Reason", max_length=REASON_LENGTH, widget=widget, **extra)


class WhyForm(Form):
    """A reason that stays on record."""

    why = reason_field(help_text="It stays on record, for coordinators.")


def day_field(label: str, *, called: str, **extra: Any) -> forms.DateField:
    """A day, from a calendar or typed; `called` begins the sentence for what is none."""
    years = f"{called}: enter a year from 2000 to 2100."
    return forms.DateField(
        label=label,
        required=False,
        input_formats=["%Y-%m-%d", "%d/%m/%Y"],
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": f"{called}: enter a real date."},
        validators=[
            MinValueValidator(date(2000, 1, 1), years),
            MaxValueValidator(date(2100, 12, 31), years),
        ],
        **extra,
    )


class PeriodForm(Form):
    """From which day to which sessions begin; an address without them asks for `initial`."""

    begins = day_field("From", called="From")
    ends = day_field("To", called="To")

    @classmethod
    def of_request(cls, request: HttpRequest, *, usual: Mapping[str, date]) -> Self:
        """As the address has it, or as usual."""
        return cls(request.GET if "begins" in request.GET else None, initial=dict(usual))

    @property
    def days(self) -> tuple[date, date]:
        """The first and the last day; as usual where what was typed is wrong."""
        days: Mapping[str, Any] = self.cleaned_data if self.is_valid() else self.initial
        return days.get("begins") or date(2000, 1, 1), days.get("ends") or date(2100, 1, 1)

    @property
    def moments(self) -> tuple[datetime, datetime]:
        """When the first day begins and the last one ends."""
        first, last = self.days
        return datetime.combine(first, time.min, LONDON), datetime.combine(last, time.max, LONDON)

    def clean(self) -> dict[str, Any]:
        """A period ends no earlier than it begins."""
        cleaned: dict[str, Any] = super().clean() or {}
        begins, ends = cleaned.get("begins"), cleaned.get("ends")
        if begins and ends and ends < begins:
            self.add_error("ends", "To: choose the same day as From, or a later one.")
        return cleaned


def promotion_field() -> forms.ChoiceField:
    """What happens to a freed place."""
    return forms.ChoiceField(
        label="When a place comes free",
        choices=Session.Promotion.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what happens when a place comes free."},
    )


def offer_hours_field() -> forms.IntegerField:
    """How long an offer is held, in working hours."""
    return whole_number_field("Working hours an offered place is held", 1, LONGEST_OFFER_HOURS)


def policy_field(**extra: Any) -> "forms.ModelChoiceField[CancellationPolicy]":
    """Which rules of cancelling apply; the form says which there are to choose from."""
    return forms.ModelChoiceField(
        label="Rules of cancelling",
        queryset=CancellationPolicy.objects.none(),
        required=False,
        empty_label=FREE_UNTIL_START,
        **extra,
    )


def policies_beside(chosen: int | None) -> QuerySet[CancellationPolicy]:
    """The newest version of all rules, and the version that is chosen already."""
    return CancellationPolicy.objects.filter(Q(replaced_at__isnull=True) | Q(pk=chosen))


class ListQuestion(forms.CharField):
    """Several things between spaces, commas or lines, each of which `read` takes once.

    Raises `ValidationError` with the first that it refuses. What is stored stands one a line.
    """

    def __init__(self, *, read: Callable[[str], Any], **options: Any) -> None:
        widget = forms.Textarea(attrs={"rows": 5, "spellcheck": "false", "autocapitalize": "none"})
        super().__init__(required=False, max_length=_LONGEST_LIST, widget=widget, **options)
        self._read = read
        # A long list needs no count of its characters.
        self.widget.attrs.pop("maxlength", None)

    def prepare_value(self, value: Any) -> Any:
        """Stored things one a line; what was typed as it was."""
        return "\n".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        """The things, in their order."""
        found: dict[Any, None] = {}
        for each in re.split(r"[\s,;]+", super().clean(value)):
            if each:
                try:
                    found[self._read(each)] = None
                except forms.ValidationError as refused:
                    raise forms.ValidationError(f"“{each[:100]}”: {refused.messages[0]}") from None
        return list(found)


class LinesQuestion(forms.CharField):
    """Lines such as "A = b", each of which `read` makes something of; the value is their text.

    `each` is what a line is called, `like` is one, and `more` the rest of the hint.
    """

    def __init__(
        self,
        label: str,
        *,
        read: Callable[[str], Any],
        each: str,
        like: str,
        more: str,
        rows: int,
        **options: Any,
    ) -> None:
        self._read, self._wanted = read, f"Write {each} like {like}."
        super().__init__(
            label=label,
            help_text=f"One a line, such as {like}. {more}",
            widget=forms.Textarea(attrs={"rows": rows}),
            **{"required": False, **options},
        )

    def clean(self, value: Any) -> str:
        """Their lines, without empty ones. Raises `ValidationError` with the first that is none."""
        lines = [line.strip() for line in str(super().clean(value)).splitlines() if line.strip()]
        for line in lines:
            if not self._read(line):
                raise forms.ValidationError(f"{self._wanted} “{line}” is not like that.")
        return "\n".join(lines)


def small_number(typed: QueryDict, name: str, otherwise: int) -> int:
    """A number of one row, or of all; what somebody made up counts as `otherwise`."""
    number = typed.get(name, "")
    return int(number) if number.isdecimal() and len(number) < 4 else otherwise


class RowsForm(Form):
    """A form that asks for the same in numbered rows: `whom_1`, `places_1`, `whom_2` and so on."""

    in_row: Sequence[str]
    # What a row has too, and the page shows elsewhere.
    beside_row: Sequence[str] = ()
    rows: int
    least_rows, most_rows = 0, 20

    @classmethod
    def of_request(cls, request: HttpRequest, **about: Any) -> Self:
        """The form as it was sent or is first shown.

        After a press for a row more, or without one, it holds what was typed so far, not checked.
        """
        typed = posted(request)
        if typed is None:
            return cls.as_stored(**about)
        rows = max(min(small_number(typed, "rows", 1), cls.most_rows), cls.least_rows)
        gone = small_number(typed, "remove", 0)
        form = cls(typed, **{**about, "rows": rows})
        if "add" not in typed and not gone:
            return form
        parts = (*form.in_row, *form.beside_row)
        in_rows = {
            number: {part: form.field_name(part, number) for part in parts}
            for number in form.numbers
        }
        kept = [
            {part: form[name].value() for part, name in names.items()}
            for number, names in in_rows.items()
            if number != gone
        ]
        if "add" in typed:
            kept.append(form.next_row(kept) if kept else {})
        of_rows = {name for names in in_rows.values() for name in names.values()}
        once = {name: form[name].value() for name in form.fields if name not in of_rows}
        kept = kept[: cls.most_rows] or [{}] * cls.least_rows
        return cls._with_rows(kept, once, **about)

    @classmethod
    def as_stored(cls, **about: Any) -> Self:
        """The form as it is first shown."""
        about["rows"] = cls.least_rows
        return cls(None, **about)

    @classmethod
    def _with_rows(
        cls, rows: Sequence[Mapping[str, Any]], once: Mapping[str, Any], **about: Any
    ) -> Self:
        initial = {
            cls.field_name(part, number): value
            for number, row in enumerate(rows, start=1)
            for part, value in row.items()
        }
        about |= {"rows": len(rows), "initial": {**once, **initial}}
        return cls(None, **about)

    def next_row(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """What a further row begins with."""
        return {}

    @classmethod
    def field_name(cls, part: str, number: int) -> str:
        """The name of a field of a row."""
        return f"{part}_{number}"

    @property
    def numbers(self) -> range:
        """The numbers of the rows."""
        return range(1, self.rows + 1)

    def names(self, number: int) -> list[str]:
        """The names of the fields of one row."""
        return [self.field_name(part, number) for part in self.in_row]

    def row_name(self, number: int) -> str:
        """What a row is called."""
        return f"Row {number}"

    def row_fields(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The rows, for the page: each name with its fields."""
        return [
            (self.row_name(number), [self[name] for name in self.names(number)])
            for number in self.numbers
        ]

    def typed_in(self, number: int) -> list[Any]:
        """What one row holds, as far as it is valid."""
        return [self.cleaned_data.get(name) for name in self.names(number)]
