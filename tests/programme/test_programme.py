"""The programme: what is listed, found, filtered and counted."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.cache import caches
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from accounts.models import Sector
from booking.catalogue.availability import availability
from booking.catalogue.models import Course, Session, Topic
from booking.site.wording import LONDON
from tests.factories import NOW, make_course, make_session, make_venue
from tests.pages import titles

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_now")]


TITLES = {
    "INTRO": "Introduction to Safeguarding Children and Young People",
    "DA": "Domestic Abuse and its Impact on Children",
    "NEGLECT": "Recognising and Responding to Neglect",
    "CE": "Introduction to Child Exploitation",
    "LOAN": "Illegal Money Lending",
}


@pytest.fixture
def sample() -> dict[str, Session]:
    return {
        code: make_session(
            course=make_course(code, title=title), starts_at=NOW + timedelta(days=7 + number)
        )
        for number, (code, title) in enumerate(TITLES.items())
    }


# ---------------------------------------------------------------- the list
def test_lists_published_sessions_to_come_soonest_first(client: Client) -> None:
    later = make_session(starts_at=NOW + timedelta(days=9))
    sooner = make_session(starts_at=NOW + timedelta(days=2))
    make_session(starts_at=NOW - timedelta(days=1))
    make_session(state=Session.State.DRAFT)
    make_session(state=Session.State.CANCELLED)
    assert titles(client) == [sooner.course.title, later.course.title]


def test_a_row_says_when_where_and_how_many_places_are_left(client: Client) -> None:
    first = datetime(2027, 2, 9, 9, 30, tzinfo=LONDON)
    week = timedelta(days=7)
    make_session(
        course=make_course(title="Working <Together>", level=3),
        sittings=[(first, first + timedelta(hours=3)), (first + week, first + week + week / 168)],
        venue=make_venue("Reginald Centre"),
        capacity=10,
        places_taken=4,
    )
    page = client.get("/programme/").text
    assert "Working &lt;Together&gt;" in page
    assert page.count("Tuesday 9 February 2027") == 1
    assert "9:30am to 12:30pm and Tue 16 Feb, 9:30am to 10:30am" in page
    for words in ("Reginald Centre", "Level 3 training", "6 places left"):
        assert words in page


@pytest.mark.parametrize(
    ("fields", "text", "can_book", "can_wait"),
    [
        ({"capacity": 6}, "6 places left", True, False),
        ({"capacity": 6, "places_taken": 5}, "1 place left", True, False),
        ({"capacity": 6, "places_taken": 6}, "Full: join the waiting list", False, True),
        (
            {"capacity": 6, "places_taken": 5, "waiting_count": 2},
            "People wait for places",
            False,
            True,
        ),
        (
            {"booking_opens_at": datetime(2027, 1, 19, 9, tzinfo=UTC)},
            "Booking opens Tue 19 Jan 2027, 9am",
            False,
            False,
        ),
        ({"booking_closes_at": NOW}, "Booking closed", False, False),
        ({"starts_at": NOW}, "This session has started", False, False),
        ({"state": Session.State.CANCELLED}, "Cancelled", False, False),
        ({"state": Session.State.COMPLETED}, "This session has taken place", False, False),
    ],
)
def test_availability_says_what_a_person_may_do(
    fields: dict[str, Any], text: str, can_book: bool, can_wait: bool
) -> None:
    found = availability(make_session(**fields), NOW)
    assert (found.text, found.can_book, found.can_wait) == (text, can_book, can_wait)


def test_a_full_session_tells_how_many_are_waiting() -> None:
    session = make_session(capacity=2, places_taken=2, waiting_count=3)
    assert availability(session, NOW).waiting == "3 people waiting"
    session.waiting_count = 1
    assert availability(session, NOW).waiting == "1 person waiting"


def test_twenty_on_a_page_and_paging_keeps_the_filters(client: Client) -> None:
    course = make_course()
    for number in range(45):
        make_session(course=course, starts_at=NOW + timedelta(days=1 + number))
    answer = client.get("/programme/", {"kind": "training", "page": "2"})
    assert "45 sessions, 21 to 40 shown" in answer.text
    assert "?kind=training&amp;page=3" in answer.text
    assert answer.text.count('<li class="app-session">') == 20


@pytest.mark.parametrize(("page", "shown"), [("99", 2), ("0", 2), ("-1", 2), ("nonsense", 1)])
def test_an_unknown_page_is_said_and_another_shown(client: Client, page: str, shown: int) -> None:
    course = make_course()
    for _ in range(21):
        make_session(course=course)
    answer = client.get("/programme/", {"page": page})
    assert answer.status_code == 200
    assert f"There is no page “{page}”. This is page {shown}." in answer.text


@pytest.mark.parametrize(
    "view", ["", "?view=month&month=2027-02", "?q=course&level=1&topic=health"]
)
def test_the_number_of_statements_does_not_grow(
    client: Client, view: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    counts = []
    topic = Topic.objects.create(name="Health", slug="health")
    for number in (5, 35):
        for _ in range(number):
            make_session().course.topics.add(topic)
        caches["pages"].clear()
        client.get(f"/programme/{view}")
        caches["pages"].clear()
        with django_assert_num_queries(4 if "month" in view else 6 if "q=" in view else 5):
            counts.append(client.get(f"/programme/{view}").text.count("/sessions/"))
    assert counts[1] > counts[0]


# ---------------------------------------------------------------- search
@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("saefguarding", "INTRO"),
        ("domestc abuse", "DA"),
        ("neglct", "NEGLECT"),
        ("explotation", "CE"),
        ("mony lending", "LOAN"),
        ("children's abuse", "DA"),
        ("NEGLECT", "NEGLECT"),
        ("loan", "LOAN"),
    ],
)
def test_search_forgives_typing_errors(
    client: Client, sample: dict[str, Session], words: str, code: str
) -> None:
    assert titles(client, q=words)[0] == TITLES[code]


def test_search_finds_only_what_is_alike(client: Client, sample: dict[str, Session]) -> None:
    assert titles(client, q="explotation") == [TITLES["CE"]]
    assert titles(client, q="elephant") == []
    page = client.get("/programme/?q=elephant").text
    assert "No session matches what you chose." in page
    assert "Try other words" in page
    assert "Take a filter away" in client.get("/programme/?q=elephant&where=online").text


def test_the_best_match_comes_first_whatever_its_date(client: Client) -> None:
    make_session(
        course=make_course(title="First Aid", summary="With a word on neglect."),
        starts_at=NOW + timedelta(days=1),
    )
    make_session(course=make_course(title="Neglect"), starts_at=NOW + timedelta(days=30))
    assert titles(client, q="neglect") == ["Neglect", "First Aid"]


def test_search_finds_a_venue(client: Client, sample: dict[str, Session]) -> None:
    session = make_session(venue=make_venue("St George's Centre, Studio"))
    assert titles(client, q="st george") == [session.course.title]


@pytest.mark.parametrize("words", ["'", '"', "\\", "%", "a:*&|!()", "<b>", "-", "or", "x" * 200])
def test_strange_words_are_harmless(client: Client, words: str) -> None:
    make_session()
    assert client.get("/programme/", {"q": words}).status_code == 200


def test_a_null_character_is_left_out(client: Client) -> None:
    session = make_session(course=make_course(title="Neglect"))
    assert titles(client, q="neg\0lect") == [session.course.title]


# ---------------------------------------------------------------- filters
def test_filters_by_kind_level_and_topic(client: Client) -> None:
    topic = Topic.objects.create(name="Neglect", slug="neglect")
    other = Topic.objects.create(name="Health", slug="health")
    wanted = make_course(kind=Course.Kind.WEBINAR, level=2)
    wanted.topics.set([topic, other])
    make_session(course=wanted)
    make_session()
    for query in ({"kind": "webinar"}, {"level": "2"}, {"topic": "neglect"}):
        assert titles(client, **query) == [wanted.title]
    assert titles(client, kind="webinar", level="3") == []


def test_a_sector_sees_courses_for_itself_and_for_everybody(client: Client) -> None:
    police = make_course(sectors=[Sector.POLICE])
    health = make_course(sectors=[Sector.HEALTH])
    everybody = make_course()
    for course in (police, health, everybody):
        make_session(course=course)
    assert titles(client, sector="police") == [police.title, everybody.title]


def test_filters_by_date_in_london_time(client: Client) -> None:
    late = datetime(2027, 7, 1, 0, 30, tzinfo=LONDON)  # still June by UTC
    session = make_session(starts_at=late)
    make_session(starts_at=late - timedelta(hours=1))
    assert titles(client, from_date="2027-07-01") == [session.course.title]
    assert titles(client, from_date="1/7/2027", to_date="1/7/2027") == [session.course.title]


def test_filters_by_month(client: Client) -> None:
    january = make_session(starts_at=datetime(2027, 1, 31, 23, tzinfo=LONDON)).course.title
    february = make_session(starts_at=datetime(2027, 2, 1, 9, tzinfo=LONDON)).course.title
    april = make_session(starts_at=datetime(2027, 4, 12, 9, tzinfo=LONDON)).course.title
    assert titles(client, when="this-month") == [january]
    assert titles(client, when="next-month") == [february]
    assert titles(client, when="next-3-months") == [january, february]
    assert april in titles(client)


def test_filters_by_where_and_places_left(client: Client) -> None:
    online = make_session(delivery=Session.Delivery.ONLINE).course.title
    full = make_session(capacity=1, places_taken=1).course.title
    waited_for = make_session(capacity=3, places_taken=1, waiting_count=1).course.title
    assert titles(client, where="online") == [online]
    assert titles(client, where="in-person") == [full, waited_for]
    assert titles(client, places="on") == [online]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"q": "x" * 201}, "Search for 200 characters or fewer. We left it out."),
        ({"from_date": "soon"}, "Enter the date to begin from like 9/2/2027. We left it out."),
        ({"to_date": "31/2/2027"}, "Enter the date to end at like 9/2/2027. We left it out."),
        ({"level": "9"}, "Choose a level from the list. We left “9” out."),
        ({"topic": "nothing"}, "Choose a topic from the list. We left “nothing” out."),
        ({"when": "<b>"}, "We left “&lt;b&gt;” out."),
        (
            {"from_date": "2027-03-01", "to_date": "2027-02-01"},
            "“Until this date” is before “From this date”. We left it out.",
        ),
        ({"to_date": "9999-12-31"}, ""),
        ({"from_date": "0001-01-01"}, ""),
    ],
)
def test_a_value_that_makes_no_sense_is_said_and_the_rest_kept(
    client: Client, query: dict[str, str], sentence: str
) -> None:
    wanted = make_session(
        course=make_course(kind=Course.Kind.WEBINAR), starts_at=NOW + timedelta(days=90)
    )
    make_session(starts_at=NOW + timedelta(days=90))
    answer = client.get("/programme/", {"kind": "webinar", **query})
    assert answer.status_code == 200
    assert sentence in answer.text
    assert titles(client, kind="webinar", **query) == [wanted.course.title]


def test_filters_that_are_on_can_be_taken_off_one_by_one(client: Client) -> None:
    make_session()
    page = client.get("/programme/?q=course&kind=training&level=&page=1").text
    assert '<a class="app-chip" href="?kind=training">' in page
    assert '<a class="app-chip" href="?q=course">' in page
    assert "Clear filters" in page


def test_what_is_searched_for_is_not_counted_among_the_filters(client: Client) -> None:
    for query, words in (("q=neglect", ""), ("q=neglect&places=on", " (1)"), ("level=2", " (1)")):
        page = client.get(f"/programme/?{query}").text
        assert f'Filters<span id="filters-on">{words}</span>' in page


def test_filters_that_are_on_are_named(client: Client) -> None:
    Topic.objects.create(name="Online safety", slug="online")
    page = client.get(
        "/programme/",
        {
            "kind": "briefing",
            "level": "2",
            "topic": "online",
            "sector": "police",
            "when": "next-month",
            "where": "in-person",
            "from_date": "2027-02-01",
            "to_date": "2027-02-28",
            "places": "on",
        },
    ).text
    assert re.findall(r"Remove filter: </span>([^<]*?) <", page) == [
        "Briefing",
        "Level 2",
        "Online safety",
        "For Police",
        "Next month",
        "In person",
        "From Monday 1 February 2027",
        "Until Sunday 28 February 2027",
        "With places left",
    ]


# ---------------------------------------------------------------- htmx
def test_htmx_gets_the_results_alone_with_their_number(client: Client) -> None:
    session = make_session()
    page = client.get("/programme/", headers={"HX-Request": "true"}).text
    assert "<html" not in page
    assert "<form" not in page
    assert session.course.title in page
    assert '<p hx-swap-oob="innerHTML:#count">1 session</p>' in page


def test_htmx_gets_links_and_a_number_of_filters_that_agree(client: Client) -> None:
    page = client.get("/programme/?kind=briefing", headers={"HX-Request": "true"}).text
    assert 'href="?kind=briefing&amp;view=month"' in page
    assert '<span id="filters-on" hx-swap-oob="true"> (1)</span>' in page


def test_the_number_of_results_is_announced(client: Client) -> None:
    page = client.get("/programme/").text
    assert re.search(r'id="count" role="status" aria-live="polite">0 sessions<', page)
    assert "No sessions are planned at the moment." in page
