"""What is passed on: a card, a poster, the partnership's own pages, and leaving quickly."""

import re
from html import unescape

import pytest
from django.test import Client
from pytest_django import Settings

from booking.catalogue.sharing import code_to_scan
from booking.partnership.kept import change
from tests.factories import make_course, session_ahead

pytestmark = pytest.mark.django_db


def test_a_page_that_is_shared_shows_a_card() -> None:
    session = session_ahead(5, course=make_course("ABC", title="Neglect & more"))
    for address in (session.get_absolute_url(), "/courses/ABC/"):
        page = Client().get(address).text
        assert '<meta property="og:title" content="Neglect &amp; more">' in page
    assert session.where in Client().get(session.get_absolute_url()).text.partition("</head>")[0]


def test_a_poster_has_a_code_of_the_page(settings: Settings) -> None:
    session = session_ahead(5)
    page = Client().get(f"/sessions/{session.pk}/poster/").text
    size, dots = code_to_scan(f"{settings.SITE_URL}{session.get_absolute_url()}")
    assert f'viewBox="0 0 {size} {size}"' in page
    assert f'd="{dots}"' in page
    # A code's corners are squares of seven dots, beside four of quiet.
    assert all(f"M{x} 4h1" in dots for x in range(4, 11))
    assert "M11 4h1" not in dots


def test_a_session_has_text_to_paste(settings: Settings) -> None:
    session = session_ahead(5, course=make_course(title="Neglect <b>"))
    page = Client().get(f"/sessions/{session.pk}/poster/").text
    text = unescape(page.partition("readonly>")[2].partition("</textarea>")[0])
    first, *_, where, last = text.splitlines()
    assert (first, where) == ("Neglect <b>", session.where_in_full)
    assert last == f"Book a place: {settings.SITE_URL}{session.get_absolute_url()}"
    assert "Neglect <b>" not in page


def test_own_pages_and_the_way_out_stand_on_every_page(coordinator: Client) -> None:
    assert "Leave this site quickly" not in Client().get("/programme/").text
    links = "LinkedIn = https://www.linkedin.com/company/us\nX = https://x.com/us"
    change(values={"social_links": links, "quick_exit": "https://www.bbc.co.uk/weather"}, by=None)
    page = Client().get("/programme/?again").text
    assert re.search(r'href="https://x.com/us"[^>]*>X</a>', page)
    assert 'href="https://www.bbc.co.uk/weather"' in page
    wrong = {"social_links": "X = javascript:alert(1)", "quick_exit": "javascript:alert(1)"}
    answer = coordinator.post("/manage/settings/", wrong)
    assert answer.status_code == 422
    assert "“X = javascript:alert(1)” is not like that." in answer.text
    assert "Enter the whole address of the page" in answer.text
