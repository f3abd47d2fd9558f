"""Several dates planned at once, sessions copied to another term, drafts published together."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue.models import Allocation, Course, CourseInterest, Session
from booking.outbox.models import Message
from booking.partnership import kept as partnership
from booking.scheduling import planning
from booking.scheduling.capacity import Reservation, change_limits, set_usual_limits
from booking.scheduling.drafting import publish_drafts
from booking.site.wording import LONDON
from tests.factories import (
    make_coordinator,
    make_course,
    make_person,
    make_policy,
    make_session,
    make_trainer,
    make_venue,
)

pytestmark = pytest.mark.django_db


def tuesday(weeks: int = 0) -> date:
    """A Tuesday in a year's February, which no bank holiday meets."""
    first = date(timezone.localdate().year + 1, 2, 1)
    return first + timedelta(days=(1 - first.weekday()) % 7, weeks=weeks)


def at(on: date, hour: int = 10) -> datetime:
    """A full hour of a day in London."""
    return datetime.combine(on, time(hour), LONDON)


def typed(rows: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    """The form of several dates as a browser sends it."""
    found: dict[str, Any] = {"rows": len(rows), "capacity": "18", "warned": ""}
    for number, row in enumerate(rows, start=1):
        for part, value in row.items():
            name, _, of_date = part.partition("_")
            found[f"{name}_{number}_{of_date}" if of_date else f"{name}_{number}"] = value
    return found | more


def row(on: date, **more: Any) -> dict[str, Any]:
    """A row of one date."""
    return {"date_1": on.isoformat(), "start_1": "10:00", "end_1": "13:00", **more}


@pytest.fixture
def course() -> Course:
    return make_course("NEG", title="Neglect", usual_capacity=16)


@pytest.fixture
def address(course: Course) -> str:
    return f"{reverse('manage_session_plan')}?course={course.pk}"


def test_another_row_begins_as_the_one_above_as_much_later_and_skips_holidays(
    coordinator: Client, address: str
) -> None:
    venue, trainer = make_venue(), make_trainer()
    term = f"Spring = {tuesday()} to {tuesday(2)}\nSummer = {tuesday(4)} to {tuesday(9)}"
    partnership.change(values={"school_terms": term}, by=None)
    first = row(tuesday(), where=venue.pk, trainers=[trainer.pk])
    form = coordinator.post(address, typed([first], add="1")).context["form"]
    assert form.rows == 2
    assert form["date_2_1"].value() == tuesday(1)
    assert form["start_2_1"].value() == "10:00"
    assert (form["where_2"].value(), form["trainers_2"].value()) == (
        str(venue.pk),
        [str(trainer.pk)],
    )
    assert form["capacity"].value() == "18"
    # Two weeks later would be in the school holidays.
    two = [row(tuesday()), row(tuesday(2) - timedelta(days=1))]
    two[1]["date_1"] = (tuesday(1) + timedelta(days=2)).isoformat()
    form = coordinator.post(address, typed(two, add="1")).context["form"]
    assert form["date_3_1"].value() == tuesday(1) + timedelta(days=2 + 9 + 14)
    form = coordinator.post(address, typed([*two, first], remove="1")).context["form"]
    assert (form.rows, form["where_2"].value()) == (2, str(venue.pk))


def test_dates_become_drafts_with_what_is_usual_for_the_course(
    coordinator: Client, course: Course, address: str
) -> None:
    policy, venue, trainer = make_policy(), make_venue(), make_trainer()
    Course.objects.filter(pk=course.pk).update(
        usual_policy=policy,
        usual_sittings=2,
        usual_promotion="offer",
        usual_offer_hours=12,
        usual_minimum=6,
        usual_decide_days=3,
    )
    set_usual_limits(
        course=course, agency_limit=4, reservations=[Reservation(places=5, sector="health")]
    )
    partnership.change(values={"closes_days": 2}, by=None)
    rows = [
        row(tuesday(week), where=venue.pk, trainers=[trainer.pk], date_2=tuesday(week + 1))
        for week in (0, 4)
    ]
    rows.append({"date_1": "", "start_1": "10:00", "end_1": "13:00"})
    answer = coordinator.post(address, typed(rows))
    assert answer.status_code == 302, answer.context["form"].errors
    drafts = list(Session.objects.order_by("starts_at"))
    assert [each.reference for each in drafts] == ["NEG-01", "NEG-02"]
    for week, draft in zip((0, 4), drafts, strict=True):
        assert draft.state == Session.State.DRAFT
        assert (draft.starts_at, draft.ends_at) == (at(tuesday(week)), at(tuesday(week + 1), 13))
        assert draft.sittings.count() == 2
        assert (draft.capacity, draft.agency_limit, draft.policy) == (18, 4, policy)
        assert (draft.promotion, draft.offer_hours, draft.minimum) == ("offer", 12, 6)
        assert draft.decide_on == tuesday(week) - timedelta(days=5)
        assert draft.booking_closes_at == at(tuesday(week) - timedelta(days=4), 17)
        assert (draft.venue, list(draft.trainers.all())) == (venue, [trainer])
        [reserved] = draft.allocations.all()
        assert (reserved.places, reserved.sector, draft.has_allocations) == (5, "health", True)
    assert not Message.objects.exists()
    review = coordinator.get(answer.headers["Location"]).text
    assert review.count("checked") == 2


def test_clashes_and_days_on_which_few_come_are_shown_before_anything_is_saved(
    coordinator: Client, address: str
) -> None:
    venue = make_venue("Reginald Centre")
    trainer = make_trainer(first_name="Sam", last_name="Green")
    make_session(
        reference="FIRST", starts_at=at(tuesday()), venue=venue, trainers=[trainer], capacity=5
    )
    christmas = date(tuesday().year, 12, 25)
    rows = [
        row(tuesday(), where=venue.pk),
        row(christmas, where="online", trainers=[trainer.pk]),
        row(christmas, where="online", trainers=[trainer.pk]),
    ]
    before = Session.objects.count()
    page = coordinator.post(address, typed(rows))
    assert page.status_code == 200
    assert Session.objects.count() == before
    assert "Session 1: Reginald Centre is also used by" in page.text
    assert "Christmas Day" in page.text
    assert "Session 3: Sam Green also leads session 2 at the same time." in page.text
    again = typed(rows, warned=page.context["warned"])
    assert coordinator.post(address, again | {"date_1_1": tuesday(1)}).status_code == 200, "unseen"
    assert coordinator.post(address, again).status_code == 302
    assert Session.objects.count() == before + 3


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"date_1": ""}, "Enter a date."),
        ({"date_1": "2020-01-07"}, "Session 1: The first date must lie ahead."),
        ({"start_1": ""}, "Session 1: enter the start, or clear the whole row."),
        ({"end_1": "09:00"}, "Session 1: it must end after it starts."),
        ({"where": "987654"}, "Session 1, where: choose from the list."),
        ({"trainers": ["9" * 30]}, "Trainers: choose from the list."),
    ],
)
def test_what_cannot_be_planned_is_refused_in_a_sentence(
    coordinator: Client, address: str, changes: dict[str, Any], sentence: str
) -> None:
    answer = coordinator.post(address, typed([row(tuesday()) | changes]))
    assert answer.status_code == 422
    assert sentence in answer.text
    assert not Session.objects.exists()


