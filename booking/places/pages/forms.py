"""What people are asked about a place: to book it, give it up, pass it on, or answer by link."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import QuerySet

from accounts.agencies import Entry, colleagues_of
from accounts.fields import NameQuestion, email_field
from accounts.models import User
from booking.places.agency.rows import MOST_BYTES, MOST_ROWS
from booking.places.models import Booking
from booking.places.pages.outlook import OtherDate
from booking.site.form_kit import Form
from booking.site.wording import pounds

NEEDS_LENGTH = 500
REASON_LENGTH = 400

# Beyond this a list to choose from helps nobody.
_MOST_TO_CHOOSE_FROM = 300
_NO_MANAGER = "Give your line manager’s work email address."
_UNANSWERED = ("required", "invalid_choice")
_NAMED = ("first_name", "last_name", "job_title")


def manager_field(*, required: bool) -> forms.EmailField:
    """Who must agree; not required where the page shows the field only if it is needed."""
    return email_field(
        "Your line manager’s work email address",
        help_text=(
            "This course needs your line manager’s agreement. We email them a link by which they"
            " answer. They need no account."
        ),
        required=required,
        error_messages={"required": _NO_MANAGER},
    )


class BookForm(Form):
    """One optional question, and the manager's address where the course asks for agreement.

    Pressing the button is the booking. The manager's field is shown where it is needed only; to
    somebody new it is one of the questions about themselves. Nobody eats at an online session.
    The page says whether it showed a place, and whether it said that there is another date.
    """

    saw_place = forms.BooleanField(required=False, widget=forms.HiddenInput)
    wants_both = forms.BooleanField(required=False, widget=forms.HiddenInput)

    manager_email = manager_field(required=False)
    needs = forms.CharField(
        label="Access or dietary needs (optional)",
        help_text="Only the trainers and coordinators of this session see this.",
        max_length=NEEDS_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, with_manager: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not with_manager:
            del self.fields["manager_email"]

    def ask_of_online(self) -> None:
        """Ask as of a session online, before the form is shown."""
        self.fields["needs"].label = "Access needs (optional)"

    def clean_manager_email(self) -> str:
        """Whoever empties the field must name somebody, or their usual manager would be asked."""
        address = str(self.cleaned_data["manager_email"])
        if not address and "manager_email" in self.data:
            raise forms.ValidationError(_NO_MANAGER)
        return address


class ManagerForm(Form):
    """Another manager to ask."""

    manager_email = manager_field(required=True)


class ChargeForm(Form):
    """Whether giving up a place late is charged, where that is a choice.

    It is for a coordinator who does it for somebody else whom it would cost so many `pence`.
    """

    charge = forms.ChoiceField(
        label="The charge", widget=forms.RadioSelect, initial="policy", required=False
    )
    not_charged = forms.CharField(
        label="Why is nothing charged?",
        help_text="Needed if nothing is charged. The person can read it.",
        max_length=200,
        required=False,
    )

    def __init__(self, *args: Any, pence: int = 0, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not pence:
            del self.fields["charge"], self.fields["not_charged"]
            return
        charge = self.fields["charge"]
        assert isinstance(charge, forms.ChoiceField)  # noqa: S101
        charge.choices = [
            ("policy", f"{pounds(pence)}, as the rules of cancelling say"),
            ("none", "Nothing"),
        ]

    def clean(self) -> dict[str, Any]:
        """Nothing is waived without a reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_reasonless = "not_charged" not in self.errors and not cleaned.get("not_charged")
        if cleaned.get("charge") == "none" and is_reasonless:
            self.add_error("not_charged", "Say why nothing is charged.")
        return cleaned

    @property
    def waived(self) -> str:
        """Why nothing is charged that would be, if so."""
        is_waived = self.cleaned_data.get("charge") == "none"
        return str(self.cleaned_data["not_charged"]) if is_waived else ""


