"""Blocks for other sites and programs: what they say, how fresh, and that nothing is personal."""

import json
import re
from datetime import date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from django.core.cache import caches
from django.test import Client
from django.utils import timezone

from accounts.models import Sector
from booking.catalogue.courses import store_topic
from booking.catalogue.models import Course, DiaryDate, Session, Topic
from booking.catalogue.models.allocations import Allocation
from booking.site.wording import LONDON
from tests.factories import make_agency, make_coordinator, make_course, make_person, session_ahead
from tests.pages import statements
from tests.people import book_now, signed_in

pytestmark = pytest.mark.django_db

BLOCKS = ("spaces", "briefings", "diary")
ATOM = "{http://www.w3.org/2005/Atom}"


def read(block: str = "spaces", query: str = "") -> dict[str, Any]:
    answer = Client().get(f"/embed/{block}.json{query}")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def titles(block: str = "spaces", query: str = "") -> list[str]:
    return [row["title"] for row in read(block, query)["rows"]]


def briefing(title: str, **fields: Any) -> Session:
    course = make_course(title=title, kind=Course.Kind.BRIEFING)
    fields.setdefault("published_at", timezone.now())
    return session_ahead(course=course, **fields)


def test_spaces_are_the_sessions_with_a_place_for_anybody() -> None:
    soon = timezone.now() + timedelta(days=1)
    open_one = session_ahead(5, course=make_course(title="Open"), capacity=3)
    full = session_ahead(6, course=make_course(title="Full"), capacity=1)
    book_now(full)
    kept = session_ahead(7, course=make_course(title="Kept"), capacity=2, has_allocations=True)
    Allocation.objects.create(session=kept, agency=make_agency(), places=1, release_at=soon)
    session_ahead(8, course=make_course(title="Not yet"), booking_opens_at=soon)
    closed = timezone.now() - timedelta(days=1)
    session_ahead(9, course=make_course(title="Closed"), booking_closes_at=closed)
    session_ahead(9, course=make_course(title="Draft"), state=Session.State.DRAFT)
    book_now(open_one)
    rows = read()["rows"]
    assert [(row["title"], row["places_left"]) for row in rows] == [("Open", 2), ("Kept", 1)]
    assert rows[0]["url"].endswith(open_one.get_absolute_url())


def test_new_briefings_are_those_published_since() -> None:
    now = timezone.now()
    briefing("New")
    briefing("Long on", published_at=now - timedelta(days=90))
    session_ahead(5, course=make_course(title="Training"), published_at=now)
    assert titles("briefings") == ["New"]
    since = (now - timedelta(days=120)).date().isoformat()
    assert titles("briefings", f"?since={since}") == ["New", "Long on"]


def test_the_diary_names_its_courses_and_lasts_as_long_as_it_says() -> None:
    today = timezone.localdate()
    week = DiaryDate.objects.create(
        title="ICON Week", starts=today - timedelta(days=1), ends=today + timedelta(days=2)
    )
    week.courses.add(make_course("ICON", title="Coping with crying"))
    DiaryDate.objects.create(title="Over", starts=today - timedelta(9), ends=today - timedelta(9))
    DiaryDate.objects.create(title="Far", starts=today + timedelta(60), ends=today + timedelta(60))
    assert titles("diary", "?weeks=4") == ["ICON Week"]
    assert titles("diary") == ["ICON Week", "Far"]
    [row] = read("diary", "?weeks=4")["rows"]
    assert row["courses"][0]["title"] == "Coping with crying"
    assert row["courses"][0]["url"].endswith("/courses/ICON/")


def test_each_filter_narrows_and_nonsense_is_left_out() -> None:
    topic = store_topic(topic=Topic(), name="Neglect")
    police, schools = make_agency(), make_agency(sector=Sector.EDUCATION)
    first = make_course(title="First", level=2, sectors=[Sector.EDUCATION])
    first.topics.add(topic)
    session_ahead(5, course=first)
    session_ahead(60, course=make_course(title="Second", kind=Course.Kind.WEBINAR))
    for query, wanted in {
        "?topic=neglect": ["First"],
        "?kind=webinar": ["Second"],
        "?level=2": ["First"],
        "?weeks=3": ["First"],
        "?rows=1": ["First"],
        f"?agency={police.pk}": ["Second"],
        f"?agency={schools.pk}": ["First", "Second"],
        "?weeks=many&rows=0&topic=none&agency=x&since=yesterday&level=\0": ["First", "Second"],
    }.items():
        assert titles(query=query) == wanted, query
    assert read(query="?rows=1")["left_out"] == 1


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("form", ["/", ".json", ".atom"])
def test_any_site_may_have_it_and_it_holds_no_cookie_and_nobody(block: str, form: str) -> None:
    person = make_person(first_name="Zoltana")
    book_now(briefing("One"), person)
    address = f"/embed/{block}{form}"
    for browser in (Client(), signed_in(person), signed_in(make_coordinator())):
        answer = browser.get(address)
        assert not answer.cookies
        assert "Zoltana" not in answer.text
        assert answer.headers["Cache-Control"] == "public, max-age=30"
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
    stranger, kept = Client(), Client().get(address).headers["ETag"]
    assert stranger.get(address, headers={"if-none-match": kept}).status_code == 304
    assert ("X-Frame-Options" in answer.headers) == (form != "/")
    framed = "frame-ancestors *" in answer.headers["Content-Security-Policy"]
    assert framed == (form == "/")


