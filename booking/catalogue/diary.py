"""Dates for the diary as coordinators keep them: awareness days and weeks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from django.db import IntegrityError, transaction
from django.db.models import Prefetch, QuerySet

from booking.catalogue.courses import EditRefused
from booking.catalogue.models import Course, DiaryDate


class DiaryDateTaken(EditRefused):
    """It is in the diary already."""

    sentence = "This title begins on this day already. Change that one, or choose another."


@dataclass(frozen=True, kw_only=True)
class DiaryPlan:
    """Everything about a date for the diary; `ends` is its last day."""

    title: str
    starts: date
    ends: date
    page: str
    courses: Sequence[Course]


def store_diary_date(*, diary_date: DiaryDate, plan: DiaryPlan) -> None:
    """Write it down as planned. Raises `DiaryDateTaken`."""
    diary_date.title, diary_date.page = " ".join(plan.title.split()), plan.page
    diary_date.starts, diary_date.ends = plan.starts, plan.ends
    try:
        with transaction.atomic():
            diary_date.save()
            diary_date.courses.set(plan.courses)
    except IntegrityError as error:
        raise DiaryDateTaken from error


def remove_diary_date(*, diary_date: DiaryDate) -> None:
    """Take it out of the diary: calendars that follow the feed lose it too."""
    diary_date.delete()


def with_courses(dates: QuerySet[DiaryDate]) -> QuerySet[DiaryDate]:
    """The same dates with the courses that pages name beside them, for one statement more."""
    return dates.prefetch_related(
        Prefetch("courses", queryset=Course.objects.only("code", "title"))
    )
