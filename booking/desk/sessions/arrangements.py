"""When, how and by whom a session is held, as coordinators type it in. Times are London's."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, cast

from django import forms
from django.db.models import Q, QuerySet
from django.forms.models import model_to_dict
from django.http import QueryDict

from accounts.models import User
from booking.catalogue.models import Session, Sitting, Venue
from booking.catalogue.sittings import Span
from booking.desk import queries
from booking.desk.questions import RowsForm, day_field, digest, small_boxes, text_field
from booking.scheduling.changing import Arrangements, BadTimes, PlannedSitting, check_times
from booking.site.form_kit import Form, TrainersField, london_moment
from booking.site.wording import LONDON

_SITTINGS = 4
_ASKED = ("the day", "the start", "the end")


def who_could_lead(leading: Iterable[int] = ()) -> QuerySet[User]:
    """The trainers, and who leads already."""
    could_lead = Q(is_trainer=True, is_active=True) | Q(pk__in=leading)
    return User.objects.filter(could_lead).select_related("agency")


class AboutSession(Form):
    """A form about a session as it is stored, or as new ones begin, at this moment."""

    def __init__(self, data: QueryDict | None, *, session: Session | None, now: datetime) -> None:
        self.session, self.now = session, now
        super().__init__(data, initial=model_to_dict(session or Session(), self.base_fields))


class SittingsForm(RowsForm):
    """A form that asks for dates, each with its start and end: `date_1`, `start_1`, `end_1`."""

    def add_sitting(
        self, suffix: str, *, called: str, label: str = "Date", at: Span | None = None, **extra: Any
    ) -> None:
        """Ask for one, which `called` begins the sentences about; `at` is what it is now."""
        starts = at.starts_at.astimezone(LONDON) if at else None
        ends = at.ends_at.astimezone(LONDON) if at else None
        self.fields[f"date_{suffix}"] = day_field(
            label, called=called, initial=starts.date() if starts else None, **extra
        )
        for name, words, moment in (("start", "Starts", starts), ("end", "Ends", ends)):
            self.fields[f"{name}_{suffix}"] = forms.TimeField(
                label=words,
                required=False,
                initial=moment.time() if moment else None,
                input_formats=["%H:%M", "%H:%M:%S", "%H.%M"],
                widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
                error_messages={"invalid": f"{called}: enter a time such as 09:30."},
                **extra,
            )

    def sitting(self, suffix: str, *, called: str, key: int | None = None) -> PlannedSitting | None:
        """The one that is typed, if it is a whole one; else what is wrong stands beside it."""
        names = [f"{name}_{suffix}" for name in ("date", "start", "end")]
        values = [self.cleaned_data.get(name) for name in names]
        if set(names) & set(self.errors) or values == [None, None, None]:
            return None
        for name, value, what in zip(names, values, _ASKED, strict=True):
            if value is None:
                self.add_error(name, f"{called}: enter {what}, or clear the whole row.")
        on, start, end = values
        if on is None or start is None or end is None:
            return None
        try:
            starts_at = london_moment(datetime.combine(on, start))
            ends_at = london_moment(datetime.combine(on, end))
        except forms.ValidationError as error:
            self.add_error(names[1], error)
            return None
        if ends_at <= starts_at:
            self.add_error(names[2], f"{called}: it must end after it starts.")
            return None
        return PlannedSitting(starts_at, ends_at, key)


class ArrangementsForm(SittingsForm, AboutSession):
    """When, how and by whom a session is held.

    Row n of the dates stands for the stored sitting n; `revision` and `meeting_was`, a digest, say
    of which version. The row of a sitting that has begun cannot be changed.
    """

    in_row = ("date", "start", "end")
    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)
    meeting_was = forms.CharField(widget=forms.HiddenInput, required=False)
    delivery = forms.ChoiceField(
        label="How people attend",
        choices=Session.Delivery.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it is in person or online."},
    )
    venue = forms.ModelChoiceField(
        label="Venue, if in person",
        queryset=Venue.objects.all(),
        empty_label="To be announced",
        required=False,
    )
    meeting = forms.URLField(
        label="Address of the meeting, if online",
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text="It begins with https://. No mail and no calendar holds it: each person has a"
        " join link, which leads there while they have a place. Nobody is told of another address.",
        error_messages={
            "invalid": "Enter the whole address of the meeting, such as https://meet.example/abc.",
            "max_length": "The address of the meeting must be 500 characters or fewer.",
        },
    )
    trainers = TrainersField(queryset=User.objects.none(), required=False, widget=small_boxes())

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.session:
            self.initial.update(_version(self.session))
        self.initial["meeting"] = self.session.meeting.opened() if self.session else ""
        self.stored = list(self.session.sittings.all()) if self.session else []
        self.planned: list[PlannedSitting] = []
        self.begun = {sitting.pk for sitting in self.stored if sitting.starts_at <= self.now}
        self.rows = max(_SITTINGS, len(self.stored))
        people = who_could_lead([person.pk for person in self.initial["trainers"]])
        self.fields["trainers"].queryset = people  # type: ignore[attr-defined]
        for number in self.numbers:
            self._add_row(number)

    def _stored(self, number: int) -> Sitting | None:
        """The sitting that a row stands for, if there is one."""
        return self.stored[number - 1] if number <= len(self.stored) else None

    def _add_row(self, number: int) -> None:
        stored = self._stored(number)
        has_begun = stored is not None and stored.pk in self.begun
        self.add_sitting(str(number), called=f"Date {number}", at=stored, disabled=has_begun)

    def row_name(self, number: int) -> str:
        """What a row is called on the page."""
        stored = self._stored(number)
        begun = stored is not None and stored.pk in self.begun
        return f"Date {number}, has begun and stays as it is" if begun else f"Date {number}"

    def clean_meeting(self) -> str:
        """Only a link that nobody on the way can read or change."""
        link = str(self.cleaned_data["meeting"])
        if link and not link.lower().startswith("https://"):
            raise forms.ValidationError("The address of the meeting must begin with https://.")
        return link

    def clean(self) -> dict[str, Any]:
        """The dates as sittings in order of time."""
        cleaned: dict[str, Any] = super().clean() or {}
        version = _version(self.session) if self.session else {}
        if any(cleaned.get(name) != value for name, value in version.items()):
            typed = cast(QueryDict, self.data).copy()
            for name, value in version.items():
                typed[name] = str(value)
            self.data = typed
            self.add_error(
                None,
                "Somebody else has changed this session meanwhile. Check the dates, the place and"
                " the address of the meeting below, then go on.",
            )
        planned = [self._planned(number) for number in self.numbers]
        names = {name for number in self.numbers for name in self.names(number)}
        if not names & set(self.errors):
            try:
                sittings = [sitting for sitting in planned if sitting]
                self.planned = check_times(sittings, now=self.now, begun=self.begun)
            except BadTimes as refused:
                self.add_error("date_1", refused.sentence)
        return cleaned

    def _planned(self, number: int) -> PlannedSitting | None:
        stored = self._stored(number)
        key = stored.pk if stored else None
        return self.sitting(str(number), called=f"Date {number}", key=key)

    @property
    def arrangements(self) -> Arrangements:
        """What was typed, once valid: a venue only in person, a link only online."""
        is_online = self.cleaned_data["delivery"] == Session.Delivery.ONLINE
        return Arrangements(
            sittings=tuple(self.planned),
            delivery=self.cleaned_data["delivery"],
            venue=None if is_online else self.cleaned_data["venue"],
            meeting=self.cleaned_data["meeting"] if is_online else "",
            trainers=tuple(self.cleaned_data["trainers"]),
        )


def _version(session: Session) -> dict[str, Any]:
    """What a form holds of the version it is about: another meeting raises no revision."""
    return {"revision": session.revision, "meeting_was": digest([session.meeting.token])}


def as_held(
    held: Arrangements, session: Session | None = None, *, name: str = ""
) -> queries.PlannedSession:
    """A session as it would be held, to be looked at for what is used twice.

    `name` is what the others call it that would be held beside it.
    """
    return queries.PlannedSession(
        name=name,
        sittings=held.sittings,
        venue=held.venue,
        trainers=held.trainers or (),
        key=session.pk if session else None,
    )


def note_field() -> forms.CharField:
    """What a coordinator adds to the email that tells of a change."""
    return text_field(
        "Add a note to the email (optional)",
        help_text="It stands below what has changed, in the one email that says so.",
    )


class ChangeForm(ArrangementsForm):
    """How a published session is to be held, and a note for the people who are told."""

    note = note_field()
