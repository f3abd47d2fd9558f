"""My agency: a table of what colleagues have booked and been to, on screen and as CSV."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, TextField, Value
from django.db.models.functions import Concat
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import agency_of_lead, lead_page, looked_at
from accounts.agency_proof import people_who_say
from accounts.finding import Folded, words_of
from accounts.models import AccessRecord, Agency
from accounts.views import signed_in
from booking.places.models import Booking, BookingQuerySet
from booking.site.characters import fold
from booking.site.spreadsheets import Cell, csv_file
from booking.site.web import paged, search_text
from booking.site.wording import clock, short_day

State = Booking.State
_PER_PAGE = 50
_SAY_SO_SHOWN = 50
_HEADING = (
    *("Last name", "First name", "Job title", "Email", "Course", "Reference", "When", "Date"),
    *("Where", "Place"),
)

# What the table can show, by the name in its address: what it is called, which states, and
# whether of sessions that are over.
SHOWN = {
    "ahead": ("Ahead", Booking.LIVE, False),
    "booked": ("Booked", (State.CONFIRMED,), False),
    "open": ("Not certain or waiting", Booking.UNCERTAIN, False),
    "past": ("Past", (State.CONFIRMED,), True),
    "cancelled": ("Cancelled lately", (State.CANCELLED,), False),
}
_SORTED = {
    "session": ("session__starts_at", "session_id", "person__sort_name", "pk"),
    "person": ("person__sort_name", "person_id", "session__starts_at", "pk"),
}


@lead_page()
def agency(request: HttpRequest) -> HttpResponse:
    """What colleagues have booked, by session or by person, and who says they work here."""
    own, now = agency_of_lead(request), timezone.now()
    show, by, search = _asked(request)
    bookings = bookings_of_colleagues(own, show=show, by=by, search=search, now=now)
    shown = paged(request, bookings, per_page=_PER_PAGE)
    say_so = people_who_say(own)
    said = list(say_so[:_SAY_SO_SHOWN])
    rows = len(shown) + len(said)
    looked_at(own, by=signed_in(request), what="colleagues and their bookings", rows=rows)
    context = {
        "agency": own,
        "show": show,
        "filters": [(name, words) for name, (words, *_) in SHOWN.items()],
        "by": by,
        "search": search,
        "page_obj": shown,
        "say_so": said,
        "number_who_say_so": say_so.count(),
        "now": now,
    }
    return render(request, "places/agency/agency.html", context)


@lead_page(proof=True)
def agency_csv(request: HttpRequest) -> HttpResponse:
    """What the table shows as a spreadsheet, which leaves the site: after a proof of who asks."""
    own, now = agency_of_lead(request), timezone.now()
    show, by, search = _asked(request)
    rows = list(bookings_of_colleagues(own, show=show, by=by, search=search, now=now))
    looked_at(
        own,
        by=signed_in(request),
        what="colleagues and their bookings",
        rows=len(rows),
        form=AccessRecord.Form.CSV,
    )
    return csv_file(f"bookings-{now:%Y-%m-%d}", _HEADING, _cells(rows))


def _asked(request: HttpRequest) -> tuple[str, str, str]:
    show, by = request.GET.get("show", ""), request.GET.get("by", "")
    by = by if by in _SORTED else "session"
    return show if show in SHOWN else "ahead", by, search_text(request)


def bookings_of_colleagues(
    agency: Agency, *, show: str, by: str, search: str, now: datetime
) -> BookingQuerySet:
    """The bookings of an agency's people that the table shows.

    Of what is over: places that counted as the agency's own, so that nobody brings along what they
    did elsewhere. Every word of the search finds the colleague, or is in the course's title or the
    session's reference.
    """
    _, states, is_over = SHOWN[show]
    if is_over:
        bookings = Booking.objects.filter(
            agency=agency,
            person__agency=agency,
            person__agency_confirmed_at__isnull=False,
            session__ends_at__lte=now,
        )
    else:
        bookings = Booking.objects.of_agency(agency.pk, now=now)
    bookings = bookings.filter(state__in=states).with_session().with_position()
    bookings = bookings.with_who_has_it_instead()
    space = Value(" ")
    of_person = Concat(
        *("person__first_name", space, "person__last_name", space, "person__email"),
        output_field=TextField(),
    )
    bookings = bookings.alias(
        title=Folded("session__course__title"),
        reference=Folded("session__reference"),
        named=Folded(of_person),
    )
    for word in words_of(search):
        in_session = Q(title__contains=word) | Q(reference__contains=word)
        # The name of the agency is among the words of all its people.
        person = "named" if word in f" {fold(agency.name)} " else "person__words"
        bookings = bookings.filter(in_session | Q(**{f"{person}__contains": word}))
    found = bookings.order_by(*_SORTED[by])
    return found.reverse() if is_over and by == "session" else found


def _cells(bookings: Iterable[Booking]) -> Iterable[list[Cell]]:
    for booking in bookings:
        person, session = booking.person, booking.session
        yield [
            person.last_name,
            person.first_name,
            person.job_title,
            person.email_if_any,
            session.course.title,
            session.reference,
            f"{short_day(session.starts_at)}, {clock(session.starts_at)}",
            session.starts_at,
            session.where,
            booking.get_state_display(),
        ]
