"""The coordinators' page of settings: what it takes, what it refuses, and that nothing is lost."""

import base64
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from booking.partnership.kept import change
from booking.partnership.models import USUAL_LEVELS, Partnership
from tests.factories import make_course, make_lead, make_person, make_policy, make_trainer
from tests.partnership.samples import JPEG, PNG, SVG, png
from tests.people import signed_in

pytestmark = pytest.mark.django_db

ADDRESS = "/manage/settings/"


def typed(**changes: Any) -> dict[str, Any]:
    """The form as a new installation shows it, with these changes."""
    return {
        "revision": "0",
        "name": "Safeguarding Children Partnership",
        "welcome": "",
        "colour": "",
        "help_email": "",
        "help_phone": "",
        "help_page": "",
        "usual_capacity": "20",
        "levels": USUAL_LEVELS,
        "join_opens_minutes": "15",
        "join_closes_minutes": "30",
        "list_days": "14",
        "repeated_absences": "2",
        "repeated_months": "12",
        **changes,
    }


def file(content: bytes, name: str = "logo.png", content_type: str = "image/png") -> Any:
    """A file as a browser sends it."""
    return SimpleUploadedFile(name, content, content_type)


def refusal(answer: Any) -> str:
    """The sentences at the top of a page that refuses."""
    assert answer.status_code == 422
    [summary] = re.findall(r'error-summary__list">(.*?)</ul>', answer.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]*>", " ", summary).split())


@pytest.mark.parametrize("make", [make_person, make_lead, make_trainer])
def test_it_is_there_for_coordinators_only(make: Any) -> None:
    client = signed_in(make())
    assert client.get(ADDRESS).status_code == 404
    assert client.post(ADDRESS, typed(name="Mine")).status_code == 404
    assert not Partnership.objects.exists()


def test_everything_is_saved_and_shown(coordinator: Client) -> None:
    assert ADDRESS in coordinator.get(reverse("manage_sessions")).text
    values = {
        "name": "Leeds Safeguarding Children Partnership",
        "welcome": "Training for Leeds.",
        "colour": "7A1F4B",
        "help_email": "training@leeds.example",
        "help_phone": "+44 113 496 0000",
        "help_page": "leeds.example/help",
        "usual_capacity": "18",
        "usual_policy": make_policy().name,
        "closes_days": "3",
        "school_terms": "Autumn = 1 September 2026 to 23/10/2026",
        "join_opens_minutes": "20",
        "join_closes_minutes": "0",
        "list_days": "30",
        "usual_part_minutes": "10",
        "usual_absent_minutes": "45",
        "repeated_absences": "3",
        "repeated_months": "6",
    }
    answer = coordinator.post(ADDRESS, typed(**values, logo=file(PNG)), follow=True)
    assert answer.redirect_chain == [(ADDRESS, 302)]
    row = Partnership.objects.get()
    stored = {name: str(getattr(row, name)) for name in values}
    assert stored == values | {"colour": "#7a1f4b", "help_page": "https://leeds.example/help"}
    assert (bytes(row.logo), row.logo_type, row.logo_width, row.logo_height) == (
        PNG,
        "image/png",
        3,
        2,
    )
    assert "Saved." in answer.text
    assert '<span class="app-desk-colour">#7a1f4b</span>' in answer.text
    assert f'src="{row.logo_url}" alt="Leeds Safeguarding Children Partnership"' in answer.text
    assert 'value="+44 113 496 0000"' in answer.text
    new_course = coordinator.get(reverse("manage_course_new")).text
    assert re.search(r'name="usual_capacity" value="18"', new_course)
    assert f"selected>{values['usual_policy']}</option>" in new_course
    assert re.search(r'name="absent_after_minutes" value="45"', new_course)


