"""The rules of cancelling: made, replaced by newer versions, chosen for sessions."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from booking.catalogue import policies
from booking.catalogue.models import CancellationPolicy, Session
from booking.catalogue.policies import AlreadyReplaced, Band, PolicyTerms
from tests.desk.coordinators import ahead
from tests.factories import make_agency, make_course, make_policy, make_session
from tests.pages import said
from tests.people import book_now

pytestmark = pytest.mark.django_db


def typed_policy(**changes: str) -> dict[str, Any]:
    """The form as a browser sends it, with what Leeds charges."""
    return {
        "name": "Leeds",
        "notice_days": "5",
        "free_for_trainers_in_kind": "on",
        "free_for_charities_under": "£250,000",
        "hours_1": "0",
        "late_1": "35",
        "absent_1": "35",
        "hours_2": "4",
        "late_2": "50.00",
        "absent_2": "50",
        "hours_3": "",
        "late_3": "",
        "absent_3": "",
        **changes,
    }


def test_rules_are_made_in_pounds_and_stored_in_pence(coordinator: Client) -> None:
    form = coordinator.get(reverse("manage_policy_new")).context["form"]
    assert (form["late_1"].value(), form["hours_2"].value()) == ("35", "4")
    assert coordinator.post(reverse("manage_policy_new"), typed_policy()).status_code == 302
    policy = CancellationPolicy.objects.get(name="Leeds")
    assert (policy.version, policy.notice_days) == (1, 5)
    small = make_agency(sector="voluntary and community", annual_turnover_pence=24_999_999)
    large = make_agency(sector="voluntary and community", annual_turnover_pence=25_000_000)
    for agency, hours, pence in ((small, 3, 0), (large, 4, 3500), (large, 6, 5000)):
        for occasion in ("late", "absent"):
            charge = policy.charge_pence(occasion, hours=Decimal(hours), agency=agency)
            assert charge == pence, (agency, hours, occasion)
    page = coordinator.get(reverse("manage_policies")).content.decode()
    assert "£50 for sessions longer than 4 hours" in page
    assert "Charities with a yearly turnover under £250,000" in page


def test_a_new_version_moves_courses_and_sessions_ahead_but_no_booking(
    coordinator: Client,
) -> None:
    policy = make_policy("Leeds")
    course = make_course(usual_policy=policy)
    soon = make_session(course=course, starts_at=ahead(), policy=policy)
    draft = make_session(starts_at=ahead(), policy=policy, state=Session.State.DRAFT)
    over = make_session(starts_at=ahead(-9), policy=policy, state=Session.State.COMPLETED)
    booking = book_now(soon)
    address = reverse("manage_policy", args=[policy.pk])
    page = coordinator.get(address).content.decode()
    assert "1 course and 2 upcoming sessions that use it move to the new version." in page
    assert "1 live booking keeps this one, as promised." in page
    response = coordinator.post(address, typed_policy(notice_days="7"))
    assert "version 2. 1 course and 2 upcoming sessions moved to it." in said(response)
    newer = CancellationPolicy.objects.current().get()
    assert (newer.name, newer.version, newer.notice_days) == ("Leeds", 2, 7)
    for each in (course, soon, draft, over, booking, policy):
        each.refresh_from_db()
    assert (course.usual_policy, soon.policy, draft.policy) == (newer, newer, newer)
    assert (over.policy, booking.policy, booking.notice_days) == (policy, policy, 5)
    assert policy.notice_days == 5
    assert policy.replaced_at is not None
    assert "replaced by a newer version" in coordinator.get(address).content.decode()
    assert coordinator.post(address, typed_policy()).status_code == 409
    assert CancellationPolicy.objects.count() == 2


def test_two_coordinators_do_not_replace_one_version_twice() -> None:
    policy = make_policy()
    terms = PolicyTerms(
        notice_days=5,
        free_for_trainers_in_kind=True,
        free_for_charities_under_pence=None,
        bands=[Band(Decimal(0), 3500, 3500)],
    )
    now = timezone.now()
    policies.new_version(policy=policy, terms=terms, now=now)
    with pytest.raises(AlreadyReplaced):
        policies.new_version(policy=policy, terms=terms, now=now)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": ""}, "Enter the name."),
        ({"name": "taken"}, "There are rules of this name already."),
        ({"notice_days": "many"}, "Working days of notice: enter a whole number from 0 to 60."),
        ({"late_1": "a lot"}, "Row 1, Late cancellation (£): enter an amount in pounds"),
        ({"absent_2": "-5"}, "Row 2, Non-attendance (£): enter an amount in pounds"),
        ({"late_1": "1.234"}, "Row 1, Late cancellation (£): enter an amount in pounds"),
        ({"hours_2": "0"}, "Row 2: this length has a row already."),
        ({"hours_2": "x"}, "Row 2, hours: enter a number such as 0, 4 or 7.5."),
        ({"hours_1": "NaN"}, "Row 1, hours: enter a number such as 0, 4 or 7.5."),
        ({"late_3": "70"}, "Row 3: enter the hours, or clear the row."),
        ({"free_for_charities_under": "9" * 12}, "enter an amount in pounds from 0 to"),
    ],
)
def test_what_is_wrong_with_rules_is_said_and_nothing_typed_is_lost(
    coordinator: Client, changes: dict[str, str], sentence: str
) -> None:
    make_policy("Taken")
    typed = typed_policy(**changes)
    response = coordinator.post(reverse("manage_policy_new"), typed)
    assert response.status_code == 422
    assert sentence in response.content.decode()
    form = response.context["form"]
    assert {name: form[name].value() for name in changes} == changes
    assert not CancellationPolicy.objects.exclude(name="Taken").exists()


def test_a_session_begins_with_the_usual_rules_of_its_course(coordinator: Client) -> None:
    policy = make_policy()
    course = make_course(usual_policy=policy)
    form = coordinator.get(f"{reverse('manage_session_new')}?course={course.pk}").context["form"]
    assert form["policy"].value() == policy.pk


def test_a_length_without_any_charge_is_not_taken_for_free(coordinator: Client) -> None:
    typed = typed_policy(hours_3="6")
    answer = coordinator.post(reverse("manage_policy_new"), typed)
    assert "Row 3: enter what is charged, or 0." in answer.text
    assert answer.context["form"]["hours_3"].value() == "6"
    assert (
        coordinator.post(reverse("manage_policy_new"), typed | {"late_3": "0"}).status_code == 302
    )
