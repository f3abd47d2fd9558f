"""How forms are drawn, and the kinds of question that they ask. Times typed are Europe/London’s."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

from django import forms
from django.forms.renderers import TemplatesSetting
from django.http import QueryDict
from django.utils.dateparse import parse_datetime

from booking.site.wording import LONDON, clock, counted, day, deadline, pounds

# The most working days before a session, and the most reminders.
MOST_DAYS = 20
MOST_REMINDERS = 5
BAD_ADDRESS = "Enter an email address in the right form, like name@agency.org."
_WRONG = (
    f"Reminders: enter up to {MOST_REMINDERS} whole numbers from 1 to {MOST_DAYS}, for example"
    " “5, 1”, or nothing for no reminders."
)
# How a label begins that is no name of anything, and so is quoted.
_NO_NAME = re.compile(r"(add|how|or|say|send|to|what|when|where|who|within)\b", re.IGNORECASE)
# What is wrong in the same words whatever is asked.
_OF_ANY_FIELD = ("invisible", "page")

NOT_SENT = "You were signed out before this was sent. Look at it again, then send it."
NOT_DONE = "What you typed is here again. It has not been sent yet."


class TypedBefore(QueryDict):
    """A form that was sent after its session had ended: shown again as typed, never acted on."""

    why = NOT_SENT


class TypedWithErrors(TypedBefore):
    """A form that was sent with errors, when Back asks for its page anew."""

    why = NOT_DONE


class Form(forms.Form):
    """A form whose fields say by their labels what is wrong, unless they have a better sentence."""

    def full_clean(self) -> None:
        """Check what was sent."""
        for bound in self:
            field, label = bound.field, str(bound.label).removesuffix(" (optional)")
            kind: Any = type(field)
            usual = _usual_messages(kind, label, getattr(field, "max_length", None))
            field.error_messages = dict(usual) | {
                code: words
                for code, words in field.error_messages.items()
                if code not in usual or words not in _messages_of_django(kind, code)
            }
        super().full_clean()
        for name, errors in self.errors.items():
            for error in errors.as_data():
                if error.code in _OF_ANY_FIELD:
                    label = str(self[name].label).removesuffix(" (optional)")
                    error.message = f"{label}: {error.message}"
        if isinstance(self.data, TypedBefore):
            self.add_error(None, self.data.why)


@lru_cache(maxsize=2_000)
def _usual_messages(kind: Any, label: str, most: int | None) -> Mapping[str, Any]:
    """What to say if a field is left empty, too long, or not what it asks for."""
    is_question = label.endswith("?")
    noun = label if label[:2].isupper() else label[:1].lower() + label[1:]
    noun = noun if noun.startswith(("your ", "their ", "the ")) else f"the {noun}"
    quoted = is_question or bool(_NO_NAME.match(label))
    named = label if is_question else f"{label}:"
    is_choice = issubclass(kind, forms.ChoiceField | forms.ModelChoiceField)
    if is_question:
        required = f"Answer the question “{label}”."
    elif quoted:
        required = f"{'Choose' if is_choice else 'Write'} something under “{label}”."
    else:
        required = f"{'Choose' if is_choice else 'Enter'} {noun}."
    messages: dict[str, Any] = {
        "required": required,
        "invalid_choice": f"{named} {'C' if is_question else 'c'}hoose from the list.",
        "empty": "The file is empty. Choose another.",
        "null_characters_not_allowed": f"{named} There is a character in it that cannot be kept.",
    }
    if issubclass(kind, forms.EmailField):
        messages["invalid"] = BAD_ADDRESS
    if most and quoted:
        messages["max_length"] = f"“{label}”: use {most:,} characters or fewer."
    elif most:
        noun = "the address" if issubclass(kind, forms.EmailField) else noun
        messages["max_length"] = f"Use {most:,} characters or fewer for {noun}."
    return messages


@cache
def _messages_of_django(kind: Any, code: str) -> tuple[Any, ...]:
    """What a kind of field, and those it is derived from, say by themselves."""
    return tuple(vars(each).get("default_error_messages", {}).get(code) for each in kind.__mro__)


def london_moment(wall: datetime) -> datetime:
    """The moment at which clocks in London show this time.

    Raises `ValidationError` for a time that the clocks skip in spring or show twice in autumn.
    """
    moment = wall.replace(tzinfo=LONDON)
    first, second = (moment.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return moment
    # Told on a winter's day, when London's clocks show UTC.
    shown = clock(wall.replace(year=2000, month=1, day=1, tzinfo=UTC))
    on = day(wall.date())
    if first > second:
        raise forms.ValidationError(
            f"On {on} the clocks go forward and there is no {shown}. Choose another time.",
            code="skipped",
        )
    raise forms.ValidationError(
        f"On {on} the clocks go back and {shown} comes twice. Choose a time before 1am or from"
        " 2am.",
        code="twice",
    )


class MomentField(forms.DateTimeField):
    """A date and time of day in London."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")

    def to_python(self, value: Any) -> datetime | None:
        """An aware moment, or nothing."""
        if value in self.empty_values:
            return None
        try:
            wall = parse_datetime(str(value).strip())
        except ValueError:
            wall = None
        if wall is None or wall.tzinfo is not None:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid")
        return london_moment(wall.replace(second=0, microsecond=0))