def test_saving_without_a_file_keeps_the_logo_and_it_can_be_removed(coordinator: Client) -> None:
    coordinator.post(ADDRESS, typed(logo=file(JPEG, "logo.png")))
    assert Partnership.objects.get().logo_type == "image/jpeg"
    coordinator.post(ADDRESS, typed(revision="1", name="Leeds"))
    row = Partnership.objects.get()
    assert (row.name, bytes(row.logo)) == ("Leeds", JPEG)
    coordinator.post(ADDRESS, typed(revision="2", remove_logo="on"))
    row = Partnership.objects.get()
    assert (bytes(row.logo), row.logo_type, row.logo_url) == (b"", "", "")


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", " ", "Enter the name of the partnership."),
        ("name", "x" * 201, "Use 200 characters or fewer for the name of the partnership."),
        ("welcome", "x" * 301, "Use 300 characters or fewer for the welcome."),
        ("colour", "teal", "Enter the colour as # and six figures"),
        ("colour", "#000000;}body{", "Enter the colour as # and six figures"),
        ("colour", "#ffc857", "#ffc857 is too pale to be read: its contrast"),
        # Dark enough on white, and not on the ground of the foot of the page.
        ("colour", "#757575", "is 4.1 to 1, and must be 4.5 to 1. Choose a darker one."),
        ("help_email", "training", "Enter an email address in the right form"),
        ("help_email", "x" * 250 + "@leeds.example", "at most 254 characters"),
        ("help_phone", "ask Sam", "Enter a phone number of figures and spaces"),
        ("help_phone", "0" * 41, "Enter a phone number of figures and spaces"),
        ("help_page", "not an address", "Enter the whole address of the page"),
        ("help_page", "ftp://leeds.example/", "must begin with https://"),
        ("help_page", "javascript:alert(1)", "Enter the whole address of the page"),
        ("school_terms", "Autumn = soon", "“Autumn = soon” is not like that."),
        ("levels", "Foundation", "“Foundation” is not like that."),
        ("levels", "\n".join(["A = b"] * 10), "There can be 9 levels at most."),
        ("closes_days", "99", "enter a whole number from 0 to 20."),
        ("usual_policy", "None such", "Usual rules of cancelling: choose from the list."),
        ("usual_capacity", "0", "Usual number of places: enter a whole number from 1 to 5,000."),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_the_rest_is_kept(
    coordinator: Client, field: str, value: str, sentence: str
) -> None:
    others = {"name": "Kept name", "welcome": "Kept welcome", "help_phone": "0113 496 0000"}
    answer = coordinator.post(ADDRESS, typed(**{**others, field: value}))
    assert sentence in refusal(answer)
    assert not Partnership.objects.exists()
    for name, kept in others.items():
        assert name == field or kept in answer.text


@pytest.mark.parametrize(
    ("upload", "sentence"),
    [
        (file(SVG, "logo.svg", "image/svg+xml"), "must be a PNG, JPEG or WebP picture"),
        (file(SVG, "logo.png", "image/png"), "must be a PNG, JPEG or WebP picture"),
        (file(b"", "logo.png"), "The file is empty."),
        (file(PNG[:-20]), "damaged or not complete"),
        (file(png(width=5000)), "at most 2,000 by 2,000 pixels"),
        (file(PNG + b"\0" * 3_000_000), "100 kB or less"),
    ],
)
def test_a_logo_that_cannot_be_is_refused_and_the_rest_is_kept(
    coordinator: Client, upload: Any, sentence: str
) -> None:
    upload.seek(0)
    answer = coordinator.post(ADDRESS, typed(name="Kept name", logo=upload))
    assert sentence in refusal(answer)
    assert 'value="Kept name"' in answer.text
    assert not Partnership.objects.exists()


def test_a_logo_is_not_lost_when_something_else_is_refused(coordinator: Client) -> None:
    answer = coordinator.post(ADDRESS, typed(name="", logo=file(PNG)))
    assert refusal(answer) == "Enter the name of the partnership."
    text = base64.b64encode(PNG).decode()
    assert f"data:image/png;base64,{text}" in answer.text
    assert f'name="chosen_logo" value="{text}"' in answer.text
    coordinator.post(ADDRESS, typed(chosen_logo=text))
    assert bytes(Partnership.objects.get().logo) == PNG


@pytest.mark.parametrize("chosen", ["!", base64.b64encode(b"x").decode() + "x"])
def test_a_chosen_logo_that_was_tampered_with_is_none(coordinator: Client, chosen: str) -> None:
    assert coordinator.post(ADDRESS, typed(chosen_logo=chosen)).status_code == 302
    assert Partnership.objects.get().logo_url == ""


def test_a_chosen_logo_is_looked_at_as_any_other(coordinator: Client) -> None:
    chosen = base64.b64encode(SVG).decode()
    answer = coordinator.post(ADDRESS, typed(chosen_logo=chosen))
    assert "must be a PNG, JPEG or WebP picture" in refusal(answer)


def test_a_new_logo_and_none_at_once_is_asked_again(coordinator: Client) -> None:
    answer = coordinator.post(ADDRESS, typed(logo=file(PNG), remove_logo="on"))
    assert refusal(answer) == "Choose a new logo or none, not both."


