"""Who gets the places of a session: its limit, what is reserved, and who waits.

Rows are added and removed without JavaScript: the page comes back with what was typed so far.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.models import Agency, Sector
from accounts.views import signed_in
from booking.catalogue.bounds import MOST_PLACES, MOST_RELEASE_DAYS
from booking.catalogue.models import Course, Reserved, Session
from booking.desk import queries
from booking.desk.queries import managed_session
from booking.desk.questions import RowsForm, agency_limit_field
from booking.desk.sessions.forms import MoveUpForm
from booking.places.changing import exchanges
from booking.places.lock import read_session
from booking.places.models import Booking
from booking.places.pages.loaders import booking_for
from booking.places.refusals import LimitTooLow, NotWaiting, PlaceRefused
from booking.places.rules.line import why_each_waits
from booking.scheduling import capacity
from booking.scheduling.capacity import Reservation
from booking.site.form_kit import whole_number_field
from booking.site.web import done, page, paged, posted, refusals_shown
from booking.site.wording import counted
from booking.site.working_days import end_of_working_day_before

_SECTORS = [(f"sector:{value}", label) for value, label in Sector.choices]
_USUAL_RELEASE_DAYS = 5
_PEOPLE_PER_PAGE = 50


class LimitsForm(RowsForm):
    """The most places for one agency, and one row for each reservation."""

    in_row = ("whom", "places", "days")
    agency_limit = agency_limit_field(
        help_text="Left empty, an agency may have as many as there are."
    )

    def __init__(self, *args: Any, about: Session | Course, rows: int, **kwargs: Any) -> None:
        self.about, self.rows = about, rows
        super().__init__(*args, **kwargs)
        self._agencies = {str(agency.pk): agency for agency in Agency.objects.all()}
        for number in self.numbers:
            self._add_row(number)

    def _add_row(self, number: int) -> None:
        row = self.row_name(number)
        agencies = [(f"agency:{key}", agency.name) for key, agency in self._agencies.items()]
        self.fields[f"whom_{number}"] = forms.ChoiceField(
            label="For",
            choices=[("", "Choose"), ("A sector", _SECTORS), ("An agency", agencies)],
            required=False,
            error_messages={"invalid_choice": f"{row}: choose from the list."},
        )
        for name, label, most in (
            ("places", "Places", MOST_PLACES),
            ("days", "Released, working days before", MOST_RELEASE_DAYS),
        ):
            field = whole_number_field(f"{row}, {label.lower()}", 1, most, required=False)
            field.label = label
            self.fields[f"{name}_{number}"] = field

    @classmethod
    def as_stored(cls, *, about: Session | Course) -> Self:  # type: ignore[override]
        """The form as the session, or what a course's new ones begin with, stands.

        There is an empty row if nothing is reserved yet.
        """
        if isinstance(about, Session):
            reserved: Iterable[Reserved] = about.allocations.all()
            limit = about.agency_limit
        else:
            reserved, limit = about.usual_allocations.all(), about.usual_agency_limit
        rows = [
            {
                "whom": f"agency:{each.agency_id}" if each.agency_id else f"sector:{each.sector}",
                "places": each.places,
                "days": each.release_days,
            }
            for each in reserved
        ]
        return cls._with_rows(rows or [{}], {"agency_limit": limit}, about=about)

    def reserved_rows(self) -> list[tuple[int, list[forms.BoundField], datetime | None]]:
        """For the page: number, fields, and when the row's places would be released."""
        rows = zip(self.numbers, self.row_fields(), strict=True)
        return [(number, fields, self._released(number)) for number, (_, fields) in rows]

    def _released(self, number: int) -> datetime | None:
        if isinstance(self.about, Course):
            return None
        typed = str(self[f"days_{number}"].value() or _USUAL_RELEASE_DAYS).strip()
        if not self[f"whom_{number}"].value() or not typed.isdecimal() or len(typed) > 3:
            return None
        if not 1 <= int(typed) <= MOST_RELEASE_DAYS:
            return None
        return end_of_working_day_before(self.about.starts_at, int(typed))

    def clean(self) -> dict[str, Any]:
        """Each row is whole or empty, and nobody has two."""
        cleaned: dict[str, Any] = super().clean() or {}
        about = self.about
        capacity = about.capacity if isinstance(about, Session) else about.usual_capacity
        limit = cleaned.get("agency_limit")
        if limit and limit > capacity:
            self.add_error("agency_limit", f"There are only {capacity} places in all.")
        seen: set[str] = set()
        for number in self.numbers:
            whom, places, _ = self.typed_in(number)
            if whom and whom in seen:
                self.add_error(f"whom_{number}", f"Row {number}: this one has a row already.")
            if whom and not places and f"places_{number}" not in self.errors:
                self.add_error(f"places_{number}", f"Row {number}: enter how many places.")
            if places and not whom and f"whom_{number}" not in self.errors:
                self.add_error(f"whom_{number}", f"Row {number}: choose for whom, or remove it.")
            seen.add(whom or "")
        if isinstance(self.about, Course):
            reserved = sum(self.typed_in(number)[1] or 0 for number in self.numbers)
            if reserved > capacity:
                self.add_error(None, f"{reserved} are reserved, of {capacity} places in all.")
        return cleaned

    @property
    def reservations(self) -> list[Reservation]:
        """What was typed, once valid; rows left empty are left out."""
        rows = [self.typed_in(number) for number in self.numbers]
        return [self._reservation(*row) for row in rows if row[0]]

    def _reservation(self, whom: str, places: int, days: int | None) -> Reservation:
        kind, _, key = whom.partition(":")
        return Reservation(
            places=places,
            sector=key if kind == "sector" else "",
            agency=self._agencies[key] if kind == "agency" else None,
            release_days=_USUAL_RELEASE_DAYS if days is None else days,
        )


