"""What came of a year: how many places and people, by agency and by course, to tell the board."""

from datetime import date, datetime
from typing import Any

from django.db.models import Count, Q, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import desk
from accounts.models import Sector
from booking.catalogue.models import Session
from booking.desk.questions import PeriodForm
from booking.places.models import Booking, BookingQuerySet
from booking.site.human_order import HumanOrder
from booking.site.spreadsheets import Cell, csv_file
from booking.site.wording import LONDON

_OUTCOME = Booking.Outcome
# What is counted of the places of sessions that are over, and what a table calls it.
_COUNTED = {
    "places": "Places",
    "came": "Came",
    "apologies": "Apologies",
    "absent": "Absent",
    "unknown": "No register",
    "people": "People who came",
}
_COUNTS: dict[str, Count] = {
    "places": Count("pk"),
    "came": Count("pk", filter=Q(outcome__in=Booking.CAME)),
    "apologies": Count("pk", filter=Q(outcome=_OUTCOME.APOLOGIES)),
    "absent": Count("pk", filter=Q(outcome=_OUTCOME.ABSENT)),
    "unknown": Count("pk", filter=Q(outcome="")),
    "people": Count("person", filter=Q(outcome__in=Booking.CAME), distinct=True),
}
_NO_AGENCY = "Agency not listed or not confirmed"


@desk()
def figures(request: HttpRequest) -> HttpResponse:
    """A period, a year as it stands: in all, by agency, by course. Costs four statements."""
    period, now = _period(request), timezone.now()
    held, places = _held(period, now=now), _places(period, now=now)
    context = {
        "period": period,
        "days": period.days,
        "sessions": held.aggregate(number=Count("pk"), capacity=Sum("capacity", default=0)),
        "in_all": places.aggregate(**_COUNTS),
        "agencies": _by_agency(places),
        "courses": _by_course(places),
    }
    return render(request, "desk/figures.html", context)


@desk()
def agencies_csv(request: HttpRequest) -> HttpResponse:
    """The figures by agency, as a table to download."""
    period = _period(request)
    rows = _by_agency(_places(period, now=timezone.now()))
    heading = ["Agency", "Sector", *_COUNTED.values()]
    return csv_file(_name("agencies", period), heading, [_cells(row) for row in rows])


@desk()
def courses_csv(request: HttpRequest) -> HttpResponse:
    """The figures by course, as a table to download."""
    period = _period(request)
    rows = _by_course(_places(period, now=timezone.now()))
    heading = ["Course", "Code", "Sessions", *_COUNTED.values()]
    return csv_file(_name("courses", period), heading, [_cells(row) for row in rows])


def _period(request: HttpRequest) -> PeriodForm:
    return PeriodForm.of_request(request, usual=_financial_year(timezone.now()))


def _financial_year(now: datetime) -> dict[str, date]:
    """From 1 April until today; partnerships report by it."""
    today = now.astimezone(LONDON).date()
    begins = date(today.year, 4, 1)
    return {
        "begins": begins if begins <= today else begins.replace(year=today.year - 1),
        "ends": today,
    }


def _held(period: PeriodForm, *, now: datetime) -> Any:
    """Sessions of the period that are over."""
    states = (Session.State.PUBLISHED, Session.State.COMPLETED)
    over = Session.objects.filter(state__in=states, ends_at__lte=now)
    return over.filter(starts_at__range=period.moments)


def _places(period: PeriodForm, *, now: datetime) -> BookingQuerySet:
    """The places that were kept to the end on these."""
    return Booking.objects.confirmed().filter(session__in=_held(period, now=now)).order_by()


def _by_agency(places: BookingQuerySet) -> list[dict[str, Any]]:
    rows: Any = places.values("agency__name", "agency__sector").annotate(**_COUNTS)
    return [
        {
            "name": row.pop("agency__name") or _NO_AGENCY,
            "about": Sector(sector).label if (sector := row.pop("agency__sector")) else "",
            **row,
        }
        for row in rows.order_by("-places", HumanOrder("agency__name"))
    ]


def _by_course(places: BookingQuerySet) -> list[dict[str, Any]]:
    title, code = "session__course__title", "session__course__code"
    rows: Any = places.values(title, code).annotate(
        sessions=Count("session", distinct=True), **_COUNTS
    )
    return [
        {"name": row.pop(title), "about": row.pop(code), **row}
        for row in rows.order_by("-places", HumanOrder(title))
    ]


def _cells(row: dict[str, Any]) -> list[Cell]:
    names = ("name", "about", "sessions", *_COUNTED)
    return [row[name] for name in names if name in row]


def _name(of_what: str, period: PeriodForm) -> str:
    first, last = period.days
    return f"{of_what}-{first}-{last}"
