"""The training record: what a person has done here and elsewhere, to be shown or printed."""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import signed_in_page
from accounts.models import User
from accounts.views import signed_in
from booking.catalogue.models import Course
from booking.learning.models import PriorLearning
from booking.partnership.kept import the_partnership
from booking.places.models import Booking
from booking.site.wording import LONDON


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """A course that counts as done: on its last date, given by whom, and whether it was checked.

    `due` is the day on which the course asks for it again, if nothing later of it was done.
    """

    course: Course
    on: date
    given_by: str
    is_checked: bool
    due: date | None


@signed_in_page()
def training_record(request: HttpRequest) -> HttpResponse:
    """Everything that counts as done, the newest first."""
    person, now = signed_in(request), timezone.now()
    context = {"rows": learnt_by(person, now=now), "now": now}
    return render(request, "programme/record.html", context)


def learnt_by(person: User, *, now: datetime) -> list[Learnt]:
    """What counts as done, as it does for courses that build on others. Costs two statements."""
    rows = sorted(_rows(person, now=now), key=lambda row: row.course.title)
    rows.sort(key=lambda row: row.on, reverse=True)
    newest = {row.course.pk: row for row in reversed(rows)}
    return [row if row is newest[row.course.pk] else replace(row, due=None) for row in rows]


def _rows(person: User, *, now: datetime) -> Iterator[Learnt]:
    done = Booking.objects.for_person(person).counting_as_done(now=now)
    for booking in done.select_related("session__course").defer("session__course__search"):
        session = booking.session
        yield _learnt(
            session.course,
            on=session.ends_at.astimezone(LONDON).date(),
            given_by=the_partnership().name,
            is_checked=booking.outcome == Booking.Outcome.ATTENDED,
        )
    declared = PriorLearning.objects.filter(person=person).select_related("course")
    counting = declared.exclude(state=PriorLearning.State.REJECTED)
    for each in counting.defer("course__search"):
        yield _learnt(
            each.course,
            on=each.completed_on,
            given_by=each.provider,
            is_checked=each.state == PriorLearning.State.VERIFIED,
        )


def _learnt(course: Course, *, on: date, given_by: str, is_checked: bool) -> Learnt:
    due = months_after(on, course.renew_months) if course.renew_months else None
    return Learnt(course=course, on=on, given_by=given_by, is_checked=is_checked, due=due)


def months_after(on: date, months: int) -> date:
    """The same day so many months later, or the last day of a month that is shorter."""
    years, month = divmod(on.month - 1 + months, 12)
    year, month = on.year + years, month + 1
    return date(year, month, min(on.day, monthrange(year, month)[1]))
