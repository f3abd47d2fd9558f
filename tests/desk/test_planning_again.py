"""What a plan of several dates says of its rows, and of the days that a copy is taken from."""

from datetime import date

import pytest
from django.test import Client
from django.urls import reverse

from booking.catalogue.models import Session
from booking.partnership import kept as partnership
from booking.site.wording import day
from tests.desk.test_planned_twice import address_of
from tests.desk.test_planning import at, row, tuesday, typed
from tests.factories import make_course, make_session, make_trainer, make_venue

pytestmark = pytest.mark.django_db


def test_a_holiday_that_was_skipped_does_not_make_all_later_rows_a_fortnight_apart(
    coordinator: Client,
) -> None:
    address, rows = address_of(make_course()), [row(date(2037, 12, 18))]
    for _ in range(4):
        page = coordinator.post(address, typed(rows, add="1"))
        form = page.context["form"]
        days = [form[f"date_{number}_1"].value() for number in form.numbers]
        rows = [row(each if isinstance(each, date) else date.fromisoformat(each)) for each in days]
    found = [date.fromisoformat(each["date_1"]) for each in rows]
    assert found == [
        date(2037, 12, 18), date(2038, 1, 8), date(2038, 1, 15), date(2038, 1, 22),
        date(2038, 1, 29),
    ]  # fmt: skip


def test_rows_a_fortnight_apart_stay_so(coordinator: Client) -> None:
    rows = [row(tuesday()), row(tuesday(2))]
    form = coordinator.post(address_of(make_course()), typed(rows, add="1")).context["form"]
    assert str(form["date_3_1"].value()) == tuesday(4).isoformat()


def test_a_row_names_its_trainers_and_a_clash_the_other_row(coordinator: Client) -> None:
    sam = make_trainer(first_name="Sam", last_name="Green")
    rows = [row(tuesday(), trainers=[sam.pk]), row(tuesday(), trainers=[sam.pk])]
    page = coordinator.post(address_of(make_course()), typed(rows, save="1")).text
    assert "1 trainer: Sam Green" in page
    assert "Session 1: Sam Green also leads session 2 at the same time." in page


def test_a_clash_among_copies_names_the_other_copy(coordinator: Client) -> None:
    hall = make_venue("Town Hall")
    one, other = (
        make_session(starts_at=at(tuesday()), venue=hall, reference=name) for name in ("A1", "B1")
    )
    period = f"begins={tuesday()}&ends={tuesday()}"
    sent = {"chosen": [one.pk, other.pk], "weeks": "4"}
    page = coordinator.post(f"{reverse('manage_session_copy')}?{period}", sent).text
    assert "Town Hall is also used by the copy of B1 at the same time." in page
    assert Session.objects.count() == 2


def test_a_period_that_ends_before_it_begins_is_refused(coordinator: Client) -> None:
    make_session(starts_at=at(tuesday()))
    period = f"begins={tuesday(1)}&ends={tuesday()}"
    page = coordinator.get(f"{reverse('manage_session_copy')}?{period}").text
    assert "There is a problem" in page
    assert "To: choose the same day as From, or a later one." in page
    assert "There are no sessions in this time." not in page


def test_all_drafts_are_chosen_by_one_press_and_no_session_to_copy(coordinator: Client) -> None:
    for week in range(3):
        make_session(starts_at=at(tuesday(week)), state=Session.State.DRAFT)
        make_session(starts_at=at(tuesday(week)))
    drafts = reverse("manage_session_drafts")
    page = coordinator.get(drafts).text
    assert 'href="?all=1"' in page
    assert " checked" not in page
    assert coordinator.get(f"{drafts}?all=1").text.count(" checked") == 3
    copies = f"{reverse('manage_session_copy')}?begins={tuesday()}&ends={tuesday(3)}"
    page = coordinator.get(copies).text
    assert page.count(" checked") == 3
    assert "Choose none" in page
    assert " checked" not in coordinator.get(f"{copies}&none=1").text


def test_a_session_that_is_cancelled_can_be_copied_by_itself(coordinator: Client) -> None:
    off = make_session(starts_at=at(tuesday()), state=Session.State.CANCELLED)
    overview = coordinator.get(reverse("manage_session", args=[off.pk])).text
    address = f"{reverse('manage_session_copy')}?session={off.pk}"
    assert address in overview
    assert coordinator.get(address).text.count(" checked") == 1
    coordinator.post(address, {"chosen": [off.pk], "weeks": "2", "step": "do"})
    assert Session.objects.get(state="draft").course == off.course
    period = f"{reverse('manage_session_copy')}?begins={tuesday()}&ends={tuesday()}"
    assert "There are no sessions in this time." in coordinator.get(period).text


def test_it_is_said_where_no_school_terms_are_known(coordinator: Client) -> None:
    session = make_session(starts_at=at(tuesday()))
    address = f"{reverse('manage_session_copy')}?session={session.pk}"
    plan = f"{reverse('manage_session_plan')}?course={session.course_id}"
    unknown = "bank holidays (no school terms are entered in the settings)"
    for each in (address, plan):
        assert unknown in coordinator.get(each).text
    chosen = {"chosen": [session.pk], "weeks": "2"}
    unknown_there = "There only bank holidays are known."
    assert unknown_there in coordinator.post(address, chosen).text
    terms = f"A = {tuesday(-2)} to {tuesday(2)}"
    partnership.change(values={"school_terms": terms}, by=None)
    for each in (address, plan):
        assert f"school holidays until {day(tuesday(2))}" in coordinator.get(each).text
    assert unknown_there not in coordinator.post(address, chosen).text
    assert unknown_there in coordinator.post(address, chosen | {"weeks": "6"}).text
