"""Courses and groups of practitioners, as coordinators keep them."""

import pytest
from django.test import Client

from accounts.models import PractitionerGroup
from booking.catalogue.courses import TopicGone, remove_topic, store_topic
from booking.catalogue.models import Course, Topic
from booking.site.form_kit import NOT_DONE
from tests.desk.coordinators import typed_course
from tests.factories import make_course, make_person, make_policy, make_session
from tests.people import signed_in

pytestmark = pytest.mark.django_db


def test_a_new_course_is_kept_with_everything_it_asks_for(coordinator: Client) -> None:
    group, first = PractitionerGroup.objects.create(name="Leads"), make_course()
    policy = make_policy()
    answer = coordinator.post(
        "/manage/courses/new/",
        typed_course(
            sectors=["police", "health"],
            least_level="2",
            groups=[group.pk],
            prerequisites=[first.pk],
            needs_manager_approval="on",
            usual_agency_limit="4",
            usual_policy=policy.pk,
            reminder_days="10 3",
            copies_manager="on",
            renew_months="36",
        ),
    )
    assert answer.status_code == 302
    course = Course.objects.get(code="NEG1")
    assert (course.sectors, course.least_level, course.renew_months) == (
        ["police", "health"],
        2,
        36,
    )
    assert (list(course.groups.all()), list(course.prerequisites.all())) == ([group], [first])
    assert (course.needs_manager_approval, course.copies_manager) == (True, True)
    assert (course.reminder_days, course.remind_hour_before) == ([10, 3], False)
    page = coordinator.get(f"/manage/courses/{course.pk}/").text
    assert 'value="10, 3"' in page
    session = coordinator.get(f"/manage/sessions/new/?course={course.pk}").text
    assert f'<option value="{policy.pk}" selected>' in session
    assert "Neglect" in coordinator.get("/manage/courses/?q=negl").text


def test_a_page_left_open_undoes_nothing_unseen(coordinator: Client) -> None:
    course = make_course("NEG1")
    address = f"/manage/courses/{course.pk}/"
    was = coordinator.get(address).context["form"]["was"].value()
    assert coordinator.post(address, typed_course(summary="Theirs", was=was)).status_code == 302
    mine = coordinator.post(address, typed_course(summary="Mine", was=was))
    assert mine.status_code == 422
    assert "Somebody else has changed this meanwhile" in mine.text
    assert "Mine" in mine.text
    course.refresh_from_db()
    assert course.summary == "Theirs"
    again = typed_course(summary="Mine", was=mine.context["form"]["was"].value())
    assert coordinator.post(address, again).status_code == 302
    course.refresh_from_db()
    assert course.summary == "Mine"


def test_a_change_leaves_dates_and_their_bookings_alone(coordinator: Client) -> None:
    course = make_course("NEG1")
    session = make_session(course=course, capacity=7)
    answer = coordinator.post(f"/manage/courses/{course.pk}/", typed_course(usual_capacity="30"))
    assert answer.status_code == 302
    session.refresh_from_db()
    assert session.capacity == 7
    assert "Neglect is saved." in coordinator.get("/manage/courses/").text


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"title": ""}, "Enter the title."),
        ({"code": "a b"}, "no spaces"),
        ({"code": "TAKEN"}, "Another course has this code."),
        ({"hours": "long"}, "Length: enter hours, such as 3 or 1.5."),
        ({"hours": "12345"}, "Length: enter hours, such as 3 or 1.5."),
        ({"usual_capacity": "0"}, "Usual number of places: enter a whole number"),
        ({"usual_minimum": "21"}, "Fewest people: there are only 20 places in all."),
        ({"usual_agency_limit": "21"}, "There are only 20 places in all."),
        ({"hours": "0"}, "Length: enter hours, such as 3 or 1.5."),
        ({"level": "7"}, "Level of the course: choose from the list."),
        ({"reminder_days": "99"}, "Reminders: enter up to"),
        ({"sectors": "moon"}, "Only for these sectors: choose from the list."),
        ({"prerequisites": "999999"}, "Courses to be done first: choose from the list."),
    ],
)
def test_odd_input_is_refused_with_a_sentence_and_kept(
    coordinator: Client, changed: dict[str, str], words: str
) -> None:
    make_course("TAKEN")
    answer = coordinator.post("/manage/courses/new/", typed_course(summary="Kept text", **changed))
    assert answer.status_code == 422
    assert words in answer.text
    assert "Kept text" in answer.text
    assert not Course.objects.filter(code="NEG1").exists()


def test_no_course_comes_before_itself_in_a_circle(coordinator: Client) -> None:
    first, second, third = (make_course(f"C{number}0", title=f"T{number}") for number in (1, 2, 3))
    second.prerequisites.add(first)
    third.prerequisites.add(second)
    answer = coordinator.post(
        f"/manage/courses/{first.pk}/", typed_course(code="C10", prerequisites=[third.pk])
    )
    assert answer.status_code == 422
    assert "T3 itself asks for this course first" in answer.text
    assert not first.prerequisites.exists()


def test_members_are_added_by_pasted_addresses_and_taken_out(coordinator: Client) -> None:
    one, two = make_person("one@agency.example"), make_person("two@agency.example")
    answer = coordinator.post("/manage/groups/", {"name": "Leads"})
    group = PractitionerGroup.objects.get()
    assert answer.headers["Location"] == f"/manage/groups/{group.pk}/"
    assert "There is already a group" in coordinator.post("/manage/groups/", {"name": "leads"}).text
    pasted = "One <ONE@agency.example>; two@agency.example,\nnobody@agency.example"
    address = f"/manage/groups/{group.pk}/"
    answer = coordinator.post(address, {"addresses": pasted})
    assert answer.status_code == 200
    assert "2 members added." in answer.text
    assert "There is a problem" not in answer.text
    assert "nobody@agency.example</textarea>" in answer.text
    coordinator.post(f"{address}page/", {"purposes": "Meet."})
    assert NOT_DONE not in coordinator.get(address).text
    answer = coordinator.post(address, {"addresses": "nobody@agency.example"})
    assert answer.status_code == 422
    assert "Nobody with this address has signed in yet" in answer.text
    assert set(group.members.all()) == {one, two}
    coordinator.post(f"/manage/groups/{group.pk}/remove/{one.pk}/")
    assert list(group.members.all()) == [two]


def test_these_pages_are_for_coordinators_alone() -> None:
    client = signed_in(make_person())
    course, group = make_course(), PractitionerGroup.objects.create(name="Leads")
    for path in (
        "/manage/courses/",
        "/manage/courses/new/",
        f"/manage/courses/{course.pk}/",
        "/manage/groups/",
        f"/manage/groups/{group.pk}/",
    ):
        assert client.get(path).status_code == 404
        assert client.post(path).status_code == 404


def test_a_topic_that_was_removed_meanwhile_does_not_come_back() -> None:
    topic = store_topic(topic=Topic(), name="Neglect")
    open_page = Topic.objects.get(pk=topic.pk)
    remove_topic(topic=topic)
    with pytest.raises(TopicGone):
        store_topic(topic=open_page, name="Neglect of infants")
    assert not Topic.objects.exists()


def test_a_code_in_other_capitals_is_taken_too(coordinator: Client) -> None:
    other = make_course("NEG1")
    answer = coordinator.post("/manage/courses/new/", typed_course(code="neg1"))
    assert "Another course has this code. Choose a different one." in answer.text
    assert 'value="neg1"' in answer.text
    # Its own may be written otherwise.
    kept = coordinator.post(f"/manage/courses/{other.pk}/", typed_course(code="Neg1"))
    assert kept.status_code == 302
