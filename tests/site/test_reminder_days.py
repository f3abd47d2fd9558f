"""On which days a course reminds people, as a coordinator types it."""

import pytest
from django import forms
from django.urls import reverse

from booking.catalogue.models import Course
from booking.site.form_kit import ReminderDaysField
from tests.factories import make_coordinator, make_course
from tests.people import signed_in


@pytest.mark.parametrize(
    ("typed", "days"),
    [
        ("5, 1", [5, 1]),
        (" 1 ;10 5,5 ", [10, 5, 1]),
        ("20", [20]),
        ("", []),
        (" , ", []),
    ],
)
def test_days_are_read_however_they_are_typed(typed: str, days: list[int]) -> None:
    assert ReminderDaysField().clean(typed) == days


@pytest.mark.parametrize(
    "typed", ["0", "21", "-1", "1.5", "five", "²", "٥", "1 2 3 4 5 6", "9" * 49, "1," * 40]
)
def test_anything_else_is_refused_in_one_sentence(typed: str) -> None:
    with pytest.raises(forms.ValidationError) as refused:
        ReminderDaysField().clean(typed)
    assert refused.value.messages == [
        "Reminders: enter up to 5 whole numbers from 1 to 20, for example “5, 1”, or nothing for"
        " no reminders."
    ]


@pytest.mark.django_db
def test_a_coordinator_sets_reminders_and_copies_of_a_course() -> None:
    course = make_course()
    client = signed_in(make_coordinator(is_staff=True))
    address = reverse("admin:booking_course_change", args=[course.pk])
    page = client.get(address).text
    assert 'value="5, 1"' in page
    typed = {
        "code": course.code,
        "title": course.title,
        "kind": course.kind,
        "level": "1",
        "hours": "3.0",
        "usual_capacity": "20",
        "reminder_days": "10, 3",
        "copies_manager": "on",
    }
    wrong = client.post(address, {**typed, "reminder_days": "soon"})
    assert "enter up to 5 whole numbers" in wrong.text
    assert client.post(address, typed).status_code == 302
    saved = Course.objects.get(pk=course.pk)
    assert saved.reminder_days == [10, 3]
    assert saved.copies_manager
    assert not saved.remind_hour_before
