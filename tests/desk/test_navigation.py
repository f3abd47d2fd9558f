"""The desk's sub-navigation: every page of the desk is found in one section, and what waits."""

import re

import pytest
from django.test import Client
from django.urls import reverse

from booking.desk import urls, waiting
from booking.desk.navigation import SECTIONS
from booking.outbox.models import Message
from booking.site.wording import counted
from tests.desk.addresses import every_address
from tests.desk.coordinators import with_people
from tests.factories import make_person
from tests.pages import statements

pytestmark = pytest.mark.django_db


def test_every_page_of_the_desk_belongs_to_one_section_and_one_page_of_it() -> None:
    for name in (pattern.name for pattern in urls.urlpatterns):
        assert name
        found = [each for each in SECTIONS if each.stands_for(name)]
        assert len(found) == 1, (name, [each.words for each in found])
        pages = [each.words for each in found[0].pages if each.stands_for(name)]
        assert len(pages) == bool(found[0].pages), (name, pages)


def test_every_kind_of_thing_that_waits_is_counted_in_one_section() -> None:
    counted_in = [kind for section in SECTIONS for kind in section.kinds]
    assert sorted(counted_in) == sorted(kind.name for kind in waiting.KINDS)


def test_every_page_of_the_desk_shows_where_it_is(coordinator: Client) -> None:
    for address, methods in every_address():
        if "GET" not in methods or address.endswith(".eml"):
            continue
        page = coordinator.get(address).content.decode()
        navigation = page[page.index('aria-label="Manage"') :]
        navigation = navigation[: navigation.index("</ul>")]
        assert navigation.count("aria-current=") == 1, address
        assert navigation.count("<li>") == len(SECTIONS)


def test_today_tells_what_waits_and_leads_to_where_it_is_settled(coordinator: Client) -> None:
    page = coordinator.get(reverse("manage")).content.decode()
    assert "Nothing waits for anybody." in page
    assert "Nothing is held in the next seven days." in page
    assert "app-subnav__count" not in page
    session = with_people(booked=2)
    Message.objects.update(state=Message.State.PARKED)
    make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    page = coordinator.get(reverse("manage")).content.decode()
    needs = re.findall(r'href="([^"]+)">([^<]+)</a> <span class="app-lines__number">(\d+)<', page)
    number = str(Message.objects.count())
    assert needs == [
        (f"{reverse('manage_messages')}?show=parked", "Mail that did not go out", number),
        (reverse("manage_agencies"), "Agencies to confirm", "1"),
    ]
    assert Message.objects.count() > 1
    assert f"{counted(Message.objects.count() + 1, 'thing')} need somebody." in page
    assert session.course.title not in page


def test_what_waits_costs_one_statement_however_much_it_is(coordinator: Client) -> None:
    few = statements(coordinator, reverse("manage"))
    for _ in range(3):
        with_people(booked=2)
        make_person(agency=None, unlisted_agency="Leeds Rowing Club")
    Message.objects.update(state=Message.State.PARKED)
    assert statements(coordinator, reverse("manage")) == few


def test_today_begins_with_what_needs_somebody(coordinator: Client) -> None:
    page = coordinator.get(reverse("manage")).text
    assert page.index(">Needs somebody</h2>") < page.index(">The next seven days</h2>")


def test_bulletins_have_one_name(coordinator: Client) -> None:
    assert "Newsletter" not in coordinator.get(reverse("manage_bulletins")).text