@desk(post=60)
def who_gets_places(request: HttpRequest, session_id: int) -> HttpResponse:
    """Show, add and remove rows, then store all of them at once."""
    session = managed_session(session_id)
    form = LimitsForm.of_request(request, about=session)
    if form.is_valid():
        try:
            given = capacity.change_limits(
                session=session,
                agency_limit=form.cleaned_data["agency_limit"],
                reservations=form.reservations,
                by=signed_in(request),
                now=timezone.now(),
            )
        except PlaceRefused as refused:
            field = "agency_limit" if isinstance(refused, LimitTooLow) else None
            form.add_error(field, refused.sentence)
        else:
            more = f" {given_words(session, given)}" if given else ""
            return done(request, f"Saved.{more}", "manage_session_limits", session.pk)
    context = {
        "session": session,
        "form": form,
        "holders": queries.places_by_agency(session),
        "now": timezone.now(),
    }
    return page(request, "desk/sessions/limits.html", context)


@desk(post=60)
def who_gets_new_places(request: HttpRequest, course_id: int) -> HttpResponse:
    """As `who_gets_places`, of what new sessions of a course begin with."""
    course = get_object_or_404(Course, pk=course_id)
    form = LimitsForm.of_request(request, about=course)
    if form.is_valid():
        limit = form.cleaned_data["agency_limit"]
        capacity.set_usual_limits(course=course, agency_limit=limit, reservations=form.reservations)
        return done(request, "Saved. Sessions that exist keep theirs.", "manage_course", course.pk)
    context = {"course": course, "form": form}
    return page(request, "desk/sessions/limits.html", context)


def given_words(session: Session, given: int) -> str:
    """What became of so many people who waited: "2 people were given a place."."""
    verb = "offered" if session.promotion == Session.Promotion.OFFER else "given"
    return f"{counted(given, 'person was', 'people were')} {verb} a place."


@desk()
def waiting(request: HttpRequest, session_id: int) -> HttpResponse:
    """The waiting list in order, and what holds each of them."""
    session = managed_session(session_id)
    line = Booking.objects.waiting().for_session(session)
    people = line.select_related("person", "agency", "approval")
    shown = paged(request, people, per_page=_PEOPLE_PER_PAGE)
    some = list(shown.object_list)
    looked_at(session, by=signed_in(request), what="waiting list", rows=len(some))
    rows = why_each_waits(read_session(session.pk), some, now=timezone.now())
    context = {
        "session": session,
        "page_obj": shown,
        "rows": [
            (position, booking, reason)
            for position, (booking, reason) in enumerate(rows, start=shown.start_index())
        ],
        "lately": queries.happenings(session, of_line=True),
    }
    return page(request, "desk/sessions/waiting.html", context)


@desk(post=60)
def move_up(request: HttpRequest, booking_id: int) -> HttpResponse:
    """Put somebody further forward, for a reason that those passed over will read."""
    booking = booking_for(signed_in(request), booking_id)
    is_waiting = booking.state == Booking.State.WAITING
    position = booking.waiting_position if is_waiting else 0
    form = MoveUpForm(posted(request), stands_at=position)
    context = {
        "booking": booking,
        "session": booking.session,
        "position": position,
        "form": form,
        "refusal": None if is_waiting else NotWaiting(),
        "lately": [
            queries.Happening([event])
            for event in booking.events.select_related("booking__person", "by")
        ],
    }
    if form.is_valid() and is_waiting:
        by, now = signed_in(request), timezone.now()
        with refusals_shown(context):
            exchanges.move_up(booking=booking, by=by, now=now, **form.cleaned_data)
            words = f"{booking.person} is moved up the waiting list."
            return done(request, words, "manage_session_waiting", booking.session_id)
    return page(request, "desk/sessions/move_up.html", context)
