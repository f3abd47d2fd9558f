"""What coordinators are asked about a session. Times typed are those of Europe/London."""

from datetime import date, datetime, time
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.db.models import Q
from django.http import QueryDict

from accounts.models import User
from booking.catalogue import editing
from booking.catalogue.models import Course, Session, Venue
from booking.catalogue.policies import CancellationPolicy
from booking.places.changes import Arrangements, BadTimes, PlannedSitting, check_times
from booking.places.manage_fields import (
    MomentField,
    TrainersField,
    london_moment,
    whole_number,
)
from booking.wording import LONDON

SITTINGS = 4
_MOST_PLACES = 5000
_TEXT_LENGTH = 4000
REASON_LENGTH = 500


class _AboutSession(forms.Form):
    """What the forms below share: the stored session, if there is one, and the moment."""

    def __init__(self, *args: Any, session: Session | None = None, now: datetime, **kwargs: Any):
        self.session, self.now = session, now
        super().__init__(*args, **kwargs)


class ArrangementsForm(_AboutSession):
    """When and how a session is held.

    Row n of the dates stands for the stored sitting n; `revision` says of which version.
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
        error_messages={"invalid_choice": "Choose a venue from the list."},
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

    def __init__(self, *args: Any, session: Session | None = None, now: datetime, **kwargs: Any):
        self.stored = list(session.sittings.all()) if session else []
        self.planned: list[PlannedSitting] = []
        initial = dict(kwargs.pop("initial", None) or {})
        if session:
            initial = {
                "revision": session.revision,
                "delivery": session.delivery,
                "venue": session.venue_id,
                "join_url": session.join_url,
                **initial,
            }
        self.rows = max(SITTINGS, len(self.stored))
        super().__init__(*args, session=session, now=now, initial=initial, **kwargs)
        for number in range(1, self.rows + 1):
            self._add_row(number)

    def _add_row(self, number: int) -> None:
        stored = self.stored[number - 1] if number <= len(self.stored) else None
        starts = stored.starts_at.astimezone(LONDON) if stored else None
        ends = stored.ends_at.astimezone(LONDON) if stored else None
        self.fields[f"date_{number}"] = forms.DateField(
            label="Date",
            required=False,
            initial=starts.date() if starts else None,
            input_formats=["%Y-%m-%d", "%d/%m/%Y"],
            widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
            error_messages={"invalid": f"Date {number}: enter a real date."},
        )
        for name, label, at in (("start", "Starts", starts), ("end", "Ends", ends)):
            self.fields[f"{name}_{number}"] = forms.TimeField(
                label=label,
                required=False,
                initial=at.time() if at else None,
                input_formats=["%H:%M", "%H:%M:%S", "%H.%M"],
                widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
                error_messages={"invalid": f"Date {number}: enter a time such as 09:30."},
            )

    def row_fields(self) -> list[tuple[int, list[forms.BoundField]]]:
        """The dates, for the page: number, then date, start and end."""
        return [
            (number, [self[f"{name}_{number}"] for name in ("date", "start", "end")])
            for number in range(1, self.rows + 1)
        ]

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
                self.planned = check_times(sittings, now=self.now)
            except BadTimes as refused:
                self.add_error("date_1", refused.sentence)
        return cleaned

    def _row_names(self) -> list[str]:
        rows = range(1, self.rows + 1)
        return [f"{name}_{row}" for row in rows for name in ("date", "start", "end")]

    def _planned(self, number: int) -> PlannedSitting | None:
        names = [f"{name}_{number}" for name in ("date", "start", "end")]
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
        )


class DetailsForm(_AboutSession):
    """What may change at any time, because nobody is told of it."""

    trainers = TrainersField(
        queryset=User.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "govuk-checkboxes--small"}),
        error_messages={"invalid_choice": "Choose trainers from the list."},
    )
    promotion = forms.ChoiceField(
        label="When a place comes free",
        choices=Session.Promotion.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Say what happens when a place comes free."},
    )
    offer_hours = whole_number("Working hours an offered place is held", 1, 200)
    booking_opens_at = MomentField(
        label="Booking opens (optional)",
        required=False,
        help_text="Left empty, it is open as soon as the session is published.",
        error_messages={"invalid": "Booking opens: enter a date and time."},
    )
    booking_closes_at = MomentField(
        label="Booking closes (optional)",
        required=False,
        help_text="Left empty, it closes when the session starts.",
        error_messages={"invalid": "Booking closes: enter a date and time."},
    )
    policy = forms.ModelChoiceField(
        label="Rules of cancelling",
        queryset=CancellationPolicy.objects.none(),
        required=False,
        empty_label="Free until the session starts",
        help_text="People who have booked keep the rules that they were promised.",
        error_messages={"invalid_choice": "Choose one of the rules of cancelling."},
    )
    joining_instructions = forms.CharField(
        label="Joining instructions (optional)",
        required=False,
        max_length=_TEXT_LENGTH,
        help_text="Sent with confirmations and reminders: what to bring, where to park, whom to ask"
        " for.",
        widget=forms.Textarea(attrs={"rows": 6}),
        error_messages={"max_length": f"Use {_TEXT_LENGTH:,} characters or fewer."},
    )

    def __init__(self, *args: Any, session: Session | None = None, now: datetime, **kwargs: Any):
        initial = dict(kwargs.pop("initial", None) or {})
        source = session or Session()
        for name in editing.DETAIL_FIELDS:
            initial.setdefault(name, getattr(source, name))
        could_lead = Q(is_trainer=True, is_active=True)
        if session:
            initial.setdefault("trainers", [person.pk for person in session.trainers.all()])
            could_lead |= Q(pk__in=initial["trainers"])
        super().__init__(*args, session=session, now=now, initial=initial, **kwargs)
        people = User.objects.filter(could_lead).select_related("agency")
        self.fields["trainers"].queryset = people.order_by(  # type: ignore[attr-defined]
            "last_name", "first_name", "pk"
        )
        policies = CancellationPolicy.objects.current()
        if source.policy_id:
            policies |= CancellationPolicy.objects.filter(pk=source.policy_id)
        self.fields["policy"].queryset = policies  # type: ignore[attr-defined]
        self.starts_at = session.starts_at if session else None

    def clean(self) -> dict[str, Any]:
        """Booking opens before it closes, and both before the start."""
        cleaned: dict[str, Any] = super().clean() or {}
        opens, closes = cleaned.get("booking_opens_at"), cleaned.get("booking_closes_at")
        if opens and closes and closes <= opens:
            self.add_error("booking_closes_at", "Booking must close after it opens.")
        planned = getattr(self, "planned", None)
        starts = planned[0].starts_at if planned else self.starts_at
        if opens and starts and opens >= starts:
            self.add_error("booking_opens_at", "Booking must open before the session starts.")
        if closes and starts and closes > starts:
            self.add_error("booking_closes_at", "Booking cannot close after the session starts.")
        return cleaned

    @property
    def details(self) -> editing.Details:
        """What was typed, once valid."""
        typed = {name: self.cleaned_data[name] for name in editing.DETAIL_FIELDS}
        return editing.Details(trainers=list(self.cleaned_data["trainers"]), **typed)


class SessionForm(DetailsForm, ArrangementsForm):
    """A whole session of one course: new, or a draft being edited."""

    reference = forms.CharField(
        max_length=30,
        help_text="Short and unique: it stands in lists, mail and spreadsheets.",
        validators=[
            RegexValidator(
                r"\A[A-Za-z0-9][A-Za-z0-9._/-]*\Z",
                "Use letters, figures, dots, hyphens and slashes in the reference, no spaces.",
            )
        ],
        widget=forms.TextInput(attrs={"class": "govuk-input--width-10", "spellcheck": "false"}),
        error_messages={
            "required": "Enter a reference.",
            "max_length": "Use 30 characters or fewer for the reference.",
        },
    )
    capacity = whole_number("Places", 1, _MOST_PLACES)
    agency_limit = whole_number(
        "Most places for one agency (optional)",
        1,
        _MOST_PLACES,
        required=False,
        help_text="Kept with the session; bookings are not held to it yet.",
    )

    def __init__(
        self,
        *args: Any,
        course: Course,
        session: Session | None = None,
        now: datetime,
        **kwargs: Any,
    ) -> None:
        initial: dict[str, Any]
        if session:
            initial = {
                "reference": session.reference,
                "capacity": session.capacity,
                "agency_limit": session.agency_limit,
            }
        else:
            initial = {
                "reference": editing.suggested_reference(course),
                "capacity": course.usual_capacity,
                "agency_limit": course.usual_agency_limit,
                "delivery": Session.Delivery.IN_PERSON,
            }
        super().__init__(*args, session=session, now=now, initial=initial, **kwargs)

    def clean_reference(self) -> str:
        """No two sessions have the same."""
        reference = str(self.cleaned_data["reference"])
        same = Session.objects.filter(reference__iexact=reference)
        if self.session:
            same = same.exclude(pk=self.session.pk)
        if same.exists():
            raise forms.ValidationError(editing.ReferenceTaken.sentence)
        return reference

    def clean(self) -> dict[str, Any]:
        """One agency cannot have more places than there are."""
        cleaned = super().clean()
        limit, capacity = cleaned.get("agency_limit"), cleaned.get("capacity")
        if limit and capacity and limit > capacity:
            self.add_error("agency_limit", f"There are only {capacity} places in all.")
        return cleaned

    @property
    def plan(self) -> editing.Plan:
        """What was typed, once valid."""
        held = self.arrangements
        return editing.Plan(
            reference=self.cleaned_data["reference"],
            sittings=[(each.starts_at, each.ends_at) for each in held.sittings],
            delivery=held.delivery,
            venue=held.venue,
            join_url=held.join_url,
            capacity=self.cleaned_data["capacity"],
            agency_limit=self.cleaned_data["agency_limit"],
            details=self.details,
        )


class CapacityForm(forms.Form):
    """How many places there are."""

    capacity = whole_number("Places", 1, _MOST_PLACES)


class ReasonForm(forms.Form):
    """A reason that people are told, so it cannot be left out."""

    why = forms.CharField(
        label="Reason",
        max_length=REASON_LENGTH,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={
            "required": "Enter a reason.",
            "max_length": f"Use {REASON_LENGTH} characters or fewer.",
        },
    )
