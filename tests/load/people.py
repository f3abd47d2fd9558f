"""Finding people, and the desk's pages, with 600,000 people and 1.2 million bookings."""

import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial

from django.contrib.sessions.backends.db import SessionStore
from django.db import connection
from django.http import HttpRequest
from django.test import RequestFactory
from django.urls import resolve, reverse

from accounts.models import User
from booking.catalogue.models import Session
from booking.places.models import Booking
from tests.load.counting import Counting
from tests.load.crowd import Size, populate
from tests.load.report import Line, Target, percentile

_SIZE = Size(people=600_000, upcoming=2_000, past=10_000, bookings_each=2)
_QUICK = Size(people=60_000, upcoming=200, past=1_000, bookings_each=2)
_SEARCH_MS, _PAGE_MS = 50, 150
_ROUNDS = 10
_FIRST = "Ann,Łucja,Zoë,Siân,Mohammed,Grace,Rhys,Naomi,Harjit,Ewa,Callum,Farzana,Tom,Nadia,Denise"
_LAST = "Ahmed,Zielińska,O’Brien,Clarke,Kowalczyk,Oyelaran,Prosser,Sandhu,Whitaker,Feldman,Bennett"
# Enough beginnings and endings for as many surnames as a county has.
_NAMES = f"""
UPDATE accounts_user SET phone = '0113 ' || (1000000 + id),
    first_name = (string_to_array('{_FIRST}', ','))[1 + id % 15],
    last_name = (string_to_array('{_LAST}', ','))[1 + id % 11]
        || CASE WHEN id % 7 < 5 THEN chr((97 + id / 77 % 26)::int)
            || chr((97 + id / 2002 % 26)::int) || chr((97 + id / 52052 % 26)::int) ELSE '' END
"""
_SEARCHES = (
    *("zielinska", "lucja ziel", "o'brien", "kowalczyk ewa", "sandhu harjit", "person4711"),
    *("person5@agency5", "0113 1004711", "01131599999", "agency 17 ahmed", "whitakerab", "prosser"),
    *("nobody at all", "zoe feldman", "bennettq", "clarke grace agency 3", "oye", "bo li"),
)


def measure(*, quick: bool) -> Iterator[Line]:
    """The search by itself, then each page of the desk that somebody opens every day."""
    populate(_QUICK if quick else _SIZE)
    with connection.cursor() as cursor:
        # So that the database writes what people are found by.
        cursor.execute("SET session_replication_role = origin")
        cursor.execute(_NAMES)
        cursor.execute("VACUUM ANALYZE accounts_user")
    asked = [partial(_found, each) for each in _SEARCHES]
    yield _line(f"finding people by {len(asked)} texts", asked, _SEARCH_MS)
    by = User.objects.order_by("pk")[0]
    User.objects.filter(pk=by.pk).update(is_coordinator=True, is_superuser=True)
    by.refresh_from_db()
    for path in _paths():
        yield _line(path, [partial(_page, path, by)], _PAGE_MS)


def _paths() -> Iterator[str]:
    booking = Booking.objects.live().filter(session__state=Session.State.PUBLISHED)[0]
    people, session = reverse("manage_people"), booking.session_id
    yield from (reverse("manage"), reverse("manage_sessions"), people)
    yield from (f"{people}?q=zielinska", f"{people}?q=agency", f"{people}?show=unconfirmed")
    yield reverse("manage_person", args=[booking.person_id])
    yield reverse("manage_session", args=[session])
    yield reverse("manage_session_waiting", args=[session])
    yield from (reverse("manage_courses"), reverse("manage_demand"), reverse("manage_agencies"))
    yield from (reverse("manage_messages"), f"{reverse('manage_messages')}?show=sent&q=zielinska")
    yield from (reverse("manage_looks"), reverse("manage_mailboxes"))


def _found(text: str) -> None:
    found = User.objects.found_by(text).filter(is_active=True).order_by("sort_name", "pk")
    list(found.values_list("pk", flat=True)[:1001])


def _page(path: str, by: User) -> None:
    request: HttpRequest = RequestFactory().get(path)
    request.user = by
    request.session = SessionStore()
    request.resolver_match = match = resolve(request.path)
    answer = match.func(request, *match.args, **match.kwargs)
    assert answer.status_code == 200, path


def _line(name: str, calls: Sequence[Callable[[], object]], most_ms: float) -> Line:
    """How long these took, in turn, after one round that warms up and counts statements."""
    with Counting() as counting:
        for call in calls:
            call()
    times = []
    for _ in range(_ROUNDS):
        for call in calls:
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    p95 = percentile(times, 0.95)
    return Line(
        name=name,
        p50=percentile(times, 0.5),
        p99=percentile(times, 0.99),
        sql=f"{len(counting.statements) / len(calls):.1f}",
        target=Target(words=f"p95 < {most_ms} ms", met=p95 < most_ms),
        note=f"p95 {p95:.1f} ms.",
    )