def whole_number_field(label: str, low: int, high: int, **extra: Any) -> forms.IntegerField:
    """A whole number from `low` to `high`, with one sentence for whatever else is typed."""
    wrong = f"{label.removesuffix(' (optional)')}: enter a whole number from {low} to {high:,}."
    messages = dict.fromkeys(("required", "invalid", "min_value", "max_value"), wrong)
    return forms.IntegerField(
        label=label,
        min_value=low,
        max_value=high,
        error_messages=messages,
        widget=forms.NumberInput(attrs={"class": "govuk-input--width-4", "inputmode": "numeric"}),
        **extra,
    )


MOST_MINUTES = 600


def with_agency(person: Any) -> str:
    """ "Sam Green, West Yorkshire Police"."""
    return f"{person}, {person.agency_name}" if person.agency_name else str(person)


class TrainersField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """People, with whom they work for."""

    def label_from_instance(self, obj: Any) -> str:
        """As `with_agency`."""
        return with_agency(obj)


class DatesField(forms.ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Sessions of one course, told apart by when and where they are and what is left."""

    def label_from_instance(self, obj: Any) -> str:
        """ "9:30am on Tuesday 9 February 2027, Online (SG1-02): 3 places free, 0 waiting"."""
        left = counted(obj.capacity - obj.places_taken, "place")
        return (
            f"{deadline(obj.starts_at)}, {obj.where} ({obj.reference}): {left} free,"
            f" {obj.waiting_count} waiting"
        )


class PageQuestion(forms.URLField):
    """The whole address of a page for browsers, or nothing; `example` is one."""

    def __init__(self, label: str, *, example: str, **extra: Any) -> None:
        wrong = f"Enter the whole address of the page, such as {example}."
        super().__init__(
            label=label,
            max_length=500,
            required=False,
            assume_scheme="https",
            error_messages={"invalid": wrong},
            **extra,
        )

    def clean(self, value: Any) -> str:
        """The address. Raises `ValidationError` for one that no browser opens."""
        address = str(super().clean(value))
        if address and not address.lower().startswith(("https://", "http://")):
            raise forms.ValidationError("The address of the page must begin with https://.")
        return address


class PoundsField(forms.CharField):
    """An amount in pounds, "35", "£12.50" or "250,000", as whole pence. `most` is in pounds."""

    def __init__(self, label: str, *, most: int, row: str = "", **extra: Any) -> None:
        self.most_pence = most * 100
        self._wrong = (
            f"{row}{label.removesuffix(' (optional)')}: enter an amount in pounds from 0 to"
            f" {most:,}, such as 35 or 12.50."
        )
        widget = forms.TextInput(attrs={"class": "govuk-input--width-10", "inputmode": "decimal"})
        super().__init__(
            label=label, error_messages={"required": self._wrong}, widget=widget, **extra
        )

    def prepare_value(self, value: Any) -> Any:
        """Stored pence as pounds; what was typed as it was."""
        return pounds(value).removeprefix("£") if isinstance(value, int) else value

    def to_python(self, value: Any) -> Any:
        """Whole pence, or nothing. Raises `ValidationError`."""
        typed = str(super().to_python(value) or "").replace(",", "").removeprefix("£").strip()
        if not typed:
            return None
        if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,2})?", typed):
            raise forms.ValidationError(self._wrong, code="invalid")
        pence = int(Decimal(typed) * 100)
        if pence > self.most_pence:
            raise forms.ValidationError(self._wrong, code="invalid")
        return pence


class ReminderDaysField(forms.CharField):
    """Numbers of working days typed as "5, 1"; the value is a list, the earliest reminder first."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("label", "Reminders (optional)")
        options.setdefault(
            "help_text",
            "How many working days before the session, at 9am: for example “5, 1”. The last one"
            " goes before every date, the others before the first only.",
        )
        super().__init__(
            required=False,
            max_length=50,
            error_messages={"max_length": _WRONG},
            widget=forms.TextInput(attrs={"class": "govuk-input--width-10"}),
            **options,
        )

    def prepare_value(self, value: Any) -> Any:
        """A stored list as it is typed."""
        return ", ".join(map(str, value)) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[int]:
        """The numbers, the greatest first. Raises `ValidationError`."""
        text = super().clean(value)
        typed = [part for part in re.split(r"[\s,;]+", text) if part]
        if not all(part.isascii() and part.isdecimal() for part in typed):
            raise forms.ValidationError(_WRONG, code="invalid")
        days = {int(part) for part in typed}
        if len(days) > MOST_REMINDERS or not all(1 <= each <= MOST_DAYS for each in days):
            raise forms.ValidationError(_WRONG, code="invalid")
        return sorted(days, reverse=True)

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the days differ, however they are typed."""
        try:
            return sorted(initial or [], reverse=True) != self.clean(data)
        except forms.ValidationError:
            return True


class Renderer(TemplatesSetting):
    """Looks for form templates among the project's own."""

    form_template_name = "forms/form.html"
    field_template_name = "forms/field.html"
