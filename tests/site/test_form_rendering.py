"""Forms come out in the design system's markup, tied together for assistive technology."""

import re

from django import forms
from django.template.loader import render_to_string


class Booking(forms.Form):
    email = forms.EmailField(label="Work email", help_text="Your own address.")
    places = forms.IntegerField(label="How many places?")
    on = forms.DateField(label="Date", widget=forms.DateInput(attrs={"type": "date"}))
    needs = forms.CharField(
        label="Needs", help_text="Only organisers see it.", max_length=500, widget=forms.Textarea
    )
    agency = forms.ChoiceField(label="Agency", choices=[("", "Choose"), ("p", "Police")])
    how = forms.ChoiceField(
        label="How?",
        help_text="It can be changed.",
        choices=[("o", "Online"), ("p", "In person")],
        widget=forms.RadioSelect,
    )
    topics = forms.MultipleChoiceField(
        label="Topics", choices=[("n", "Neglect")], widget=forms.CheckboxSelectMultiple
    )
    agree = forms.BooleanField(label="I agree", help_text="Your manager is told.")
    letter = forms.FileField(label="Letter")
    token = forms.CharField(widget=forms.HiddenInput)

    def clean(self) -> None:
        raise forms.ValidationError("The session has just filled up.")


def control(html: str, identifier: str) -> str:
    found = re.search(rf'<[^>]*\bid="{identifier}"[^>]*>', html)
    assert found, identifier
    return found[0]


def test_every_kind_of_control_has_its_class() -> None:
    html = str(Booking())
    assert 'class="govuk-input"' in control(html, "id_email")
    assert 'class="govuk-input govuk-input--width-5"' in control(html, "id_places")
    assert 'class="govuk-input govuk-input--width-10"' in control(html, "id_on")
    assert 'class="govuk-textarea govuk-js-character-count"' in control(html, "id_needs")
    assert 'class="govuk-select"' in control(html, "id_agency")
    assert 'class="govuk-radios__input"' in control(html, "id_how_0")
    assert 'class="govuk-checkboxes__input"' in control(html, "id_topics_0")
    assert 'class="govuk-checkboxes__input"' in control(html, "id_agree")
    assert 'class="govuk-file-upload"' in control(html, "id_letter")
    assert "class" not in control(html, "id_token")


def test_width_named_by_the_form_replaces_the_usual_one() -> None:
    class Wide(forms.Form):
        count = forms.IntegerField(
            widget=forms.NumberInput(attrs={"class": "govuk-input--width-20"})
        )

    assert 'class="govuk-input govuk-input--width-20"' in str(Wide())


def test_hint_and_error_describe_the_control() -> None:
    html = str(Booking({"email": "no address"})["email"].as_field_group())
    email = control(html, "id_email")
    assert 'aria-invalid="true"' in email
    assert 'aria-describedby="id_email_helptext id_email_error"' in email
    assert "govuk-input--error" in email
    assert "govuk-form-group--error" in html
    assert "Your own address." in html
    assert "Enter a valid email address." in html


def test_fieldset_carries_the_description_of_radios() -> None:
    html = str(Booking({})["how"].as_field_group())
    assert 'aria-describedby="id_how_helptext id_how_error"' in html
    assert '<legend class="govuk-fieldset__legend">How?</legend>' in html
    assert '<label class="govuk-label govuk-radios__label" for="id_how_1">In person</label>' in html


def test_limit_of_a_long_answer_is_told_and_describes_it() -> None:
    html = str(Booking()["needs"].as_field_group())
    assert 'aria-describedby="id_needs_helptext id_needs-info"' in control(html, "id_needs")
    assert "You can enter up to 500 characters" in html


def test_no_browser_cuts_off_what_is_pasted() -> None:
    html = str(Booking({"email": f"{'x' * 400}@agency.org", "needs": "x" * 600}))
    assert not re.search(r'\smaxlength="', html)
    assert "x" * 400 in control(html, "id_email")
    assert "Ensure this value has at most 320 characters (it has 411)." in html
    assert "x" * 600 in html
    assert "Ensure this value has at most 500 characters (it has 600)." in html


def test_one_checkbox_has_its_label_after_it() -> None:
    html = str(Booking()["agree"].as_field_group())
    assert html.index('id="id_agree"') < html.index("I agree")
    assert 'aria-describedby="id_agree_helptext"' in control(html, "id_agree")


def test_error_of_the_whole_form_is_shown_above_its_fields() -> None:
    html = str(Booking({}))
    assert html.index("The session has just filled up.") < html.index("Work email")


def test_error_summary_leads_to_the_first_control_of_each_field() -> None:
    form = Booking({"email": "no address"})
    html = render_to_string("includes/error_summary.html", {"form": form})
    assert "There is a problem" in html
    assert "<li>The session has just filled up.</li>" in html
    assert '<a href="#id_email">Enter a valid email address.</a>' in html
    assert '<a href="#id_how_0">This field is required.</a>' in html
    assert '<a href="#id_topics_0">This field is required.</a>' in html
    page = str(form)
    for identifier in re.findall(r'href="#([^"]+)"', html):
        assert f'id="{identifier}"' in page


def test_error_summary_of_a_sound_form_is_nothing() -> None:
    assert not render_to_string("includes/error_summary.html", {"form": Booking()}).strip()


def test_what_people_typed_is_escaped() -> None:
    html = str(Booking({"email": '"><script>', "needs": "</textarea><script>"}))
    assert "<script>" not in html
