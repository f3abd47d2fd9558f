"""What a form says about what was typed."""

from typing import Any

from django import forms

from booking.site.form_kit import Form, email_field


class VenueCard(Form):
    name = forms.CharField(label="Name of the venue", max_length=5)
    code = forms.CharField(error_messages={"required": "Enter a code, such as V1."})
    kind = forms.ChoiceField(label="Kind (optional)", required=False, choices=[("a", "A")])
    size = forms.ChoiceField(label="How large is it?", choices=[("s", "Small")])
    email = email_field("Your email address")


def messages_for(**typed: Any) -> dict[str, list[str]]:
    return dict(VenueCard(typed).errors)


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
