"""Pages kept for people who are not signed in: never another person's, never with stale places."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils.safestring import mark_safe
from pytest_django import DjangoAssertNumQueries

from booking.site.two_parts import once
from tests.factories import make_course, make_person, make_session, morning, session_ahead
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db


def test_a_kept_session_page_costs_one_statement(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    address = session_ahead().get_absolute_url()
    first = Client().get(address)
    with django_assert_num_queries(1):
        again = Client().get(address)
    assert again.content == first.content


def test_no_browser_keeps_what_is_kept_here() -> None:
    address = session_ahead().get_absolute_url()
    for _ in ("made", "kept"):
        assert "no-store" in Client().get(address).headers["Cache-Control"]


def test_places_left_are_never_stale() -> None:
    session = session_ahead(capacity=3)
    address = session.get_absolute_url()
    assert "3 places left" in Client().get(address).content.decode()
    book_now(session)
    assert "2 places left" in Client().get(address).content.decode()


def test_places_left_on_other_dates_are_not_stale_either() -> None:
    course = make_course()
    session = session_ahead(course=course, capacity=3)
    other = make_session(course=course, capacity=9, starts_at=morning(30))
    address = session.get_absolute_url()
    assert "9 places left" in Client().get(address).content.decode()
    book_now(other)
    assert "8 places left" in Client().get(address).content.decode()


def test_nobody_signed_in_gets_or_gives_a_kept_page() -> None:
    session = session_ahead()
    address = session.get_absolute_url()
    person = make_person(first_name="Zoë")
    client = signed_in(person)
    book_now(session, person)
    own = client.get(address).content.decode()
    assert "Sign out" in own
    others = Client().get(address).content.decode()
    assert "Sign out" not in others
    assert "You have a place" not in others
    assert client.get(address).content.decode().count("Sign out") == 1


def test_a_very_long_address_is_no_trouble() -> None:
    assert Client().get("/programme/?q=" + "x" * 1500).status_code == 200


def test_no_header_of_a_stranger_has_others_read_a_whole_page_in_place_of_its_part() -> None:
    session_ahead()
    restored = Client().get("/programme/", headers={"HX-History-Restore-Request": "true"})
    assert "<html" in restored.text
    part = Client().get("/programme/", headers={"HX-Request": "true"})
    assert "<html" not in part.text


def _row(**shown: Any) -> str:
    """A row of the desk's table of sessions."""
    at, others = datetime(2027, 2, 9, 9, 30, tzinfo=UTC), {"key": 1, "title": "A course"}
    return once("desk/sessions/_row.html", **{"starts_at": at, "taken": 1, **others, **shown})


def test_lines_kept_by_their_values_are_made_once_and_for_no_others() -> None:
    made = partial(len, caches["pages"]._cache)  # type: ignore[attr-defined]
    before = made()
    assert _row(waiting=2) == _row(waiting=2)
    assert made() == before + 1
    assert 'data-label="Waiting">3<' in _row(waiting=3)


@pytest.mark.parametrize("turn", [1, -1])
def test_values_that_are_equal_and_shown_differently_are_kept_apart(turn: int) -> None:
    for safe in (False, True)[::turn]:
        title = mark_safe("<i>A course</i>") if safe else "<i>A course</i>"
        assert ("<i>A course</i>" in _row(title=title)) == safe
    for value in (1, True, 1.0)[::turn]:
        assert f">{value} of " in _row(taken=value)
