"""What a form says about what was typed."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django import forms

from accounts.fields import AddressQuestion, NameQuestion, email_field
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


class Odd(Form):
    why = forms.CharField(label="Why?", max_length=5)
    purpose = forms.CharField(label="What they come for", max_length=5)
    other = forms.CharField(label="The other agency", max_length=5)
    kind = forms.ChoiceField(label="How people attend", choices=[("a", "A")])
    first_name = NameQuestion(label="First name")
    email = AddressQuestion(label="Email address")


def test_a_label_that_is_no_name_is_quoted() -> None:
    errors = {name: [str(each) for each in words] for name, words in Odd({}).errors.items()}
    assert errors == {
        "why": ["Answer the question “Why?”."],
        "purpose": ["Write something under “What they come for”."],
        "other": ["Enter the other agency."],
        "kind": ["Choose something under “How people attend”."],
        "first_name": ["Enter the first name."],
        "email": ["Enter the email address."],
    }


def test_every_sentence_names_its_field() -> None:
    typed = {
        **dict.fromkeys(("why", "purpose", "other"), "much too long"),
        "kind": "b",
        "first_name": "An\u202en",
        "email": "a\u202eb@agency.example",
    }
    errors = {name: [str(each) for each in words] for name, words in Odd(typed).errors.items()}
    hidden = [errors.pop(name)[0] for name in ("first_name", "email")]
    assert [each.partition(" There is")[0] for each in hidden] == ["First name:", "Email address:"]
    assert errors == {
        "why": ["“Why?”: use 5 characters or fewer."],
        "purpose": ["“What they come for”: use 5 characters or fewer."],
        "other": ["Use 5 characters or fewer for the other agency."],
        "kind": ["How people attend: choose from the list."],
    }
    nothing = Odd({"why": "a\0b"}).errors["why"]
    assert list(nothing) == ["Why? There is a character in it that cannot be kept."]


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
