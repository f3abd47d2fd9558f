"""Groups of practitioners: being interested, let in, seeing meetings, and leaving."""

import pytest
from django.test import Client

from accounts.groups import describe_group
from accounts.models import AccessRecord, PractitionerGroup
from tests.factories import make_course, make_person, session_ahead
from tests.people import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def group() -> PractitionerGroup:
    """One that people may ask to join, with a meeting."""
    found = PractitionerGroup.objects.create(name="Early years circle")
    describe_group(group=found, purposes="Give feedback\n\nShare opinions\n", is_open=True)
    course = make_course(title="Autumn meeting")
    course.groups.add(found)
    session_ahead(9, course=course)
    return found


def test_the_foot_of_every_page_leads_to_the_groups(client: Client) -> None:
    foot = client.get("/").text.partition("<footer")[2]
    assert 'href="/groups/"' in foot


def test_one_press_a_coordinator_lets_in_and_members_see_meetings(
    group: PractitionerGroup, coordinator: Client
) -> None:
    person = make_person(first_name="Zoltana")
    browser, page = signed_in(person), f"/groups/{group.pk}/"
    assert "<li>Give feedback</li><li>Share opinions</li>" in browser.get(page).text.replace(
        "\n", ""
    ).replace(" " * 8, "")
    browser.post(f"{page}join/")
    browser.post(f"{page}join/")
    shown = browser.get(page).text
    assert "A coordinator answers." in shown
    assert "Autumn meeting" not in shown
    assert "People who want to join a group" in coordinator.get("/manage/").text
    desk = f"/manage/groups/{group.pk}/"
    assert "Zoltana" in coordinator.get(desk).text
    coordinator.post(f"{desk}answer/{person.pk}/", {"accept": "1"})
    assert AccessRecord.objects.filter(whom=person, what="group").exists()
    assert not group.interested.exists()
    assert "Autumn meeting" in browser.get(page).text
    browser.post(f"{page}join/", {"leave": "1"})
    assert not group.members.exists()
    assert "Autumn meeting" not in browser.get(page).text


def test_who_is_not_let_in_or_takes_it_back_is_no_member(
    group: PractitionerGroup, coordinator: Client
) -> None:
    person = make_person()
    browser, join = signed_in(person), f"/groups/{group.pk}/join/"
    answer = f"/manage/groups/{group.pk}/answer/{person.pk}/"
    browser.post(join)
    coordinator.post(answer)
    browser.post(join)
    browser.post(join, {"leave": "1"})
    coordinator.post(answer, {"accept": "1"})
    assert not group.members.exists()


def test_a_group_that_is_not_open_is_there_for_its_members_alone(
    group: PractitionerGroup, coordinator: Client
) -> None:
    member = make_person()
    group.members.add(member)
    coordinator.post(f"/manage/groups/{group.pk}/page/", {"purposes": "Meet"})
    page = f"/groups/{group.pk}/"
    assert Client().get(page).status_code == 404
    other = signed_in(make_person())
    assert other.get(page).status_code == 404
    assert other.post(f"{page}join/").status_code == 404
    assert "Meet" in signed_in(member).get(page).text
    assert group.name not in Client().get("/groups/").text
    signed_in(member).post(f"{page}join/", {"leave": "1"})
    assert not group.members.exists()
