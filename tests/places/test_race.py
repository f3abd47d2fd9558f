"""Many people at once, through real server processes and real transactions."""

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from accounts.models import User
from booking.catalogue.models import Session
from tests.factories import make_agency, make_person, make_session, morning
from tests.places.race import PEOPLE, PLACES, race, servers

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def environment(django_db_setup: None) -> dict[str, str]:
    """What server processes need to use this test's own database."""
    address = urlsplit(os.environ["DATABASE_URL"])
    return {
        **os.environ,
        "DATABASE_URL": address._replace(path=f"/{connection.settings_dict['NAME']}").geturl(),
        "TWO_STEP_REQUIRED": "false",
    }


@pytest.fixture(scope="module")
def port(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The site, served by four processes."""
    with servers(folder=tmp_path_factory.mktemp("race"), environment=environment) as site:
        yield site.port


def _session() -> Session:
    return make_session(capacity=PLACES, starts_at=morning(21))


def _people(number: int) -> list[User]:
    agency = make_agency()
    return [make_person(agency=agency) for _ in range(number)]


def test_of_200_people_racing_for_20_places_20_are_booked_and_180_wait_in_order(port: int) -> None:
    outcome = race(port, _session(), _people(PEOPLE))
    waiting = PEOPLE - PLACES
    assert outcome.answers == {"302 to a booking": PEOPLE}
    assert (outcome.confirmed, outcome.waiting) == (PLACES, waiting)
    assert (outcome.places_taken, outcome.waiting_count) == (PLACES, waiting)
    # In the order in which they got the lock, which is the order of the bookings' keys.
    assert outcome.tickets == list(range(1, waiting + 1))
    assert outcome.positions == outcome.tickets
    assert outcome.events == [1] * PEOPLE
    assert outcome.messages == [1] * PEOPLE


def test_one_person_pressing_50_times_at_once_is_booked_once_and_told_once(port: int) -> None:
    outcome = race(port, _session(), [make_person()] * 50)
    assert outcome.answers == {"302 to a booking": 50}
    assert (outcome.confirmed, outcome.waiting) == (1, 0)
    assert outcome.places_taken == 1
    assert outcome.events == [1]
    assert outcome.messages == [1]


def test_without_the_lock_the_same_race_goes_wrong(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with servers(folder=tmp_path, environment=environment, unlocked=True) as site:
        outcome = race(site.port, _session(), _people(2 * PLACES))
    # The database refuses the place too many, and whoever was promised it gets an error for an
    # answer: nothing is oversold, and without the lock nothing works either.
    assert outcome.confirmed == outcome.places_taken == PLACES
    assert outcome.answers["500"] > 0
    assert outcome.answers["302 to a booking"] < 2 * PLACES