@pytest.mark.parametrize("on", ["7027-02-09", "9999-12-31"])
def test_a_year_far_ahead_is_refused(coordinator: Client, address: str, on: str) -> None:
    rows = [row(tuesday()), {**row(tuesday()), "date_1": on}]
    form = coordinator.post(address, typed(rows, add="1")).context["form"]
    assert form["date_3_1"].value() == ""
    answer = coordinator.post(address, typed(rows))
    assert "Session 2: enter a year from 2000 to 2100." in answer.text


def test_what_is_usually_reserved_must_fit(
    coordinator: Client, course: Course, address: str
) -> None:
    set_usual_limits(
        course=course, agency_limit=None, reservations=[Reservation(places=19, sector="health")]
    )
    answer = coordinator.post(address, typed([row(tuesday())]))
    assert answer.status_code == 422
    assert "19 reserved" in answer.text


def test_a_term_is_copied_by_a_shift_and_skips_holidays(coordinator: Client) -> None:
    policy, trainer = make_policy(), make_trainer()
    past, gone = tuesday() - timedelta(weeks=52), make_trainer(is_active=False)
    lately = make_session(
        starts_at=at(past),
        trainers=[trainer, gone],
        policy=policy,
        promotion="offer",
        minimum=4,
        decide_on=past - timedelta(days=7),
        joining_instructions="Bring a pen.",
        booking_opens_at=at(past - timedelta(days=60)),
    )
    online = make_session(
        starts_at=at(past + timedelta(days=7)), delivery="online", meeting="https://meet.example/x"
    )
    change_limits(
        session=lately,
        agency_limit=3,
        reservations=[Reservation(places=2, sector="police")],
        by=make_coordinator(),
        now=timezone.now(),
    )
    terms = f"A = {tuesday(-2)} to {tuesday()}\nB = {tuesday(2)} to {tuesday(9)}"
    partnership.change(values={"school_terms": terms}, by=None)
    address = reverse("manage_session_copy")
    period = f"?begins={past}&ends={past + timedelta(days=30)}"
    assert coordinator.get(address + period).text.count("checked") == 2
    chosen = {"chosen": [lately.pk, online.pk], "weeks": "52"}
    page = coordinator.post(address + period, chosen)
    assert "Skipped" in page.text
    assert "school holidays" in page.text
    assert Session.objects.filter(state="draft").count() == 0
    answer = coordinator.post(address + period, chosen | {"step": "do"})
    first, second = Session.objects.filter(state="draft").order_by("starts_at")
    assert coordinator.get(answer.headers["Location"]).status_code == 200
    assert (first.starts_at, first.course, first.venue) == (
        at(tuesday()),
        lately.course,
        lately.venue,
    )
    assert list(first.trainers.all()) == [trainer]
    assert (first.policy, first.promotion, first.minimum) == (policy, "offer", 4)
    assert first.decide_on == tuesday() - timedelta(days=7)
    assert first.booking_opens_at == at(tuesday() - timedelta(days=60))
    assert (first.joining_instructions, first.agency_limit) == ("Bring a pen.", 3)
    assert Allocation.objects.get(session=first).places == 2
    assert second.starts_at == at(tuesday(2))
    assert (second.delivery, second.meeting.opened()) == ("online", "")


