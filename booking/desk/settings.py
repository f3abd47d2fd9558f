"""Coordinators' page of settings: the partnership's name, looks and help, and what new things get.

A new setting is a column of `booking.partnership.models.Partnership`, a field of the form here, and
its name in the section of the page where it belongs.
"""

import base64
import contextlib
import re
from collections.abc import Iterator
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.datastructures import MultiValueDict

from accounts.access import desk
from accounts.addresses import parse_address
from accounts.fields import AddressQuestion
from accounts.models import User
from accounts.views import signed_in
from booking.attendance.models import LONGEST_OPEN
from booking.catalogue.models import CancellationPolicy, Course
from booking.catalogue.searching import acronyms_of
from booking.desk.questions import FREE_UNTIL_START, ListQuestion, places_field
from booking.partnership import kept
from booking.partnership.colours import (
    DARK_GROUNDS,
    LEAST_CONTRAST,
    as_hex,
    contrast,
    dark_twin,
    least_contrast,
)
from booking.partnership.levels import MOST_LEVELS, all_levels, levels_of
from booking.partnership.models import LONGEST_WORD, Partnership, channels_of
from booking.partnership.pictures import MOST_BYTES, Picture, PictureRefused, picture_of
from booking.partnership.school_year import school_term_of
from booking.site.form_kit import (
    MOST_DAYS,
    MOST_MINUTES,
    Form,
    PageQuestion,
    whole_number_field,
)
from booking.site.web import done, page, posted
from booking.site.wording import counted, listed

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


def _word(typed: str) -> str:
    """A word of the names of mailboxes, in lower case. Raises `ValidationError`."""
    word = typed.lower()
    if not _WORD.fullmatch(word):
        raise forms.ValidationError(f"Use up to {LONGEST_WORD} letters from a to z in each word.")
    return word


