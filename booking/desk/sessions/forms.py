"""What coordinators are asked about a session. Times typed are those of Europe/London."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from django import forms
from django.core.validators import RegexValidator

from booking.catalogue import policies
from booking.catalogue.bounds import REFERENCE
from booking.catalogue.models import Course, Session
from booking.desk import questions
from booking.desk.sessions.arrangements import AboutSession, ArrangementsForm
from booking.places.refusals import ReservedPlaces
from booking.scheduling import drafting
from booking.scheduling.cancelling import NextDates
from booking.scheduling.capacity import usual_reservations
from booking.site.form_kit import DatesField, Form, MomentField, whole_number_field
from booking.site.wording import LONDON, counted
from booking.site.working_days import after_working_days

_ANSWER_DAYS = 5


class DetailsForm(AboutSession):
    """What may change at any time; of joining instructions people with a place are told."""

    promotion = questions.promotion_field()
    offer_hours = questions.offer_hours_field()
    booking_opens_at = MomentField(
        label="Booking opens (optional)",
        required=False,
        help_text="Left empty, it is open as soon as the session is published.",
        error_messages={"invalid": "Booking opens: enter a date and time."},
    )
    booking_closes_at = MomentField(
        label="Booking closes (optional)",
        required=False,
        help_text="Left empty, it closes when the session starts, or as the settings say.",
        error_messages={"invalid": "Booking closes: enter a date and time."},
    )
    policy = questions.policy_field(
        help_text="People who have booked keep the rules that they were promised."
    )
    minimum = questions.places_field(
        "Fewest people (optional)",
        required=False,
        help_text="If fewer have a place when the day comes, you are asked whether it goes ahead.",
    )
    decide_on = questions.day_field(
        "Day to decide whether it goes ahead (optional)", called="Day to decide"
    )
    joining_instructions = questions.text_field(
        "Joining instructions (optional)",
        help_text="Sent with confirmations and reminders: what to bring, where to park, whom to ask"
        " for.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        beside = questions.policies_beside(self.initial["policy"])
        self.fields["policy"].queryset = beside  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Booking opens before it closes, and both before the start."""
        cleaned: dict[str, Any] = super().clean() or {}
        opens, closes = cleaned.get("booking_opens_at"), cleaned.get("booking_closes_at")
        if opens and closes and closes <= opens:
            self.add_error("booking_closes_at", "Booking must close after it opens.")
        starts = self.begins_at()
        if opens and starts and opens >= starts:
            self.add_error("booking_opens_at", "Booking must open before the session starts.")
        if closes and starts and closes > starts:
            self.add_error("booking_closes_at", "Booking cannot close after the session starts.")
        self._check_minimum(cleaned, starts)
        return cleaned

    def begins_at(self) -> datetime | None:
        """When the session would start, as far as that is known."""
        return self.session.starts_at if self.session else None

    def _check_minimum(self, cleaned: dict[str, Any], starts: datetime | None) -> None:
        fewest, on = cleaned.get("minimum"), cleaned.get("decide_on")
        capacity = cleaned.get("capacity") or (self.session.capacity if self.session else None)
        if fewest and capacity and fewest > capacity:
            self.add_error("minimum", f"Fewest people: there are only {capacity} places in all.")
        if fewest and not on and "decide_on" not in self.errors:
            self.add_error(
                "decide_on", "Enter the day to decide, or leave the fewest people empty."
            )
        if on and not fewest and "minimum" not in self.errors:
            self.add_error("minimum", "Enter the fewest people, or leave the day to decide empty.")
        if on and starts and on >= starts.astimezone(LONDON).date():
            self.add_error("decide_on", "The day to decide must come before the session starts.")

    @property
    def details(self) -> drafting.Details:
        """What was typed, once valid."""
        typed = {name: self.cleaned_data[name] for name in drafting.DETAIL_FIELDS}
        return drafting.Details(**typed)