def test_what_somebody_else_saved_meanwhile_is_not_lost_unseen(coordinator: Client) -> None:
    change(values={"name": "Theirs"}, by=None)
    answer = coordinator.post(ADDRESS, typed(name="Mine"))
    assert "Somebody else has changed these settings meanwhile." in refusal(answer)
    assert Partnership.objects.get().name == "Theirs"
    assert 'value="Mine"' in answer.text
    [revision] = re.findall(r'name="revision" value="(\d+)"', answer.text)
    assert coordinator.post(ADDRESS, typed(name="Mine", revision=revision)).status_code == 302
    assert Partnership.objects.get().name == "Mine"


@pytest.mark.parametrize(
    ("order", "moved"),
    [("ABD", ""), ("ABCD", ""), ("BC", "A and B"), ("BAC", "A and B"), ("NABC", "A, B and C")],
)
def test_a_level_that_is_used_stays_where_it_is(
    coordinator: Client, order: str, moved: str
) -> None:
    change(values={"levels": "A = a\nB = b\nC = c"}, by=None)
    make_course(level=2)
    make_person(level=1)
    revision = str(Partnership.objects.get().revision)
    levels = "\n".join(f"{name} = work" for name in order)
    answer = coordinator.post(ADDRESS, typed(levels=levels, revision=revision))
    if moved:
        assert f"{moved} would stand elsewhere or be gone" in refusal(answer)
        assert "of 1 course and 1 person" in refusal(answer)
    else:
        assert answer.status_code == 302


def test_a_name_stays_in_one_line(coordinator: Client) -> None:
    coordinator.post(ADDRESS, typed(name="Leeds\r\nBcc: all@leeds.example"))
    assert Partnership.objects.get().name == "Leeds Bcc: all@leeds.example"


def test_a_chosen_logo_can_be_given_up_and_no_picture_is_left_out(coordinator: Client) -> None:
    wrong = {"name": "", "usual_capacity": "20", "levels": USUAL_LEVELS, "revision": "0"}
    for chosen in ("é", "bm90IGEgcGljdHVyZQ=="):
        answer = coordinator.post(
            reverse("manage_settings"), {**wrong, "chosen_logo": chosen, "remove_logo": "on"}
        )
        assert answer.status_code == 422
        assert "Choose a new logo or none" not in answer.text
    answer = coordinator.post(reverse("manage_settings"), {**wrong, "chosen_logo": "é"})
    assert answer.status_code == 422


@pytest.mark.parametrize("before", [PNG, b"no picture"])
def test_a_second_file_that_is_refused_does_not_lose_the_first(
    coordinator: Client, before: bytes
) -> None:
    text = base64.b64encode(before).decode()
    answer = coordinator.post(ADDRESS, typed(chosen_logo=text, logo=file(SVG)))
    assert "SVG cannot be used" in refusal(answer)
    assert (f'name="chosen_logo" value="{text}"' in answer.text) is (before == PNG)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        (
            "levels",
            f"{USUAL_LEVELS}\nlevel 3 = I train others",
            "Two levels are called Level 3. Give each its own name.",
        ),
        ("levels", f"{USUAL_LEVELS}\nLevel 4 = {'x' * 201}", "Use 60 characters or fewer"),
        (
            "school_terms",
            "Autumn = 23 October 2026 to 1 September 2026",
            "“Autumn = 23 October 2026 to 1 September 2026” ends before it begins.",
        ),
        (
            "school_terms",
            "One = 1 September 2026 to 23 October 2026\nTwo = 1/10/2026 to 18/12/2026",
            "“Two” begins before “One” is over. Mend one of the two.",
        ),
    ],
)
def test_levels_and_terms_that_cannot_be_are_refused_and_stay_on_the_page(
    coordinator: Client, name: str, text: str, why: str
) -> None:
    answer = coordinator.post(ADDRESS, typed(**{name: text}))
    assert why in refusal(answer)
    assert answer.context["form"][name].value() == text


def test_what_is_rarely_changed_is_folded_until_something_in_it_is_wrong(
    coordinator: Client,
) -> None:
    folds = re.compile(r'<details class="govuk-details"( open)?>.*?</details>', re.DOTALL)
    at_first = coordinator.get(ADDRESS).text
    assert [found[1] for found in folds.finditer(at_first)] == [None] * 6
    answer = coordinator.post(ADDRESS, typed(acronyms="DA"))
    [opened] = [found[0] for found in folds.finditer(answer.text) if found[1]]
    assert 'name="acronyms"' in opened
