"""What is kept of a page is everybody's: the same whoever comes first, and never out of date."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django.core.cache import caches
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Sector, User
from booking.catalogue.models import Allocation, DiaryDate, Session, Topic
from booking.materials.models import Material
from booking.partnership import kept
from booking.programme.shown import SessionsPage, _KeptPage
from booking.site.two_parts import Part, found, keep_part, opened
from tests.factories import (
    make_agency,
    make_coordinator,
    make_course,
    make_lead,
    make_person,
    make_session,
    make_trainer,
    make_venue,
    morning,
)
from tests.pages import kept_parts
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

PAGES = {
    "start": "/",
    "list": "/programme/",
    "filtered": "/programme/?topic=health&where=in-person",
    "searched": "/programme/?q=neglect",
    "month": "/programme/?view=month&month={1:%Y-%m}",
    "course": "/courses/NEGLECT/",
    "session": "/sessions/{0}/",
}


def address_of(page: str, session: Session) -> str:
    """Where the page that names the session is."""
    return PAGES[page].format(session.pk, session.starts_at)


@pytest.fixture
def session(db: None) -> Session:
    """A session of a course with materials, other dates, one of them with reserved places."""
    course = make_course("NEGLECT", title="Neglect", sectors=[])
    course.topics.add(Topic.objects.create(name="Health", slug="health"))
    found = make_session(
        course=course, capacity=9, starts_at=morning(21), published_at=timezone.now()
    )
    make_session(course=course, capacity=5, starts_at=morning(22), published_at=timezone.now())
    reserved = make_session(course=course, capacity=6, has_allocations=True, starts_at=morning(23))
    Allocation.objects.create(
        session=reserved, sector=Sector.POLICE, places=2, release_at=morning(9)
    )
    DiaryDate.objects.create(title="A week", starts=morning(24).date(), ends=morning(24).date())
    for title, audience in (("For all", "everybody"), ("For some", "booked")):
        Material.objects.create(
            course=course,
            title=title,
            audience=audience,
            link="https://x.example/",
            added_at=timezone.now(),
            added_by=make_coordinator(),
        )
    return found


def readers(session: Session) -> list[User]:
    """People of whom pages say different things."""
    health = make_agency("Quillfeather Trust", sector=Sector.HEALTH)
    police = make_agency("Brackenshire Police", sector=Sector.POLICE)
    booked = make_person("zoe@quill.example", first_name="Zoë", last_name="Quux", agency=health)
    book_now(session, booked)
    return [
        booked,
        make_person("ada@bracken.example", first_name="Adalyn", last_name="Wren", agency=police),
        make_coordinator("coo@council.example", first_name="Coraline", last_name="Ott"),
        make_lead("lead@bracken.example", first_name="Leopold", last_name="Ash", agency=police),
        make_trainer("tr@quill.example", first_name="Tristram", last_name="Yew", agency=health),
    ]


@pytest.mark.parametrize("page", PAGES)
def test_a_kept_part_is_the_same_whoever_it_was_made_for(page: str, session: Session) -> None:
    address, made = address_of(page, session), []
    people = readers(session)
    for client in (*map(signed_in, people), Client()):
        caches["pages"].clear()
        assert client.get(address).status_code == 200
        made.append({key: text for key, text in kept_parts().items() if key[0] != "by"})
    assert made[0]
    assert all(each == made[0] for each in made)


@pytest.mark.parametrize("page", PAGES)
def test_a_booking_leaves_a_page_kept_and_its_places_are_those_of_now(
    page: str, session: Session
) -> None:
    address, client = address_of(page, session), signed_in(make_person())
    words = "{} left" if page == "month" else "{} place{} left"
    with CaptureQueriesContext(connection) as asked:
        assert words.format(9, "s") in client.get(address).text
    made_of = len(asked)
    for left in range(8, 1, -1):
        book_now(session)
        with CaptureQueriesContext(connection) as asked:
            assert words.format(left, "s") in client.get(address).text
        assert len(asked) < made_of
    for _ in range(3):
        book_now(session)
    assert ("Full" if page == "month" else "1 person waiting") in client.get(address).text


@pytest.mark.parametrize("page", PAGES)
def test_no_reader_is_in_a_kept_part(page: str, session: Session) -> None:
    address = address_of(page, session)
    for person in readers(session):
        client = signed_in(person)
        text = client.get(address).text
        secrets = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
        assert secrets, "signing out needs a token"
        secrets += [person.email, person.first_name, person.last_name]
        secrets += [str(client.cookies[name].value) for name in client.cookies]
        if person.agency and not person.is_agency_lead:
            secrets.append(person.agency.name)
        for pieces in kept_parts().values():
            whole = "".join(each for each in pieces if isinstance(each, str))
            assert not [each for each in secrets if each in whole]


@pytest.mark.parametrize("page", PAGES)
def test_two_readers_of_one_kept_part_see_what_each_would_see_alone(
    page: str, session: Session
) -> None:
    address, people = address_of(page, session), readers(session)

    def seen(client: Client) -> str:
        text = client.get(address).text
        return re.sub(r'(name="csrfmiddlewaretoken" value=")[^"]+', r"\1", text)

    clients = [*map(signed_in, people), Client()]
    together = [seen(each) for each in clients]
    for client, shared in zip(clients, together, strict=True):
        caches["pages"].clear()
        assert seen(client) == shared
    assert len(set(together)) > 2


@pytest.mark.parametrize("page", ["start", "list", "filtered", "searched", "month", "course"])
def test_places_left_are_never_stale_to_somebody_signed_in(page: str, session: Session) -> None:
    address, client = address_of(page, session), signed_in(make_person())
    left = "8 left" if page == "month" else "8 places left"
    assert left not in client.get(address).text
    book_now(session)
    assert left in client.get(address).text


def test_a_page_of_a_session_counts_its_own_places_and_those_of_other_dates(
    session: Session,
) -> None:
    client, other = signed_in(make_person()), Session.objects.get(capacity=5)
    text = client.get(session.get_absolute_url()).text
    assert "9 places left" in text
    assert "5 places left" in text
    book_now(session)
    book_now(other)
    for reader in (client, Client()):
        text = reader.get(session.get_absolute_url()).text
        assert "8 places left" in text
        assert "4 places left" in text


def _retitled(session: Session) -> None:
    type(session.course).objects.filter(pk=session.course_id).update(title="What it is now")


def _moved(session: Session) -> None:
    Session.objects.filter(pk=session.pk).update(venue=make_venue("What it is now"))


def _led(session: Session) -> None:
    session.trainers.add(make_trainer(first_name="What it is", last_name="now"))


def _renamed(session: Session) -> None:
    User.objects.filter(sessions_led=session).update(first_name="What it is", last_name="now")


def _renamed_who_trains_no_more(session: Session) -> None:
    led = User.objects.filter(sessions_led=session)
    led.update(is_trainer=False)
    assert led.exists()
    led.update(first_name="What it is", last_name="now")


def _added(session: Session) -> None:
    Material.objects.update(title="What it is now")


def _another(session: Session) -> None:
    session.course.prerequisites.add(make_course("FIRST", title="What it is now"))


@pytest.mark.parametrize(
    "change",
    [_retitled, _moved, _led, _renamed, _renamed_who_trains_no_more, _added, _another],
)
def test_a_change_of_the_catalogue_shows_at_once(
    change: Callable[[Session], None], session: Session
) -> None:
    session.trainers.add(make_trainer(first_name="Somebody", last_name="Else"))
    readers = [signed_in(make_person()), Client()]
    for reader in readers:
        assert "What it is now" not in reader.get(session.get_absolute_url()).text
    change(session)
    for reader in readers:
        assert "What it is now" in reader.get(session.get_absolute_url()).text


def test_what_is_taken_off_the_programme_is_gone_at_once(session: Session) -> None:
    client = signed_in(make_person())
    for each in (client, Client()):
        assert each.get(session.get_absolute_url()).status_code == 200
    assert session.get_absolute_url() in client.get("/programme/").text
    Session.objects.filter(pk=session.pk).update(state=Session.State.DRAFT)
    for each in (client, Client()):
        assert each.get(session.get_absolute_url()).status_code == 404
    assert session.get_absolute_url() not in client.get("/programme/").text


@pytest.mark.parametrize("own", [{}, {"agency_limit": 4}, {"has_allocations": True}])
def test_machines_are_told_the_places_left_now(own: dict[str, Any]) -> None:
    session = make_session(capacity=9, **own)
    if own.get("has_allocations"):
        Allocation.objects.create(
            session=session, sector=Sector.HEALTH, places=2, release_at=morning(1)
        )
    readers = [signed_in(make_person()), Client()]

    def told(reader: Client) -> int:
        text = reader.get(session.get_absolute_url()).text
        (event,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', text)
        return int(json.loads(event)["remainingAttendeeCapacity"])

    before = [told(each) for each in readers]
    book_now(session)
    assert [told(each) for each in readers] == [each - 1 for each in before]


def test_the_clock_alone_opens_booking(session: Session) -> None:
    client, opens = signed_in(make_person()), timezone.now() + timedelta(seconds=30)
    Session.objects.filter(pk=session.pk).update(booking_opens_at=opens)
    for address in ("/programme/", session.get_absolute_url()):
        assert "Booking opens" in client.get(address).text
    with time_machine.travel(opens + timedelta(seconds=1)):
        for address in ("/programme/", session.get_absolute_url()):
            assert "Booking opens" not in client.get(address).text


def test_a_course_is_kept_until_a_date_that_it_counts_is_over(session: Session) -> None:
    start, address, page = morning(1), "/courses/NEGLECT/", ""
    Session.objects.update(has_allocations=False)

    def asked(minutes: float) -> int:
        nonlocal page
        moment = start + timedelta(minutes=minutes)
        with time_machine.travel(moment), CaptureQueriesContext(connection) as statements:
            page = Client().get(address).text
        return len(statements)

    assert (asked(0) > 1, asked(2)) == (True, 1)
    soon = make_session(course=session.course, starts_at=start + timedelta(minutes=4))
    assert (asked(3) > 1, asked(3.5)) == (True, 1)
    assert soon.get_absolute_url() in page
    assert asked(4.5) > 1
    assert soon.get_absolute_url() not in page
    for _ in range(50):
        make_session(course=session.course, starts_at=morning(22))
    assert (asked(5) > 1, asked(5.5), asked(6.5) > 1) == (True, 1, True)


def test_changed_settings_show_on_kept_pages(session: Session) -> None:
    client = signed_in(make_person())
    client.get("/programme/")
    kept.change(values={"name": "Another partnership"}, by=None)
    assert "Another partnership" in client.get("/programme/").text


@pytest.mark.parametrize("page", PAGES)
def test_a_token_of_one_reader_is_not_in_the_page_of_another(page: str, session: Session) -> None:
    address, tokens, clients = address_of(page, session), [], []
    for _ in range(2):
        clients.append(client := Client(enforce_csrf_checks=True))
        client.force_login(make_person())
        text = client.get(address).text
        tokens.append(re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)[-1])
    for of_page, of_reader in ((0, 1), (1, 0), (1, 1)):
        form = {"csrfmiddlewaretoken": tokens[of_page]}
        taken = clients[of_reader].post(reverse("account_logout"), form).status_code
        assert taken == (302 if of_page == of_reader else 403)


def test_pages_of_any_length_are_not_kept_without_end() -> None:
    for number in range(20):
        keep_part(number, Part([""], 3_000_000))
    assert [number for number in range(20) if found(number)] == list(range(14, 20))
    # What is kept anew, out of date, or all forgotten, does not count any more.
    for _ in range(20):
        keep_part(19, Part([""], 3_000_000))
    keep_part("old", Part([""], 1_500_000), seconds=-1)
    assert found("old") is None
    assert [number for number in range(20) if found(number)] == list(range(14, 20))
    caches["pages"].clear()
    for number in range(6):
        keep_part(number, Part([""], 3_000_000))
    assert found(0)


def test_a_long_address_counts_with_all_that_its_page_repeats() -> None:
    lengths = []
    for page in ("x", "x" * 40_000):
        caches["pages"].clear()
        for client in (Client(), signed_in(make_person())):
            assert client.head(f"/programme/?page={page}").status_code == 200
        pages = caches["pages"]._cache.values()  # type: ignore[attr-defined]
        lengths += [each.length for each in pages if hasattr(each, "octets")]
    assert lengths[1] - lengths[0] > 40_000 / 10


def test_a_long_page_does_not_stay_open() -> None:
    opened.cache_clear()
    for text, is_open in (("short", 1), ("long" * 100_000, 1)):
        part = Part([text], len(text), SessionsPage("", timezone.now(), {}, {}))
        assert _KeptPage.of(part).part == part
        assert opened.cache_info().currsize == is_open


def test_rows_of_any_number_are_not_kept_without_end() -> None:
    pages: Any = settings.CACHES["pages"]
    most = pages["OPTIONS"]["MAX_ENTRIES"]
    for number in range(most + 1):
        keep_part(number, "")
    assert found(most) == found(most // 9) == ""
    assert found(0) is found(most // 11) is None


def test_a_form_of_a_kept_page_is_taken_for_its_reader_alone(
    session: Session,
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(make_person())
    page = session.course.get_absolute_url()
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(page).text)[0]
    form = {"csrfmiddlewaretoken": token}
    asked = client.post(reverse("course_interest", args=[session.course.code]), form)
    assert asked.status_code == 302
    assert "Stop telling me" in client.get(page).text
    assert "Stop telling me" not in signed_in(make_person()).get(page).text
    assert client.post(reverse("account_logout"), form).status_code == 302


def test_a_page_of_a_session_costs_three_statements_beside_who_reads(
    session: Session,
) -> None:
    Allocation.objects.all().delete()
    Session.objects.update(has_allocations=False)
    client = signed_in(make_person(agency=make_agency()))
    client.get(session.get_absolute_url())
    with CaptureQueriesContext(connection) as asked:
        client.get(session.get_absolute_url())
    assert len(asked) == 4


@pytest.mark.parametrize("page", ["start", "list", "month", "filtered", "searched"])
def test_a_page_of_sessions_costs_one_statement_beside_who_is_signed_in(
    page: str, session: Session
) -> None:
    Allocation.objects.all().delete()
    Session.objects.update(has_allocations=False)
    client, address = signed_in(make_person()), address_of(page, session)
    client.get(address)
    with CaptureQueriesContext(connection) as asked:
        client.get(address)
    assert len(asked) == 2
