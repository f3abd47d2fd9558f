"""Whom somebody works for: asked by name over hundreds of agencies, schools and charities.

Browsers suggest the names of the list while one types. A name that is on the list as it is typed
is taken; what is only like some is looked for, here or by the button "Find", and chosen from them.
What is like none is put down as it was typed.
"""

from difflib import get_close_matches
from typing import Any

from django import forms
from django.http import QueryDict

from accounts.fields import NameQuestion
from accounts.models import Agency, User
from booking.site.characters import fold
from booking.site.form_kit import Form
from booking.site.wording import counted

NOT_LISTED = "not-listed"
# What the button says that Enter presses.
ENTER = "enter"
_MOST_SHOWN = 12
# How like a name (0 to 1, difflib's ratio) must be to what was typed.
_LIKE_ENOUGH = 0.6


def agencies_like(typed: str, agencies: list[Agency]) -> list[Agency]:
    """Those whose name holds every word; if none does, those with the nearest names."""
    words = fold(typed).split()
    if not words:
        return []
    named = {fold(agency.name): agency for agency in agencies}
    found = [agency for name, agency in named.items() if all(word in name for word in words)]
    if found:
        return found
    near = get_close_matches(" ".join(words), named, n=_MOST_SHOWN, cutoff=_LIKE_ENOUGH)
    return [named[name] for name in near]


class EmployerForm(Form):
    """A form that asks whom a person works for, unless their address says it.

    `whose` is "your" or, where somebody else answers for them, "their".
    """

    whose = "your"
    agency_name = NameQuestion(
        label="Who do you work for?",
        max_length=200,
        required=False,
        help_text="Your agency, school or charity. If a name on our list fits, choose it. Unless"
        " your email address shows it, a lead of the agency or a coordinator confirms it later.",
        widget=forms.TextInput(attrs={"autocomplete": "organization", "list": "agencies"}),
    )
    agency = forms.ChoiceField(required=False, widget=forms.RadioSelect)

    def __init__(
        self,
        data: QueryDict | None,
        *,
        person: User,
        known_agency: Agency | None,
        initial: dict[str, Any],
    ) -> None:
        super().__init__(data, initial={**initial, "agency_name": person.agency_name})
        self.person, self.known_agency = person, known_agency
        # What was looked for, where the page shows what is like it.
        self.offered = ""
        if known_agency:
            # The address says it; there is nothing to choose.
            del self.fields["agency"], self.fields["agency_name"]
            return
        own = [person.agency] if person.agency else []
        self.agencies = list({each.pk: each for each in [*Agency.objects.listed(), *own]}.values())
        # What the page had shown last is offered again, with what was chosen.
        self._offer(str(self.data.get("looked_for", "")))

    @property
    def is_looking(self) -> bool:
        """Whether the button was the one that looks for an agency; nothing else is checked.

        Enter presses it too, until the page has shown what is like the name.
        """
        if "find" not in self.data or self.known_agency is not None:
            return False
        seen = ("", self.person.agency_name, str(self.data.get("looked_for", "")))
        name = fold(str(self.data.get("agency_name", "")))
        return self.data["find"] != ENTER or name not in map(fold, seen)

    def is_valid(self) -> bool:
        """Whether it can be saved."""
        return not self.is_looking and super().is_valid()

    def full_clean(self) -> None:
        """Check what was sent, or only look for the agency."""
        super().full_clean()
        if self.is_looking:
            self.errors.clear()
            self._offer(str(self.data.get("agency_name", "")))

    def clean(self) -> dict[str, Any]:
        """With the `agency` of the list or the name of an `unlisted_agency`."""
        cleaned: dict[str, Any] = super().clean() or {}
        name, choice = cleaned.pop("agency_name", None), cleaned.get("agency")
        cleaned |= {"agency": self.known_agency, "unlisted_agency": ""}
        if self.known_agency or name is None:
            return cleaned
        by_key = {str(each.pk): each for each in self.agencies}
        # Somebody who typed another name since has not chosen among what is like that.
        is_chosen = choice and fold(self.offered) == fold(name)
        agency = by_key.get(str(choice)) if is_chosen else self._of_name(name)
        is_unlisted = choice == NOT_LISTED if is_chosen else name == self.person.unlisted_agency
        if agency is not None:
            cleaned["agency"] = agency
        elif not name:
            self.add_error("agency_name", f"Enter the name of {self.whose} agency.")
        elif is_unlisted or not agencies_like(name, self.agencies):
            cleaned["unlisted_agency"] = name
        else:
            self._offer(name)
            self.add_error("agency", f"Choose {self.whose} agency, or say that it is not listed.")
        return cleaned

    def _of_name(self, name: str) -> Agency | None:
        """The one agency that is called so."""
        same = [each for each in self.agencies if fold(each.name) == fold(name)]
        return same[0] if len(same) == 1 else None

    def _offer(self, typed: str) -> None:
        """Have the page show the agencies like this to choose from."""
        self.offered = typed = " ".join(typed.split())[:200]
        alike = agencies_like(typed, self.agencies)
        field = self.fields["agency"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101
        assert isinstance(field.widget, forms.RadioSelect)  # noqa: S101
        mine = "My" if self.whose == "your" else "Their"
        not_listed = (NOT_LISTED, f"{mine} agency is not listed. It is called “{typed}”")
        like = f"{counted(len(alike), 'name')} like “{typed}”"
        field.label = f"Which of these is {self.whose} agency? {like}"
        if not alike:
            field.label = f"No name on our list is like “{typed}”"
        if len(alike) > _MOST_SHOWN:
            field.help_text = (
                f"These are the first {_MOST_SHOWN}. Type more of the name to see fewer."
            )
        every = [(str(each.pk), each.name) for each in self.agencies]
        field.choices = [*every, not_listed]
        shown = [(str(each.pk), each.name) for each in alike[:_MOST_SHOWN]]
        field.widget.choices = [*shown, not_listed]
        # The checks have drawn it already as it was before.
        self._bound_fields_cache.pop("agency", None)  # type: ignore[attr-defined]