@pytest.mark.parametrize(
    ("held", "name"), [(date(2027, 3, 12), "Good Friday"), (date(2027, 3, 15), "Easter Monday")]
)
def test_a_copy_skips_a_week_with_a_bank_holiday(held: date, name: str) -> None:
    session = make_session(starts_at=at(held))
    [copy] = planning.copies_of([session], weeks=2, now=at(held))
    assert [each.starts_at for each in copy.sittings] == [at(held + timedelta(weeks=3))]
    [skipped] = copy.skipped
    assert skipped.endswith(f": {name}")
    [copy] = planning.copies_of([session], weeks=1, now=at(held))
    assert (copy.sittings[0].starts_at, copy.skipped) == (at(held + timedelta(weeks=1)), ())


def test_a_copy_keeps_the_time_of_day_when_the_clocks_change() -> None:
    winter = datetime(2027, 3, 23, 9, 30, tzinfo=LONDON)
    assert planning.later(winter, weeks=1) == datetime(2027, 3, 30, 9, 30, tzinfo=LONDON)


def test_no_copy_begins_in_the_past(coordinator: Client) -> None:
    session = make_session(starts_at=timezone.now() - timedelta(weeks=9), reference="OLD")
    address = f"{reverse('manage_session_copy')}?session={session.pk}"
    answer = coordinator.post(address, {"chosen": [session.pk], "weeks": "2"})
    assert answer.status_code == 422
    assert "(OLD) would begin in the past. Shift by more weeks." in answer.text


def test_drafts_are_published_together_once_what_is_in_the_way_was_seen(
    coordinator: Client,
) -> None:
    venue, trainer = make_venue("Reginald Centre"), make_trainer()
    fields: dict[str, Any] = {"state": "draft", "venue": venue, "starts_at": at(tuesday())}
    one, two = make_session(**fields, trainers=[trainer]), make_session(**fields)
    stays = make_session(state="draft", starts_at=at(tuesday(1)))
    address = reverse("manage_session_drafts")
    page = coordinator.get(address)
    assert page.text.count("Reginald Centre is also used by") == 2
    chosen: dict[str, Any] = {"chosen": [one.pk, two.pk]}
    assert coordinator.post(address, chosen | {"warned": ""}).status_code == 422
    answer = coordinator.post(address, chosen | {"warned": page.context["warned"]})
    assert answer.status_code == 302
    states = [Session.objects.get(pk=each.pk).state for each in (one, two, stays)]
    assert states == ["published", "published", "draft"]
    assert [each.recipient for each in Message.objects.all()] == [trainer]


def test_no_draft_is_chosen_before_somebody_chooses_it(coordinator: Client) -> None:
    one = make_session(state="draft", starts_at=at(tuesday()))
    make_session(state="draft", starts_at=at(tuesday()))
    address = reverse("manage_session_drafts")
    assert not coordinator.get(address).context["form"]["chosen"].value()
    assert coordinator.get(address, {"chosen": one.pk}).context["form"]["chosen"].value() == [
        one.pk
    ]


