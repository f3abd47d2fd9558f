"""Many people who move to the last place of another date at the same moment."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection
from django.utils import timezone

from booking.places.models import Booking
from tests.factories import make_agency, make_course, make_person, make_session
from tests.load import client, crowd
from tests.load.client import Answer, Script
from tests.load.installation import web_server
from tests.people import book_now
from tests.servers import collect_static

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 24
_SERVERS = (
    *("granian", "--interface", "wsgi", "--no-ws"),
    *("--workers", "2", "--blocking-threads", "4"),
)


@pytest.fixture(scope="module")
def port(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The site on this test's own database, served by two processes of four threads."""
    folder: Path = tmp_path_factory.mktemp("exchange-race")
    address = urlsplit(os.environ["DATABASE_URL"])
    environment = {
        **os.environ,
        "DATABASE_URL": address._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "TWO_STEP_REQUIRED": "false",
        "STATIC_ROOT": str(folder / "static"),
    }
    collect_static(environment)
    with web_server(_SERVERS, folder=folder, environment=environment) as site:
        yield site.port


def test_one_gets_the_last_place_of_the_other_date_and_nobody_loses_theirs(port: int) -> None:
    course, agency = make_course(), make_agency()
    soon = timezone.now() + timedelta(days=21)
    first = make_session(course=course, capacity=PEOPLE, starts_at=soon)
    other = make_session(course=course, capacity=1, starts_at=soon + timedelta(days=14))
    people = [make_person(agency=agency) for _ in range(PEOPLE)]
    bookings = [book_now(first, person) for person in people]
    answers: list[Answer] = []

    def press(request: bytes) -> Script:
        answers.append((yield request))

    form = {"csrfmiddlewaretoken": crowd.csrf_token(), "to": str(other.pk)}
    requests = [
        client.post(f"/bookings/{booking.pk}/move/", form, cookies=cookies)
        for booking, cookies in zip(bookings, crowd.sign_in(people), strict=True)
    ]
    client.run(port, [press(request) for request in requests])
    assert sorted(answer.status for answer in answers) == [302] + [409] * (PEOPLE - 1)
    first.refresh_from_db()
    other.refresh_from_db()
    assert (first.places_taken, other.places_taken) == (PEOPLE - 1, 1)
    for person in people:
        live = Booking.objects.for_person(person).live()
        assert [booking.state for booking in live] == [Booking.State.CONFIRMED]