class SettingsForm(Form):
    """Every setting. A logo that was chosen is sent along until the rest is right too."""

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)
    chosen_logo = forms.CharField(widget=forms.HiddenInput, required=False)
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
    logo = forms.FileField(
        label="New logo (optional)",
        required=False,
        help_text=f"A PNG, JPEG or WebP picture of {MOST_BYTES // 1000} kB or less. It is shown on"
        " white, about 50 pixels high.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
        error_messages={"invalid": "Choose a file for the logo."},
    )
    remove_logo = forms.BooleanField(label="Show no logo of our own", required=False)
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
    school_terms = forms.CharField(
        label="Dates of terms (optional)",
        required=False,
        max_length=5000,
        help_text="One a line, such as Autumn 2026 = 1 September 2026 to 23 October 2026. The"
        " weekdays between are school holidays: they are pointed out when you plan sessions, and"
        " skipped when you copy some.",
        widget=forms.Textarea(attrs={"rows": 7}),
    )
    levels = forms.CharField(
        label="Levels",
        max_length=3000,
        help_text="One a line, the lowest first, such as Level 1 = I may come across children in my"
        " work. The second part is what people say of their work: a course can be kept for those"
        " who can say at least as much. For groups without an order, use groups of practitioners.",
        widget=forms.Textarea(attrs={"rows": 5}),
    )
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
    social_links = forms.CharField(
        label="Your own pages elsewhere (optional)",
        required=False,
        max_length=2000,
        help_text="One a line, such as LinkedIn = https://www.linkedin.com/company/us. They"
        " stand at the foot of every page.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    quick_exit = PageQuestion(
        "Where “Leave this site quickly” leads (optional)",
        example="https://www.bbc.co.uk/weather",
        help_text="A page that looks harmless. With it, every page has the button.",
    )
    acronyms = forms.CharField(
        label="Acronyms (optional)",
        required=False,
        max_length=10_000,
        help_text="One a line, such as DA = domestic abuse. Separate several meanings by commas."
        " The search takes them for the same.",
        widget=forms.Textarea(attrs={"rows": 12}),
    )

    def __init__(
        self,
        typed: QueryDict | None,
        files: MultiValueDict[str, Any] | None,
        *,
        stored: Partnership,
    ) -> None:
        self.stored = stored
        self.picture: Picture | None = None
        names = [name for name in self.base_fields if name != "logo" and hasattr(stored, name)]
        super().__init__(typed, files, initial={name: getattr(stored, name) for name in names})
        names_of_policies = CancellationPolicy.objects.current().values_list("name", flat=True)
        self.fields["usual_policy"].choices = [  # type: ignore[attr-defined]
            ("", FREE_UNTIL_START),
            *((name, name) for name in names_of_policies),
        ]

    def sections(self) -> Iterator[tuple[str, list[forms.BoundField]]]:
        """The headings of the page with the fields below each."""
        for heading, names in _SECTIONS.items():
            yield heading, [self[name] for name in names]

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

    def clean_school_terms(self) -> str:
        """Lines that each say when a term begins and ends."""
        lines = [line.strip() for line in str(self.cleaned_data["school_terms"]).splitlines()]
        for line in filter(None, lines):
            if not school_term_of(line):
                raise forms.ValidationError(
                    "Write each term like Autumn 2026 = 1 September 2026 to 23 October 2026."
                    f" “{line}” is not like that."
                )
        return "\n".join(filter(None, lines))

    def clean_levels(self) -> str:
        """Levels as lines, and none fewer than are in use."""
        typed = str(self.cleaned_data["levels"]).splitlines()
        lines = [line.strip() for line in typed if line.strip()]
        for line in lines:
            if not levels_of(line):
                raise forms.ValidationError(
                    "Write each level like Level 1 = I may come across children in my work."
                    f" “{line}” is not like that."
                )
        if len(lines) > MOST_LEVELS:
            raise forms.ValidationError(f"There can be {MOST_LEVELS} levels at most.")
        courses = Course.objects.filter(Q(level__gt=len(lines)) | Q(least_level__gt=len(lines)))
        people = User.objects.filter(level__gt=len(lines))
        if used := courses.count() + people.count():
            raise forms.ValidationError(
                f"{counted(used, 'course or person has', 'courses and people have')} a level above"
                f" these {len(lines)}. Keep it, or give the courses another one first."
            )
        self._refuse_moved_levels([each.name for each in levels_of("\n".join(lines))])
        return "\n".join(lines)

    def _refuse_moved_levels(self, names: list[str]) -> None:
        """Courses and people have the place of a level: another name there is another meaning."""
        before = [each.name for each in all_levels()]
        moved = {
            number: old
            for number, (old, new) in enumerate(zip(before, names, strict=False), start=1)
            if old != new and (new in before or old in names)
        }
        courses = Course.objects.filter(Q(level__in=moved) | Q(least_level__in=moved)).count()
        people = User.objects.filter(level__in=moved).count()
        if courses or people:
            raise forms.ValidationError(
                f"{listed(list(moved.values()))} would stand elsewhere or be gone, and another"
                f" level would be that of {counted(courses, 'course')} and"
                f" {counted(people, 'person', 'people')}. Keep the order: rename a level where it"
                " is, and add new ones at the end."
            )

    def clean_acronyms(self) -> str:
        """Lines that each say what an acronym stands for."""
        typed = str(self.cleaned_data["acronyms"]).replace("\r\n", "\n").strip()
        for line in filter(None, map(str.strip, typed.split("\n"))):
            if not acronyms_of(line):
                raise forms.ValidationError(
                    f"Write each acronym like DA = domestic abuse. “{line}” is not like that."
                )
        return typed

    def clean_social_links(self) -> str:
        """Lines that each have a name and the address of a page."""
        lines = [line.strip() for line in str(self.cleaned_data["social_links"]).splitlines()]
        for line in filter(None, lines):
            if not channels_of(line):
                raise forms.ValidationError(
                    "Write each like LinkedIn = https://www.linkedin.com/company/partnership."
                    f" “{line}” is not like that."
                )
        return "\n".join(filter(None, lines))

    def clean(self) -> dict[str, Any]:
        """The logo, and whether the settings are still those that were shown."""
        cleaned: dict[str, Any] = super().clean() or {}
        again = cast(QueryDict, self.data).copy()
        try:
            self.picture = self._chosen(cleaned)
        except PictureRefused as refused:
            self.add_error("logo", refused.sentence)
            with contextlib.suppress(PictureRefused):
                self.picture = self._chosen_before(cleaned)
        if self.picture and cleaned.get("remove_logo"):
            self.add_error("remove_logo", "Choose a new logo or none, not both.")
        if cleaned.get("revision") != self.stored.revision:
            again["revision"] = str(self.stored.revision)
            self.add_error(None, kept.SettingsChangedMeanwhile.sentence)
        again["chosen_logo"] = self.picture_text
        self.data = again
        return cleaned

    def _chosen(self, cleaned: dict[str, Any]) -> Picture | None:
        """The picture that was uploaded now, or else before. Raises `PictureRefused`."""
        if upload := cleaned.get("logo"):
            # One byte more than may be, so that too much is told without reading all of it.
            return picture_of(upload.read(MOST_BYTES + 1))
        return self._chosen_before(cleaned)

    def _chosen_before(self, cleaned: dict[str, Any]) -> Picture | None:
        """The picture that was uploaded before something else was corrected, unless given up."""
        if cleaned.get("remove_logo") or not cleaned.get("chosen_logo"):
            return None
        try:
            return picture_of(base64.b64decode(cleaned["chosen_logo"], validate=True))
        except ValueError:
            return None

    @property
    def picture_text(self) -> str:
        """The chosen logo as text that a form and a `data:` address can carry; empty if none."""
        return base64.b64encode(self.picture.content).decode() if self.picture else ""

    @property
    def values(self) -> dict[str, object]:
        """The columns to write, once all is valid."""
        not_stored = ("revision", "chosen_logo", "logo", "remove_logo")
        found = {name: it for name, it in self.cleaned_data.items() if name not in not_stored}
        if self.picture or self.cleaned_data["remove_logo"]:
            picture = self.picture or Picture(b"", "", 0, 0)
            found |= {
                "logo": picture.content,
                "logo_type": picture.content_type,
                "logo_width": picture.width,
                "logo_height": picture.height,
                "logo_digest": picture.digest if picture.content else "",
            }
        return found


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
