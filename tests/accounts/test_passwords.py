"""Passwords that somebody who knows the site would try first."""

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from booking.partnership import kept
from tests.factories import make_person

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "password",
    [
        "Safeguarding2026!",
        "training-training",
        "BriefedBriefed12",
        "Rutlandborough1234",
        "password-1234567",
    ],
)
def test_words_of_ours_with_trimmings_are_refused(password: str) -> None:
    kept.change(values={"name": "Rutlandborough Partnership"}, by=None)
    with pytest.raises(ValidationError):
        validate_password(password)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "a school of herring sings at dawn",
        "žluťoučký kůň úpěl",
        "7291 5530 8816 4417",
        "x" * 40 + "q" * 40 + "-7",
    ],
)
def test_any_other_long_password_will_do(password: str) -> None:
    validate_password(password, make_person())


@pytest.mark.parametrize("password", ["eleven char", "qwertyuiop123", "1234567890123"])
def test_short_and_common_ones_are_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


@pytest.mark.parametrize("password", ["Manchester123", "mAnChEsTeR123", "iloveyou1234"])
def test_leaked_ones_are_refused_in_whatever_case(password: str) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(password)
    assert [each.code for each in refused.value.error_list] == ["password_leaked"]
