"""The people of a session on one list: where each stands, and what can be done about it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import Count, F, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from accounts.access import desk, looked_at
from accounts.models import AccessRecord, User
from accounts.views import signed_in
from booking.attendance.lists import HEADING, place_in_words, row, with_standing
from booking.catalogue.models import Session
from booking.desk.access_log import last_looks_at
from booking.desk.queries import managed_session
from booking.outbox.models import Message
from booking.places.models import Booking, BookingQuerySet
from booking.site.spreadsheets import Cell, csv_file
from booking.site.web import paged, search_text

State = Booking.State
_PER_PAGE = 50

# What the list can show, by the name in its address: what it is called, and which states.
SHOWN = {
    "all": ("Everybody now", Booking.LIVE),
    "booked": ("Booked", (State.CONFIRMED,)),
    "held": ("Held", (State.REQUESTED,)),
    "offered": ("Offered", (State.OFFERED,)),
    "waiting": ("Waiting", (State.WAITING,)),
    "ended": ("Ended", (State.DECLINED, State.LAPSED, State.WITHDRAWN, State.CANCELLED)),
}


@dataclass(frozen=True)
class Chosen:
    """The part of the list that an address asks for."""

    show: str
    search: str
    bookings: BookingQuerySet


@dataclass(frozen=True)
class OnList:
    """One booking, the words of where it stands, and the last mail to its person about it."""

    booking: Booking
    place: str
    mail: Message | None


@desk()
def people(request: HttpRequest, session_id: int) -> HttpResponse:
    """Everybody who has, had or waits for a place. The look is recorded."""
    session, now = managed_session(session_id), timezone.now()
    chosen = _chosen(request, session)
    shown = paged(request, chosen.bookings, per_page=_PER_PAGE)
    looked_at(session, by=signed_in(request), what="people of a session", rows=len(shown))
    states = session.bookings.order_by().values_list("state").annotate(number=Count("pk"))
    numbers = dict(states)
    context = {
        "session": session,
        "show": chosen.show,
        "search": chosen.search,
        "page_obj": shown,
        "rows": list(_rows(shown)),
        "filters": [
            (name, words, sum(numbers.get(state, 0) for state in of_states))
            for name, (words, of_states) in SHOWN.items()
        ],
        "can_act": session.starts_at > now,
        "looks": last_looks_at(session),
    }
    return render(request, "desk/sessions/people.html", context)


@desk(proof=True)
def people_csv(request: HttpRequest, session_id: int) -> HttpResponse:
    """What the list shows as a spreadsheet, with addresses: after a proof of who asks."""
    session = managed_session(session_id)
    rows = list(_rows(_chosen(request, session).bookings))
    looked_at(
        session,
        by=signed_in(request),
        what="people of a session",
        rows=len(rows),
        form=AccessRecord.Form.CSV,
    )
    heading = (*HEADING, "Email", "Phone", "Last mail", "Sent")
    return csv_file(f"people-{session.reference}", heading, map(_cells, rows))


def _chosen(request: HttpRequest, session: Session) -> Chosen:
    show = request.GET.get("show", "")
    show = show if show in SHOWN else "all"
    search = search_text(request)
    bookings = session.bookings.filter(state__in=SHOWN[show][1]).with_position()
    bookings = bookings.with_who_has_it_instead()
    if search:
        bookings = bookings.filter(person__in=User.objects.found_by(search))
    bookings = with_standing(bookings)
    order = ("ticket",) if show == "waiting" else ("person__sort_name", "pk")
    return Chosen(show, search, bookings.order_by(*order))


def _rows(bookings: Iterable[Booking]) -> Iterator[OnList]:
    """Costs one statement for the mail of them all."""
    shown = list(bookings)
    to_them = Message.objects.filter(
        Q(recipient=F("booking__person")), booking__in=[each.pk for each in shown]
    )
    last = to_them.with_doubts().order_by("booking_id", "-pk").distinct("booking_id")
    mail = {message.booking_id: message for message in last.defer("mime", "payload")}
    for booking in shown:
        number = booking.position if booking.state == State.WAITING else 0  # type: ignore[attr-defined]
        yield OnList(booking, place_in_words(booking, number), mail.get(booking.pk))


def _mail_state(mail: Message) -> str:
    """Where a mail is, in words."""
    if mail.may_have_come_back:  # type: ignore[attr-defined]
        return "May have come back"
    return "Came back" if mail.came_back else mail.get_state_display()


def _cells(shown: OnList) -> list[Cell]:
    person, mail = shown.booking.person, shown.mail
    state = _mail_state(mail) if mail else ""
    sent = (mail.sent_at if mail else None) or ""
    return [*row(shown.booking, shown.place), person.email_if_any, person.phone, state, sent]