def test_a_page_is_kept_for_as_long_as_its_places_agree() -> None:
    session = session_ahead(course=make_course(title="Open"), capacity=5)
    assert "5 places left" in Client().get("/embed/spaces/").text
    book_now(session)
    assert "4 places left" in Client().get("/embed/spaces/").text
    Course.objects.update(title="Another")
    assert "Another" not in Client().get("/embed/spaces/").text
    caches["pages"].clear()
    assert "Another" in Client().get("/embed/spaces/").text


def _moment(text: str | None) -> datetime:
    moment = datetime.fromisoformat(text or "")
    assert moment.tzinfo is not None
    return moment


@pytest.mark.parametrize("block", BLOCKS)
@pytest.mark.parametrize("is_empty", [True, False])
def test_the_feed_is_atom(block: str, is_empty: bool) -> None:
    """What RFC 4287 asks of a feed (4.1.1) and of an entry (4.1.2)."""
    if not is_empty:
        briefing("Ropes & <knots>\x0b")
        briefing("Second")
        today = timezone.localdate()
        DiaryDate.objects.create(title="A & B", starts=today, ends=today)
    # Who follows the feed to itself keeps its filters.
    answer = Client().get(f"/embed/{block}.atom?rows=5")
    assert answer.headers["Content-Type"].startswith("application/atom+xml")
    feed = ElementTree.fromstring(answer.content)  # noqa: S314 - our own
    assert feed.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert len(feed.findall(ATOM + name)) == 1, name
    assert feed.find(f"{ATOM}author/{ATOM}name") is not None
    itself = [each for each in feed.findall(f"{ATOM}link") if each.get("rel") == "self"]
    assert itself[0].get("href", "").endswith(f"/embed/{block}.atom?rows=5")
    entries = feed.findall(f"{ATOM}entry")
    assert bool(entries) != is_empty
    ids = [each.findtext(f"{ATOM}id") for each in entries]
    assert len({*ids}) == len(ids)
    for entry in entries:
        assert entry.findtext(f"{ATOM}title")
        assert _moment(entry.findtext(f"{ATOM}updated"))
        link = entry.find(f"{ATOM}link")
        assert link is not None
        assert link.get("href", "").startswith("http")
    assert _moment(feed.findtext(f"{ATOM}updated"))


@pytest.mark.parametrize("form", ["/", ".json", ".atom"])
def test_statements_do_not_grow_with_sessions(form: str) -> None:
    def cost() -> int:
        caches["pages"].clear()
        browser = signed_in(make_person())  # for whom nothing is kept
        return statements(browser, f"/embed/spaces{form}?rows=1")

    session_ahead(5)
    session_ahead(5)
    before = cost()
    for days in range(6, 20):
        session_ahead(days)
    assert cost() == before


def test_a_block_is_copied_as_tables_and_as_text(coordinator: Client) -> None:
    session_ahead(5, course=make_course(title="Neglect <b>"), capacity=4)
    page = coordinator.get("/manage/spaces/", {"block": "spaces", "kind": "training"})
    assert "/embed/spaces/?kind=training" in page.text
    assert page.text.count("4 places left") >= 2
    copied = page.context["copied"]
    assert 'width="600"' in copied.html
    assert "<style" not in copied.html
    assert not re.findall(r"<(?:p|h2|a|td)(?![^>]*style=)[ >]", copied.html)
    assert "Neglect &lt;b&gt;" in copied.html
    lines = copied.text.splitlines()
    assert any(line.startswith("Neglect <b>: http") for line in lines)
    assert "4 places left" in copied.text
    frame = coordinator.get("/manage/spaces/mail/?block=spaces")
    assert "sandbox" in frame.headers["Content-Security-Policy"]
    assert frame.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_date_is_put_into_the_diary_changed_and_taken_out(coordinator: Client) -> None:
    course = make_course(title="Coping with crying")
    starts = date(2100, 9, 23)
    typed = {"title": "ICON  Week", "starts": starts, "ends": "2100-09-27", "courses": [course.pk]}
    assert coordinator.post("/manage/diary/new/", typed).status_code == 302
    made = DiaryDate.objects.get()
    assert (made.title, made.ends, [*made.courses.all()]) == (
        "ICON Week",
        date(2100, 9, 27),
        [course],
    )
    assert "Coping with crying" in coordinator.get("/manage/diary/?q=icon").text
    refused = coordinator.post("/manage/diary/new/", typed | {"title": "ICON Week"})
    assert "begins on this day already" in refused.text
    address = f"/manage/diary/{made.pk}/"
    wrong = coordinator.post(address, typed | {"ends": "2100-09-01", "page": "ftp://a.org"})
    assert wrong.status_code == 422
    assert "Last day: choose the first day or a later one." in wrong.text
    coordinator.post(address, {"title": "ICON Day", "starts": "23/9/2100"})
    made.refresh_from_db()
    assert (made.title, made.ends) == ("ICON Day", starts)
    assert "Remove ICON Day?" in coordinator.post(address, {"remove": "ask"}).text
    assert DiaryDate.objects.exists()
    coordinator.post(address, {"remove": "sure"})
    assert not DiaryDate.objects.exists()


def test_the_month_names_the_courses_of_a_diary_date() -> None:
    now = datetime.now(LONDON)
    day = DiaryDate.objects.create(title="A day", starts=now, ends=now)
    day.courses.add(make_course("XYZ", title="On its subject"))
    page = Client().get(f"/programme/?view=month&month={now:%Y-%m}").text
    assert 'href="/courses/XYZ/">On its subject</a>' in page