class SessionForm(DetailsForm, ArrangementsForm):
    """A whole session of one course: new, or a draft being edited."""

    reference = forms.CharField(
        max_length=30,
        help_text="Short and unique: it stands in lists, mail and spreadsheets.",
        validators=[
            RegexValidator(
                rf"\A{REFERENCE}\Z",
                "Use letters, figures, dots, hyphens and slashes in the reference, no spaces.",
            )
        ],
        widget=forms.TextInput(attrs={"class": "govuk-input--width-10", "spellcheck": "false"}),
    )
    capacity = questions.places_field("Places")
    agency_limit = questions.agency_limit_field(
        help_text="Whoever comes after them waits. A new session has reserved what is usual for the"
        " course; you can change it once it is saved."
    )

    def __init__(self, *args: Any, course: Course, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.course = course
        self.reserved = None if self.session else usual_reservations(course)
        if self.session:
            closes = self.initial["booking_closes_at"]
            if closes == policies.usual_closing(self.session.starts_at):
                # It moves with the date.
                self.initial["booking_closes_at"] = None
        else:
            self.initial.update(
                {
                    "reference": drafting.suggested_reference(course),
                    "capacity": course.usual_capacity,
                    "agency_limit": course.usual_agency_limit,
                    "policy": policies.newest(course.usual_policy),
                    "promotion": course.usual_promotion,
                    "offer_hours": course.usual_offer_hours,
                    "minimum": course.usual_minimum,
                }
            )

    def begins_at(self) -> datetime | None:
        """The start that is typed, or else stored."""
        return self.planned[0].starts_at if self.planned else super().begins_at()

    def clean_reference(self) -> str:
        """No two sessions have the same."""
        reference = str(self.cleaned_data["reference"])
        same = Session.objects.filter(reference__iexact=reference)
        if self.session:
            same = same.exclude(pk=self.session.pk)
        if same.exists():
            raise forms.ValidationError(drafting.ReferenceTaken.sentence)
        return reference

    def clean(self) -> dict[str, Any]:
        """One agency cannot have more places than there are."""
        cleaned = super().clean()
        limit, capacity = cleaned.get("agency_limit"), cleaned.get("capacity")
        if limit and capacity and limit > capacity:
            self.add_error("agency_limit", f"There are only {capacity} places in all.")
        places = sum(each.places for each in self.reserved or ())
        if capacity and places > capacity:
            refused = ReservedPlaces(wanted=capacity, taken=0, reserved=places)
            self.add_error("capacity", refused.sentence)
        return cleaned

    def _check_minimum(self, cleaned: dict[str, Any], starts: datetime | None) -> None:
        """The day to decide of a new session is as is usual for the course, if none is typed."""
        typed = cleaned.get("decide_on") or "decide_on" in self.errors
        if cleaned.get("minimum") and starts and not self.session and not typed:
            usual = drafting.usual_details(self.course, starts_at=starts, now=self.now)
            cleaned["decide_on"] = usual.decide_on
        super()._check_minimum(cleaned, starts)

    @property
    def details(self) -> drafting.Details:
        """What was typed, once valid; without a moment of its own booking closes as is usual."""
        details = super().details
        if details.booking_closes_at is not None:
            return details
        closes = policies.closes_at(self.planned[0].starts_at, now=self.now)
        return replace(details, booking_closes_at=closes)

    @property
    def plan(self) -> drafting.Plan:
        """What was typed, once valid."""
        return drafting.Plan(
            reference=self.cleaned_data["reference"],
            held=self.arrangements,
            capacity=self.cleaned_data["capacity"],
            agency_limit=self.cleaned_data["agency_limit"],
            details=self.details,
            reserved=self.reserved,
        )


class CapacityForm(Form):
    """How many places there are, and why."""

    capacity = questions.places_field("Places")
    why = forms.CharField(
        label="Reason (optional)",
        help_text="Kept in the session’s history. Nobody is sent it.",
        max_length=questions.REASON_LENGTH,
        required=False,
    )


class ReasonForm(Form):
    """A reason that people are told, so it cannot be left out."""

    why = questions.reason_field()


class CancelSessionForm(ReasonForm):
    """Why a session is called off, and which other dates are offered to those who had a place."""

    next_dates = DatesField(
        label="Offer another date to those who had a place (optional)",
        queryset=Session.objects.none(),
        required=False,
        widget=questions.small_boxes(),
        help_text="They are put in line there before newcomers, the longest booked first, and must"
        " accept. If you choose several dates, the first is filled first.",
        error_messages={"invalid_choice": "Choose dates from the list."},
    )
    answer_days = whole_number_field(
        "Working days they have to accept",
        1,
        30,
        required=False,
        initial=_ANSWER_DAYS,
        help_text="Until then nobody who comes later gets those places.",
    )

    def __init__(self, *args: Any, session: Session, now: datetime, **kwargs: Any) -> None:
        self.now = now
        super().__init__(*args, **kwargs)
        ahead = Session.objects.upcoming(now=now).filter(course=session.course_id)
        others = ahead.exclude(pk=session.pk).select_related("venue")
        self.fields["next_dates"].queryset = others  # type: ignore[attr-defined]

    @property
    def instead(self) -> NextDates | None:
        """The dates chosen, once valid, the soonest first; nothing if none was."""
        dates = list(self.cleaned_data["next_dates"])
        if not dates:
            return None
        days = self.cleaned_data["answer_days"] or _ANSWER_DAYS
        return NextDates(dates, until=after_working_days(self.now, days))


class MoveUpForm(Form):
    """Where somebody on the waiting list is put, further forward than now, and why."""

    why = questions.reason_field(
        help_text="The people who are passed over read it on their booking, so name nobody."
    )

    def __init__(self, *args: Any, stands_at: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        last = max(stands_at - 1, 1)
        position = whole_number_field("New position", 1, last, help_text="1 is next.")
        self.fields = {"position": position, **self.fields}


class OpeningForm(Form):
    """For how many working days those who asked come first; left empty, it is open to all."""

    asked_for = "a date of this course"
    first_days = whole_number_field(
        "Working days in which they come first (optional)", 1, drafting.LONGEST, required=False
    )

    def __init__(self, *args: Any, asked: int, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.asked = asked
        people = counted(asked, "person has", "people have")
        self.fields["first_days"].help_text = (
            f"{people} asked for {self.asked_for}. They are offered the places in the order in"
            " which they asked, and have until then to accept; others join the line behind them."
            " Left empty, booking is open to everybody at once, and those who want to hear of new"
            " dates are told by email."
        )
