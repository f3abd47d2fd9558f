"""What is read as a name, a job title or an employer."""

import pytest
from django.core.exceptions import ValidationError

from accounts.names import parse_name

PERSIAN = "\u0645\u06cc\u200c\u062e"
SINHALA = "\u0dc1\u0dca\u200d\u0dbb\u0dd3"


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("Zoë", "Zoë"),
        ("  Zoë  Mary\u00a0Ann ", "Zoë Mary Ann"),
        ("\u200bZoë\ufeff", "Zoë"),
        ("\u202a0113 496 0000\u202c", "0113 496 0000"),
        ("Zoe\u0308", "Zoë"),
        ("O’Neill-Smith, J.P.", "O’Neill-Smith, J.P."),
        ("St. John", "St. John"),
        ("Nurse (Band 6) & SENCO / DSL", "Nurse (Band 6) & SENCO / DSL"),
        ("Level 2.5", "Level 2.5"),
        (PERSIAN, PERSIAN),
        (SINHALA, SINHALA),
        ("李小龍", "李小龍"),
        ("", ""),
        ("\u200b \u2060", ""),
    ],
)
def test_a_name_is_one_line_without_what_nobody_sees(typed: str, stored: str) -> None:
    assert parse_name(typed) == stored
    assert parse_name(stored) == stored


@pytest.mark.parametrize(
    "typed",
    [
        "Zo\u200be",
        "Zo\u00ade",
        "Zo\x00e",
        "Zoe\nYour account is closed",
        "Zoe\r\nBcc: all",
        "Zoe\u2028Smith",
        "Zoe\u2029Smith",
        "Zoe\u0085Smith",
        "Zoe\tSmith",
        "Zo\u202ee",
        "Zo\ufe0fe",
        "Zo\u3164e",
        "Zo\u200ce",
        "Zo\u200dë",
        f"\u0645\u200c Z {PERSIAN}",
        "Zo\U000e0061e",
        "Zo\ud800e",
    ],
)
def test_invisible_characters_inside_a_name_are_refused(typed: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_name(typed)
    assert refused.value.code == "invisible"


@pytest.mark.parametrize(
    "typed",
    [
        "https://evil.example/pay",
        "HTTP://EVIL",
        "see www.evil",
        "evil.com",
        "Officer at evil.co.uk now",
        "Zoe@evil.com",
        "evil\uff0ecom",
        "evil\u3002com",
        "evil\uff61com",
        "evil\u2024com",
        "\uff48\uff54\uff54\uff50\uff1a\uff0f\uff0fevil",
        "mailto:evil",
        "tel:0900",
        "пример.рф",
        "St.John",
    ],
)
def test_the_address_of_a_page_is_no_name(typed: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_name(typed)
    assert refused.value.code == "page"
    assert "put a space after" in refused.value.messages[0]
