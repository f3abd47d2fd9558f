"""What a form says about what was typed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django import forms

from accounts.fields import email_field
from booking.site.form_kit import Form, MomentField, london_moment


class VenueCard(Form):
    name = forms.CharField(label="Name of the venue", max_length=5)
    code = forms.CharField(error_messages={"required": "Enter a code, such as V1."})
    kind = forms.ChoiceField(label="Kind (optional)", required=False, choices=[("a", "A")])
    size = forms.ChoiceField(label="How large is it?", choices=[("s", "Small")])
    email = email_field("Your email address")
    starts_at = MomentField(label="Start", required=False)


def messages_for(**typed: Any) -> dict[str, list[str]]:
    return {name: [str(each) for each in words] for name, words in VenueCard(typed).errors.items()}


def test_a_field_says_by_its_label_what_is_missing() -> None:
    assert messages_for() == {
        "name": ["Enter the name of the venue."],
        "code": ["Enter a code, such as V1."],
        "size": ["Answer the question “How large is it?”."],
        "email": ["Enter your email address."],
    }


def test_a_field_says_by_its_label_what_is_wrong() -> None:
    assert messages_for(name="Town hall", code="V", kind="b", size="l", email="x") == {
        "name": ["Use 5 characters or fewer for the name of the venue."],
        "kind": ["Kind: choose from the list."],
        "size": ["How large is it? Choose from the list."],
        "email": ["Enter an email address in the right form, like name@agency.org."],
    }


@pytest.mark.parametrize("typed", ["2027-10-31T01:00", "2027-10-31T01:30", "2027-10-31T01:59"])
def test_an_hour_that_comes_twice_is_refused_and_says_what_to_do(typed: str) -> None:
    sentence = messages_for(starts_at=typed)["starts_at"][0]
    assert sentence.startswith("On Sunday 31 October 2027 the clocks go back and 1")
    assert sentence.endswith("am comes twice. Choose a time before 1am or from 2am.")


def test_the_hour_before_and_after_are_what_they_were() -> None:
    before, after = datetime(2027, 10, 31, 0, 59), datetime(2027, 10, 31, 2)  # noqa: DTZ001
    assert london_moment(before) == datetime(2027, 10, 30, 23, 59, tzinfo=UTC)
    assert london_moment(after) == datetime(2027, 10, 31, 2, tzinfo=UTC)