class CancelForm(ChargeForm):
    """An optional reason, and the charge."""

    field_order = ["why", "charge", "not_charged"]

    why = forms.CharField(label="Your reason (optional)", max_length=300, required=False)

    def __init__(self, *args: Any, for_another: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if for_another:
            self.fields["why"].label = "Why do they not come? (optional)"
            self.fields["why"].help_text = "They read it."


class ManagerAnswerForm(Form):
    """Whether a manager agrees. Whoever does not agree says why; whoever does may say something."""

    answer = forms.ChoiceField(
        choices=[("agree", "I agree"), ("decline", "I do not agree")],
        error_messages=dict.fromkeys(_UNANSWERED, "Press “I agree” or “I do not agree”."),
    )
    reason = forms.CharField(
        label="Your reason",
        help_text="Needed if you do not agree. The person who asks will read it.",
        max_length=REASON_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    @property
    def agrees(self) -> bool:
        """Whether the button was the one that agrees; for a form that is valid."""
        return str(self.cleaned_data["answer"]) == "agree"

    def clean(self) -> dict[str, Any]:
        """Not agreeing needs a reason."""
        cleaned: dict[str, Any] = super().clean() or {}
        is_reasonless = "reason" not in self.errors and not cleaned.get("reason")
        if cleaned.get("answer") == "decline" and is_reasonless:
            self.add_error("reason", "Say why you do not agree.")
        return cleaned


class OfferAnswerForm(Form):
    """Whether an offered place is accepted, and who must agree where nobody has been asked."""

    answer = forms.ChoiceField(
        choices=[("accept", "Accept the place"), ("decline", "Decline it")],
        error_messages=dict.fromkeys(_UNANSWERED, "Press “Accept the place” or “Decline it”."),
    )

    manager_email = manager_field(required=False)

    @property
    def accepts(self) -> bool:
        """Whether the button was the one that accepts; for a form that is valid."""
        return str(self.cleaned_data["answer"]) == "accept"


class RefuseAddressForm(Form):
    """Why a coordinator does not ask the manager who was named."""

    reason = forms.CharField(
        label="Why do you not confirm the address?",
        help_text="The person who asks for the place reads this.",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": "Say why you do not confirm the address."},
    )


def _optional_text(label: str, most: int, **extra: Any) -> NameQuestion:
    """What is typed about somebody else: browsers do not offer the person's own."""
    return NameQuestion(
        label=f"{label} (optional)",
        max_length=most,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        **extra,
    )


class ColleagueForm(Form):
    """One colleague, by their work address; who has no account yet also by name."""

    email = email_field(
        "Your colleague’s work email address",
        error_messages={"required": "Enter your colleague’s address."},
    )
    first_name = _optional_text(
        "First name", 100, help_text="Only needed if they have not used Briefed before."
    )
    last_name = _optional_text("Last name", 100)
    job_title = _optional_text("Job title", 150)

    @property
    def entry(self) -> Entry:
        """Who was named, once the form is valid."""
        named = {name: self.cleaned_data[name] for name in _NAMED}
        return Entry(email=self.cleaned_data["email"], **named)


class SubstituteForm(ColleagueForm):
    """Who is to have the place: leads choose from their colleagues, or name an address."""

    field_order = ["colleague", "email", "first_name", "last_name", "job_title", "manager_email"]

    manager_email = email_field(
        "Their line manager’s email address (optional)",
        help_text="The manager must agree. Only needed if your colleague has not named them.",
        required=False,
    )

    def __init__(
        self, *args: Any, booking: Booking, may_choose: bool, asks_manager: bool, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        manager = self.fields["manager_email"]
        if not asks_manager:
            del self.fields["manager_email"]
        elif not may_choose:
            # Asked in any case, or it would tell whether the colleague has named somebody here.
            manager.required = True
            manager.label = "Their line manager’s email address"
            manager.help_text = "The manager must agree."
            manager.error_messages["required"] = "Give their line manager’s work email address."
        if may_choose and booking.agency:
            self._offer(colleagues_of(booking.agency).exclude(pk=booking.person_id), booking)

    def _offer(self, people: QuerySet[User], booking: Booking) -> None:
        """Have the page show those without a place to choose from, unless they are too many.

        One who has got a place since is for the action to refuse, in its own words.
        """
        have_a_place = Booking.objects.for_session(booking.session).holding_a_place()
        free = people.exclude(pk__in=have_a_place.values("person"))[: _MOST_TO_CHOOSE_FROM + 1]
        choices = [(each.pk, each.named_with_address) for each in free]
        if not 0 < len(choices) <= _MOST_TO_CHOOSE_FROM:
            return
        self.fields["email"].required = False
        self.fields["email"].label = "Or their work email address"
        field = forms.ModelChoiceField(label="Choose a colleague", queryset=people, required=False)
        field.widget.choices = [("", "Somebody else"), *choices]
        self.fields["colleague"] = field
        self.order_fields(self.field_order)

    def clean(self) -> dict[str, Any]:
        """One of the two says who it is."""
        cleaned: dict[str, Any] = super().clean() or {}
        chosen, address = cleaned.get("colleague"), cleaned.get("email")
        if "colleague" in self.fields and "email" not in self.errors:
            if not chosen and not address:
                self.add_error("colleague", "Choose a colleague, or enter their address.")
            if chosen and address and chosen.email != address:
                self.add_error("email", "Choose a colleague or enter an address, not both.")
        return cleaned

    @property
    def entry(self) -> Entry:
        """Who was chosen or named, once the form is valid."""
        chosen = self.cleaned_data.get("colleague")
        return Entry(email=chosen.email) if chosen else super().entry

    @property
    def manager_named(self) -> str:
        """The manager's address, if one was given."""
        return str(self.cleaned_data.get("manager_email") or "")


class ManyForm(Form):
    """A list of colleagues, pasted or as a file."""

    people = forms.CharField(
        label="Your colleagues’ work email addresses",
        help_text="One a line. You can paste them from an email or a spreadsheet: an address, or"
        " Name <address>, or address, first name, last name and job title.",
        max_length=MOST_BYTES,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        error_messages={
            "max_length": f"The list is too long. Up to {MOST_ROWS} people can be booked at once."
        },
    )
    file = forms.FileField(
        label="Or a CSV file (optional)",
        help_text=f"With the columns email, first name, last name and job title; up to {MOST_ROWS}"
        f" rows and {MOST_BYTES // 1000} KB.",
        required=False,
        widget=forms.FileInput(attrs={"accept": ".csv,text/csv,text/plain"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A long list needs no count of its characters.
        self.fields["people"].widget.attrs.pop("maxlength", None)

    def clean(self) -> dict[str, Any]:
        """One list, not two of which one would be forgotten."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("people") and cleaned.get("file"):
            self.add_error("file", "Paste a list or choose a file, not both.")
        return cleaned


class MoveForm(ChargeForm):
    """Which other date, and the charge."""

    field_order = ["to", "charge", "not_charged"]

    to = forms.ChoiceField(
        label="Which date instead?",
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a date.", "invalid_choice": "Choose one of the dates."},
    )

    def __init__(self, *args: Any, dates: Sequence[OtherDate], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["to"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        # One that was free when the page was shown is for the action to refuse, in its own words.
        field.choices = [(str(each.session.pk), each.words) for each in dates]
        assert isinstance(field.widget, forms.RadioSelect)  # noqa: S101
        field.widget.choices = [
            (str(each.session.pk), each.words) for each in dates if each.refusal is None
        ]
