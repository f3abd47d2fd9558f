"""Coordinators' page of settings: the partnership's name, looks and help, and what new things get.

A new setting is a column of `booking.partnership.models.Partnership`, a field of the form here, and
its name in the section of the page where it belongs.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.access import desk
from accounts.addresses import parse_address
from accounts.fields import AddressQuestion
from accounts.views import signed_in
from booking.attendance.models import LONGEST_OPEN
from booking.catalogue.models import CancellationPolicy
from booking.catalogue.searching import acronyms_of
from booking.desk.levels import LevelsQuestion
from booking.desk.logo import LogoForm
from booking.desk.questions import FREE_UNTIL_START, LinesQuestion, ListQuestion, places_field
from booking.desk.school_terms import SchoolTermsQuestion
from booking.partnership import kept
from booking.partnership.colours import (
    DARK_GROUNDS,
    LEAST_CONTRAST,
    as_hex,
    contrast,
    dark_twin,
    least_contrast,
)
from booking.partnership.models import LONGEST_WORD, Partnership, channels_of
from booking.site.form_kit import (
    MOST_DAYS,
    MOST_MINUTES,
    PageQuestion,
    whole_number_field,
)
from booking.site.web import done, page, posted

_LONGEST_LIST_DAYS = 90
_LONGEST_OPEN = int(LONGEST_OPEN.total_seconds()) // 60
_WORD = re.compile(rf"[a-z]{{1,{LONGEST_WORD}}}")
_SECTIONS = {
    "Who you are": ("name", "welcome"),
    "Logo and colour": ("logo", "remove_logo", "colour"),
    "Where people find help": ("help_email", "help_phone", "help_page"),
    "Mailboxes that several people read": ("shared_words", "excused_addresses"),
    "New courses and sessions": ("usual_capacity", "usual_policy", "closes_days"),
    "School terms": ("school_terms",),
    "Levels of training": ("levels",),
    "Joining online": ("join_opens_minutes", "join_closes_minutes", "join_before_agency"),
    "Lists of people": ("list_days",),
    "Attendance": (
        "usual_part_minutes",
        "usual_absent_minutes",
        "repeated_absences",
        "repeated_months",
    ),
    "Elsewhere": ("social_links", "quick_exit"),
    "Search": ("acronyms",),
}
# What is rarely changed is folded, below these words.
_FOLDED = {
    "Mailboxes that several people read": "Words of their names, and exceptions",
    "Joining online": "From when, and until when",
    "Lists of people": "How long trainers see them",
    "Attendance": "Minutes missed, and repeated absences",
    "Elsewhere": "Your own pages, and leaving quickly",
    "Search": "Acronyms",
}


@dataclass(frozen=True)
class Section:
    """A heading of the page with the fields below it; folded below these words, if any."""

    heading: str
    fields: list[forms.BoundField]
    folded: str

    @property
    def is_wrong(self) -> bool:
        """Whether something in it must be mended."""
        return any(field.errors for field in self.fields)


def _word(typed: str) -> str:
    """A word of the names of mailboxes, in lower case. Raises `ValidationError`."""
    word = typed.lower()
    if not _WORD.fullmatch(word):
        raise forms.ValidationError(f"Use up to {LONGEST_WORD} letters from a to z in each word.")
    return word


class SettingsForm(LogoForm):
    """Every setting."""

    field_order = ("revision", "chosen_logo", "name", "welcome")

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = forms.CharField(
        label="Name of the partnership",
        max_length=200,
        help_text="It stands on every page and mail, and in calendars.",
    )
    welcome = forms.CharField(
        label="Welcome (optional)",
        max_length=300,
        required=False,
        help_text="A sentence or two at the top of the start page. Without it, the page says that"
        " the partnership runs training and briefings.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    colour = forms.CharField(
        label="Colour (optional)",
        required=False,
        help_text="For the top of every page, buttons and links: # and six figures or letters,"
        " such as #7a1f4b. Leave it empty for the colours of Briefed.",
        widget=forms.TextInput(
            attrs={
                "class": "govuk-input--width-10",
                "spellcheck": "false",
                "autocapitalize": "none",
            }
        ),
    )
    help_email = AddressQuestion(label="Email address for help (optional)", required=False)
    help_phone = forms.CharField(
        label="Phone number for help (optional)",
        required=False,
        validators=[
            RegexValidator(
                r"\A\+?[0-9 ()-]{5,39}\Z",
                "Enter a phone number of figures and spaces, such as 0113 496 0000.",
            )
        ],
        widget=forms.TextInput(attrs={"class": "govuk-input--width-20", "inputmode": "tel"}),
    )
    help_page = PageQuestion("Page with help (optional)", example="https://partnership.org.uk/help")
    shared_words = ListQuestion(
        label="Words of their names (optional)",
        help_text="Nobody can sign in or be booked with an address whose part before the @ is made"
        " of these words only, such as safeguarding.team or theoffice.",
        read=_word,
    )
    excused_addresses = ListQuestion(
        label="Addresses of one person all the same (optional)",
        help_text="One a line. They can be used, whatever words they are made of.",
        read=parse_address,
    )
    usual_capacity = places_field(
        "Usual number of places",
        help_text="Where a new course begins; each course and session can have another.",
    )
    usual_policy = forms.ChoiceField(
        label="Usual rules of cancelling",
        required=False,
        help_text="Where a new course begins.",
    )
    closes_days = whole_number_field(
        "Booking closes, working days before (optional)",
        0,
        MOST_DAYS,
        required=False,
        help_text="At 5pm, for every new session that is given no moment of its own. Left empty,"
        " it closes when the session starts.",
    )
    school_terms = SchoolTermsQuestion()
    levels = LevelsQuestion()
    join_opens_minutes = whole_number_field(
        "Minutes before a date from which people can join", 0, _LONGEST_OPEN
    )
    join_closes_minutes = whole_number_field(
        "Minutes after its end until which they can", 0, _LONGEST_OPEN
    )
    join_before_agency = forms.BooleanField(
        label="Let people join whose place is only held until their agency is confirmed",
        required=False,
    )
    list_days = whole_number_field(
        "Days after a session for which its trainers see who was there", 1, _LONGEST_LIST_DAYS
    )
    usual_part_minutes = whole_number_field(
        "Minutes missed of a date, beyond which it was attended in part (optional)",
        0,
        MOST_MINUTES,
        required=False,
        help_text="Where a new course begins. Left empty, there is no such rule.",
    )
    usual_absent_minutes = whole_number_field(
        "Minutes missed of a date, beyond which it counts as absence (optional)",
        0,
        MOST_MINUTES,
        required=False,
        help_text="Where a new course begins. Left empty, there is no such rule.",
    )
    repeated_absences = whole_number_field(
        "Absences of one person that are shown",
        0,
        50,
        help_text="To managers who are asked to agree, and to those who book for others: so many or"
        " more. 0 shows none.",
    )
    repeated_months = whole_number_field("Within so many months", 1, 60)
    social_links = LinesQuestion(
        "Your own pages elsewhere (optional)",
        read=channels_of,
        each="each page",
        like="LinkedIn = https://www.linkedin.com/company/us",
        more="They stand at the foot of every page.",
        max_length=2000,
        rows=4,
    )
    quick_exit = PageQuestion(
        "Where “Leave this site quickly” leads (optional)",
        example="https://www.bbc.co.uk/weather",
        help_text="A page that looks harmless. With it, every page has the button.",
    )
    acronyms = LinesQuestion(
        "Acronyms (optional)",
        read=acronyms_of,
        each="each acronym",
        like="DA = domestic abuse",
        more="Separate several meanings by commas. The search takes them for the same.",
        max_length=10_000,
        rows=12,
    )

    def __init__(
        self,
        typed: QueryDict | None,
        files: MultiValueDict[str, Any] | None,
        *,
        stored: Partnership,
    ) -> None:
        self.stored = stored
        names = [name for name in self.base_fields if name != "logo" and hasattr(stored, name)]
        super().__init__(typed, files, initial={name: getattr(stored, name) for name in names})
        names_of_policies = CancellationPolicy.objects.current().values_list("name", flat=True)
        self.fields["usual_policy"].choices = [  # type: ignore[attr-defined]
            ("", FREE_UNTIL_START),
            *((name, name) for name in names_of_policies),
        ]

    def sections(self) -> Iterator[Section]:
        """The headings of the page with the fields below each."""
        for heading, names in _SECTIONS.items():
            yield Section(heading, [self[name] for name in names], _FOLDED.get(heading, ""))

    def clean_name(self) -> str:
        """The name in one line: it stands in the heads of mails."""
        return " ".join(str(self.cleaned_data["name"]).split())

    def clean_colour(self) -> str:
        """A colour that can be read wherever it stands."""
        typed = str(self.cleaned_data["colour"])
        if not typed:
            return ""
        colour = as_hex(typed)
        if colour is None:
            raise forms.ValidationError(
                "Enter the colour as # and six figures or letters from a to f, such as #7a1f4b."
            )
        if (found := least_contrast(colour)) < LEAST_CONTRAST:
            raise forms.ValidationError(
                f"{colour} is too pale to be read: its contrast with white and the pale grounds of"
                f" the pages is {found:.1f} to 1, and must be {LEAST_CONTRAST} to 1. Choose a"
                " darker one."
            )
        return colour

    def clean_closes_days(self) -> int:
        """None means when the session starts."""
        return self.cleaned_data["closes_days"] or 0

    def clean(self) -> dict[str, Any]:
        """Whether the settings are still those that were shown."""
        cleaned = super().clean()
        if cleaned.get("revision") != self.stored.revision:
            again = cast(QueryDict, self.data).copy()
            again["revision"] = str(self.stored.revision)
            self.data = again
            self.add_error(None, kept.SettingsChangedMeanwhile.sentence)
        return cleaned

    @property
    def values(self) -> dict[str, object]:
        """The columns to write, once all is valid."""
        not_stored = ("revision", *LogoForm.base_fields)
        found = {name: it for name, it in self.cleaned_data.items() if name not in not_stored}
        return found | self.logo_values


@desk(post=60)
def settings(request: HttpRequest) -> HttpResponse:
    """Show and change them. What is shown is what is stored now, and so it is after saving."""
    stored = kept.read_again()
    typed = posted(request)
    form = SettingsForm(typed, None if typed is None else request.FILES, stored=stored)
    if form.is_valid():
        try:
            by, revision = signed_in(request).pk, stored.revision
            kept.change(values=form.values, by=by, expected_revision=revision)
            return done(request, "Saved. Everybody sees it within seconds.", "manage_settings")
        except kept.SettingsChangedMeanwhile as refused:
            form.add_error(None, refused.sentence)
    context: dict[str, Any] = {"form": form, "stored": stored}
    if stored.colour:
        twin = dark_twin(stored.colour)
        context |= {
            "twin": twin,
            "twin_contrast": min(contrast(twin, each) for each in DARK_GROUNDS),
        }
    return page(request, "desk/settings.html", context)