def test_a_copy_says_where_the_list_of_sessions_stops(
    coordinator: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, days = (
        reverse("manage_session_copy"),
        {"begins": f"{tuesday()}", "ends": f"{tuesday()}"},
    )
    for _ in range(2):
        make_session(starts_at=at(tuesday()))
    assert "Only the first" not in coordinator.get(address, days).text
    monkeypatch.setattr("booking.desk.sessions.planning._MOST_COPIED", 1)
    assert "Only the first 1 of 2 sessions" in coordinator.get(address, days).text


def test_those_who_asked_come_first_on_one_date_of_a_course_at_a_time(
    coordinator: Client, course: Course
) -> None:
    CourseInterest.objects.create(course=course, person=make_person())
    fields: dict[str, Any] = {"course": course, "state": "draft"}
    both = [make_session(**fields, starts_at=at(tuesday(week))) for week in (0, 1)]
    address = reverse("manage_session_drafts")
    chosen = {
        "chosen": [each.pk for each in both],
        "first_days": "2",
        "warned": coordinator.get(address).context["warned"],
    }
    answer = coordinator.post(address, chosen)
    assert "Neglect: choose one date of a course if those who asked come first." in answer.text
    assert coordinator.post(address, chosen | {"chosen": [both[0].pk]}).status_code == 302


def test_of_drafts_that_are_published_together_all_are_or_none(coordinator: Client) -> None:
    fine = make_session(state="draft", starts_at=at(tuesday()))
    over = make_session(state="draft", starts_at=timezone.now() - timedelta(days=1))
    with pytest.raises(Exception, match=r"^$|passed") as refused:
        publish_drafts(
            sessions=[fine, over], first_days=None, by=make_coordinator(), now=timezone.now()
        )
    assert over.reference in refused.value.sentence  # type: ignore[attr-defined]
    fine.refresh_from_db()
    assert fine.state == Session.State.DRAFT


def test_what_new_sessions_of_a_course_begin_with_is_kept_row_by_row(
    coordinator: Client, course: Course
) -> None:
    address = reverse("manage_course_limits", args=[course.pk])
    rows = {"rows": "1", "agency_limit": "4", "whom_1": "sector:health", "places_1": "99"}
    answer = coordinator.post(address, rows)
    assert "99 are reserved, of 16 places in all." in answer.text
    assert coordinator.post(address, rows | {"places_1": "6"}).status_code == 302
    assert 'value="6"' in coordinator.get(address).text
    course.refresh_from_db()
    assert course.usual_agency_limit == 4


def test_topics_are_added_renamed_and_removed(coordinator: Client, course: Course) -> None:
    coordinator.post(reverse("manage_topics"), {"name": "Child  neglect"})
    topic = course.topics.create(name="Other", slug="other")
    answer = coordinator.post(reverse("manage_topics"), {"name": "child NEGLECT"})
    assert "Another topic has this name." in answer.text
    address = reverse("manage_topic", args=[topic.pk])
    coordinator.post(address, {"name": "Online harm"})
    assert "Online harm" in coordinator.get(reverse("manage_topics")).text
    assert "Remove Online harm?" in coordinator.post(address, {"remove": "ask"}).text
    assert course.topics.exists()
    coordinator.post(address, {"remove": "sure"})
    assert [each.name for each in course.topics.model.objects.all()] == ["Child neglect"]


def test_levels_are_the_partnership_s_own(coordinator: Client, course: Course) -> None:
    levels = (
        "Foundation = I meet families\nCore = I work with them\nLead = I lead\nExpert = I teach"
    )
    partnership.change(values={"levels": levels}, by=None)
    Course.objects.filter(pk=course.pk).update(level=4)
    page = coordinator.get(reverse("manage_course", args=[course.pk])).text
    assert "Expert" in page
    assert "Level 3" not in page
    make_session(course=course, starts_at=at(tuesday()))
    assert "Expert training" in Client().get("/programme/").text
    assert "Neglect" in Client().get("/programme/?level=4").text
    assert "Neglect" in Client().get("/programme/?q=expert").text


def test_two_ways_to_come_name_each_other(course: Course) -> None:
    hall = make_session(course=course, starts_at=at(tuesday()), venue=make_venue("Town Hall"))
    online = make_session(course=course, starts_at=at(tuesday()), delivery="online")
    other = make_session(course=course, starts_at=at(tuesday(1)), delivery="online")
    page, there = Client().get(hall.get_absolute_url()).text, online.get_absolute_url()
    assert f'at the same time: <a class="govuk-link" href="{there}">online<' in page
    page = Client().get(there).text
    assert f'href="{hall.get_absolute_url()}">in person, Town Hall<' in page
    assert "The other way to come" not in Client().get(other.get_absolute_url()).text
