"""How many SQL statements each page and action costs, with little data and with much."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.cache import caches
from django.test import Client
from django.urls import reverse

from accounts.models import User
from booking.catalogue.models import Session
from booking.partnership import kept
from tests.load import crowd
from tests.load.counting import Counting
from tests.load.report import Line, Target


@dataclass(frozen=True)
class Busy:
    """How much hangs on the one person and the one session that are looked at."""

    bookings: int
    attendees: int
    waiting: int


FEW = Busy(bookings=2, attendees=3, waiting=2)
MANY = Busy(bookings=60, attendees=200, waiting=60)

Counts = Mapping[str, Counting]


def count(busy: Busy) -> dict[str, Counting]:
    """What each page and action costs now."""
    people = list(User.objects.order_by("pk")[: busy.attendees + busy.waiting + 10])
    reader, coordinator, newcomer, latecomer, *others = people
    User.objects.filter(pk=coordinator.pk).update(is_coordinator=True)
    session = crowd.add_session(capacity=busy.attendees + 20, days_ahead=500)
    full = crowd.add_session(capacity=busy.attendees, days_ahead=501)
    attendees = [each.pk for each in others[: busy.attendees]]
    waiting = [each.pk for each in others[busy.attendees :][: busy.waiting]]
    for each in (session, full):
        crowd.add_bookings(pairs(attendees, [each.pk]))
    crowd.add_bookings(pairs(waiting, [full.pk]), state="waiting")
    upcoming = Session.objects.filter(reference__startswith="U").order_by("starts_at", "pk")
    booked = list(upcoming.values_list("pk", flat=True)[: busy.bookings])
    crowd.add_bookings(pairs([reader.pk], booked))

    anonymous = Client()
    mine, theirs, new, late = (
        signed_in(person) for person in (reader, coordinator, newcomer, latecomer)
    )
    return {
        "start page": counted_get(anonymous, reverse("start")),
        "programme, anonymous": counted_get(anonymous, reverse("programme")),
        "programme, signed in": counted_get(mine, reverse("programme")),
        "month, signed in": counted_get(mine, f"{reverse('programme')}?view=month"),
        "course page, signed in": counted_get(mine, session.course.get_absolute_url()),
        "session page, anonymous": counted_get(anonymous, reverse("session", args=[session.pk])),
        "session page, signed in": counted_get(mine, reverse("session", args=[session.pk])),
        "programme feed": counted_get(anonymous, reverse("programme_ics")),
        "booking form": counted_get(new, reverse("book", args=[session.pk])),
        "booking, confirmed": _book(new, session),
        "booking, waiting list": _book(late, full),
        "my bookings": counted_get(mine, reverse("my_bookings")),
        "a booking's page": counted_get(mine, reader.bookings.order_by("pk")[0].get_absolute_url()),
        "sessions on the desk": counted_get(theirs, reverse("manage_sessions")),
        "attendee list": counted_get(theirs, reverse("attendees", args=[full.pk])),
        "attendee list as CSV": counted_get(theirs, reverse("attendees_csv", args=[full.pk])),
    }


def lines(few: Counts, many: Counts) -> list[Line]:
    """One line for each page and action."""
    return [
        Line(
            name=f"statements: {name}",
            sql=counted.words,
            reference=f"little data: {few[name].words}",
            target=Target(
                words="as with little data",
                met=len(counted.statements) == len(few[name].statements)
                and counted.locked == few[name].locked,
            ),
        )
        for name, counted in many.items()
    ]


def pairs(people: list[int], sessions: list[int]) -> str:
    """Every one of these people with every one of these sessions, for `crowd.add_bookings`."""
    return (
        f"(SELECT person_id, session_id FROM unnest(ARRAY{people}::bigint[]) AS person_id"
        f" CROSS JOIN unnest(ARRAY{sessions}::bigint[]) AS session_id) AS pairs"
    )


def signed_in(person: User) -> Client:
    """A client of this person."""
    client = Client()
    # A session begun with other roles than the person has now would have ended.
    person.refresh_from_db()
    for name, value in crowd.sign_in([person])[0].items():
        client.cookies[name] = value
    return client


def counted_get(client: Client, address: str) -> Counting:
    """What a page costs that nobody has kept."""
    caches["pages"].clear()
    # Read at most once a second, whatever is asked for: not to be counted by chance.
    kept.keep(kept.read_again(), seconds=60)
    with Counting() as counting:
        answer = client.get(address)
    assert answer.status_code == 200, f"{address} answered {answer.status_code}"
    return counting


def _book(client: Client, session: Session) -> Counting:
    address = reverse("book", args=[session.pk])
    form = {"csrfmiddlewaretoken": crowd.csrf_token(), "needs": ""}
    with Counting() as counting:
        answer = client.post(address, form)
    assert answer.status_code == 302, f"{address} answered {answer.status_code}"
    return counting
