"""A conference of 1,000 people online: its register, and everybody joining in the first minute."""

import itertools
import random
import time

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.attendance.models import Arrival
from booking.catalogue.models import Session
from booking.places import links
from booking.places.models import Booking
from booking.site.sealing import Sealed
from tests.load import client, crowd
from tests.load.client import Script
from tests.load.over_http import CLIENTS, Samples, Site, book_request, check_booked
from tests.load.report import Line, Target, percentile
from tests.load.statements import counted_get, pairs, signed_in
from tests.load.together import in_processes, meet

PEOPLE = crowd.Size(people=4_000, upcoming=25, past=25, bookings_each=1)
_ATTENDING, _FEW = 1_000, 50
_JOINS_A_MINUTE, _BOOKINGS_A_SECOND = 500, 20
_LOOKS = 20
_MS = 300


def measure(site: Site, *, seconds: float) -> list[Line]:
    """The register's page, then so many seconds of the first minute, then joins without a pause."""
    User.objects.filter(pk=1).update(is_coordinator=True)
    small, large = _online(_FEW), _online(_ATTENDING)
    return [_register_line(site, small, large), *_first_minute(site, large, seconds)]


def _online(people: int) -> Session:
    """A session that has just begun, of so many people."""
    session = crowd.add_session(capacity=people, days_ahead=0)
    keys = list(User.objects.order_by("pk").values_list("pk", flat=True)[1 : people + 1])
    crowd.add_bookings(pairs(keys, [session.pk]))
    session.refresh_from_db()
    session.delivery, session.venue = Session.Delivery.ONLINE, None
    session.meeting = Sealed.of("https://meet.example/conference")
    session.save()
    return session


def _register_line(site: Site, small: Session, large: Session) -> Line:
    coordinator = User.objects.get(pk=1)
    looking = signed_in(coordinator)
    few, many = (
        len(counted_get(looking, reverse("register", args=[session.pk])).statements)
        for session in (small, large)
    )
    [cookies] = crowd.sign_in([coordinator])
    request = client.get(reverse("register", args=[large.pk]), cookies=cookies)
    took: list[float] = []

    def look() -> Script:
        for _ in range(_LOOKS):
            answer = yield request
            assert answer.status == 200, f"the register answered {answer.status}"
            took.append(answer.seconds)

    client.run(site.port, [look()])
    p50 = percentile(took, 0.5)
    return Line(
        name=f"register of {_ATTENDING:,} people",
        server=site.server,
        p50=p50,
        p99=percentile(took, 0.99),
        sql=str(many),
        reference=f"of {_FEW} people: {few}",
        target=Target(words=f"p50 < {_MS} ms, statements as of few", met=p50 < _MS and few == many),
    )


def _first_minute(site: Site, session: Session, seconds: float) -> list[Line]:
    joins, bookings = int(_JOINS_A_MINUTE * seconds / 60), int(_BOOKINGS_A_SECOND * seconds)
    bookable = crowd.add_session(capacity=20_000)
    everybody = User.objects.order_by("-pk")
    bookers = crowd.sign_in(everybody[:bookings])
    keys = Booking.objects.for_session(session).order_by("pk").values_list("join_key", flat=True)
    address = reverse("book", args=[bookable.pk])
    joining = [_join(key) for key in keys]
    booking = [book_request(address, each) for each in bookers]
    began = timezone.now()
    given = [(joining[:joins], 200), (booking, 302)]
    of_joins, of_bookings = in_processes(2, _arrive, site.port, given, seconds)
    came = Arrival.objects.filter(booking__session=session, at__gte=began).count()
    assert came == joins, f"{came} of {joins} arrivals were noted"
    one_query = client.get(f"/bench/one-query/{session.pk}/")
    of_bare = in_processes(1, _arrive, site.bare_port, [([one_query] * joins, 200)], seconds)[0]
    # Each further browser of somebody is noted as well, so the work is the same.
    without_pause = site.pages(site.port, itertools.cycle(joining), site.seconds)
    bare = site.pages(site.bare_port, itertools.cycle([one_query]), site.seconds)
    p99 = of_joins.p99
    return [
        Line(
            name=f"{joins} joins in {seconds:.0f} s, beside {_BOOKINGS_A_SECOND} bookings a second",
            server=site.server,
            rate=of_joins.rate,
            p50=of_joins.p50,
            p99=p99,
            target=Target(words=f"p99 < {_MS} ms", met=p99 < _MS),
            note=f"the bare view, asked as often: p50 {of_bare.p50:.1f}, p99 {of_bare.p99:.1f} ms.",
        ),
        Line(
            name="the bookings meanwhile",
            server=site.server,
            rate=of_bookings.rate,
            p50=of_bookings.p50,
            p99=of_bookings.p99,
        ),
        Line(
            name=f"joins without a pause, {CLIENTS} at once",
            server=site.server,
            rate=without_pause.rate,
            p50=without_pause.p50,
            p99=without_pause.p99,
            reference="bare view",
            reference_rate=bare.rate,
        ),
    ]


def _join(key: str) -> bytes:
    """Pressing the button of a join link."""
    return client.post(
        links.join_path(key), {"csrfmiddlewaretoken": crowd.csrf_token()}, cookies=crowd.csrf()
    )


def _arrive(
    number: int, port: int, given: list[tuple[list[bytes], int]], seconds: float
) -> Samples:
    """Send each of these requests at some moment of so many seconds, on a connection of its own.

    Every process has its own kind of request, with the status that answers it.
    """
    requests, status = given[number]
    samples = Samples()

    def once(request: bytes) -> Script:
        answer = yield request
        assert answer.status == status, f"answered {answer.status}: {answer.body[:2000].decode()}"
        if status == 302:
            check_booked(answer)
        samples.seconds.append(answer.seconds)

    moments = sorted(random.uniform(0, seconds) for _ in requests)
    meet()
    began = time.perf_counter()
    client.run_arrivals(port, zip(moments, map(once, requests), strict=True))
    samples.whole = time.perf_counter() - began
    return samples
