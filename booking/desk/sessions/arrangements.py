"""When, how and by whom a session is held, as coordinators type it in. Times are London's."""

from datetime import date, datetime, time
from typing import Any, cast

from django import forms
from django.db.models import Q
from django.http import QueryDict

from accounts.models import User
from booking.catalogue.models import Session, Venue
from booking.scheduling.changing import Arrangements, BadTimes, PlannedSitting, check_times
from booking.site.form_kit import Form, TrainersField, london_moment
from booking.site.wording import LONDON

SITTINGS = 4
_ROW = ("date", "start", "end")


class AboutSession(Form):
    """What the forms below share: the stored session, if there is one, and the moment."""

    def __init__(self, *args: Any, session: Session | None = None, now: datetime, **kwargs: Any):
        self.session, self.now = session, now
        super().__init__(*args, **kwargs)


class ArrangementsForm(AboutSession):
    """When, how and by whom a session is held.

    Row n of the dates stands for the stored sitting n; `revision` says of which version. The row
    of a sitting that has begun cannot be changed.
    """

    revision = forms.IntegerField(widget=forms.HiddenInput, required=False)
    delivery = forms.ChoiceField(
        label="How people attend",
        choices=Session.Delivery.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say whether it is in person or online."},
    )
    venue = forms.ModelChoiceField(
        label="Venue, if in person",
        queryset=Venue.objects.order_by("name"),
        empty_label="To be announced",
        required=False,
    )
    join_url = forms.URLField(
        label="Join link, if online",
        max_length=500,
        required=False,
        assume_scheme="https",
        help_text="It begins with https:// and goes to people with a place only.",
        error_messages={
            "invalid": "Enter the whole join link, such as https://meet.example/abc.",
            "max_length": "The join link must be 500 characters or fewer.",
        },
    )
    trainers = TrainersField(
        queryset=User.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "govuk-checkboxes--small"}),
    )

    def __init__(self, *args: Any, session: Session | None = None, now: datetime, **kwargs: Any):
        self.stored = list(session.sittings.all()) if session else []
        self.planned: list[PlannedSitting] = []
        self.begun = {sitting.pk for sitting in self.stored if sitting.starts_at <= now}
        initial = dict(kwargs.pop("initial", None) or {})
        could_lead = Q(is_trainer=True, is_active=True)
        if session:
            leading = [person.pk for person in session.trainers.all()]
            initial = {
                "revision": session.revision,
                "delivery": session.delivery,
                "venue": session.venue_id,
                "join_url": session.join_url,
                "trainers": leading,
                **initial,
            }
            could_lead |= Q(pk__in=leading)
        self.rows = max(SITTINGS, len(self.stored))
        super().__init__(*args, session=session, now=now, initial=initial, **kwargs)
        people = User.objects.filter(could_lead).select_related("agency")
        self.fields["trainers"].queryset = people.order_by(  # type: ignore[attr-defined]
            "last_name", "first_name", "pk"
        )
        for number in range(1, self.rows + 1):
            self._add_row(number)

    def _add_row(self, number: int) -> None:
        stored = self.stored[number - 1] if number <= len(self.stored) else None
        has_begun = stored is not None and stored.pk in self.begun
        starts = stored.starts_at.astimezone(LONDON) if stored else None
        ends = stored.ends_at.astimezone(LONDON) if stored else None
        self.fields[f"date_{number}"] = forms.DateField(
            label="Date",
            required=False,
            disabled=has_begun,
            initial=starts.date() if starts else None,
            input_formats=["%Y-%m-%d", "%d/%m/%Y"],
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            error_messages={"invalid": f"Date {number}: enter a real date."},
        )
        for name, label, at in (("start", "Starts", starts), ("end", "Ends", ends)):
            self.fields[f"{name}_{number}"] = forms.TimeField(
                label=label,
                required=False,
                disabled=has_begun,
                initial=at.time() if at else None,
                input_formats=["%H:%M", "%H:%M:%S", "%H.%M"],
                widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
                error_messages={"invalid": f"Date {number}: enter a time such as 09:30."},
            )

    def row_fields(self) -> list[tuple[str, list[forms.BoundField]]]:
        """The dates, for the page: what the row is called, then date, start and end."""
        return [
            (self._row_name(number), [self[f"{name}_{number}"] for name in _ROW])
            for number in range(1, self.rows + 1)
        ]

    def _row_name(self, number: int) -> str:
        begun = number <= len(self.stored) and self.stored[number - 1].pk in self.begun
        return f"Date {number}, has begun and stays as it is" if begun else f"Date {number}"

    def clean_join_url(self) -> str:
        """Only a link that nobody on the way can read or change."""
        link = str(self.cleaned_data["join_url"])
        if link and not link.lower().startswith("https://"):
            raise forms.ValidationError("The join link must begin with https://.")
        return link

    def clean(self) -> dict[str, Any]:
        """The dates as sittings in order of time."""
        cleaned: dict[str, Any] = super().clean() or {}
        if self.session and cleaned.get("revision") != self.session.revision:
            typed = cast(QueryDict, self.data).copy()
            typed["revision"] = str(self.session.revision)
            self.data = typed
            self.add_error(
                None,
                "Somebody else has changed this session meanwhile. Check the dates and the place"
                " below, then go on.",
            )
        planned = [self._planned(number) for number in range(1, self.rows + 1)]
        if not any(name in self.errors for name in self._row_names()):
            try:
                sittings = [sitting for sitting in planned if sitting]
                self.planned = check_times(sittings, now=self.now, begun=self.begun)
            except BadTimes as refused:
                self.add_error("date_1", refused.sentence)
        return cleaned

    def _row_names(self) -> list[str]:
        rows = range(1, self.rows + 1)
        return [f"{name}_{row}" for row in rows for name in _ROW]

    def _planned(self, number: int) -> PlannedSitting | None:
        names = [f"{name}_{number}" for name in _ROW]
        if any(name in self.errors for name in names):
            return None
        values = [self.cleaned_data.get(name) for name in names]
        if not any(value is not None for value in values):
            return None
        for name, value, what in zip(
            names, values, ("the day", "the start", "the end"), strict=True
        ):
            if value is None:
                self.add_error(name, f"Date {number}: enter {what}, or clear the whole row.")
        on, start, end = values
        if not (isinstance(on, date) and isinstance(start, time) and isinstance(end, time)):
            return None
        try:
            starts_at = london_moment(datetime.combine(on, start))
            ends_at = london_moment(datetime.combine(on, end))
        except forms.ValidationError as error:
            self.add_error(names[1], error)
            return None
        if ends_at <= starts_at:
            self.add_error(names[2], f"Date {number}: it must end after it starts.")
            return None
        key = self.stored[number - 1].pk if number <= len(self.stored) else None
        return PlannedSitting(starts_at, ends_at, key)

    @property
    def arrangements(self) -> Arrangements:
        """What was typed, once valid: a venue only in person, a link only online."""
        is_online = self.cleaned_data["delivery"] == Session.Delivery.ONLINE
        return Arrangements(
            sittings=tuple(self.planned),
            delivery=self.cleaned_data["delivery"],
            venue=None if is_online else self.cleaned_data["venue"],
            join_url=self.cleaned_data["join_url"] if is_online else "",
            trainers=tuple(self.cleaned_data["trainers"]),
        )
