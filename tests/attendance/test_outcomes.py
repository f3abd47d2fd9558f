"""What the course's rule makes of what was seen."""

from datetime import timedelta

import pytest

from booking.attendance.models import Mark
from booking.attendance.outcomes import CountingRule, Seen, outcome_of
from booking.catalogue.models import Sitting
from booking.places.models import Booking
from tests.factories import NOW

What, Outcome = Mark.What, Booking.Outcome
# Three dates of three hours.
DATES = [
    Sitting(starts_at=NOW + timedelta(days=day), ends_at=NOW + timedelta(days=day, hours=3))
    for day in range(3)
]
USUAL = CountingRule(part_after=15, absent_after=30)
CAME, AWAY, SORRY = (Seen(what=what) for what in (What.ATTENDED, What.ABSENT, What.APOLOGIES))


@pytest.mark.parametrize(
    ("seen", "outcome"),
    [
        (CAME, Outcome.ATTENDED),
        (AWAY, Outcome.ABSENT),
        (SORRY, Outcome.APOLOGIES),
        (Seen(), Outcome.ABSENT),
        (Seen(what=What.PART), Outcome.PART),
        (Seen(what=What.ATTENDED, late=15), Outcome.ATTENDED),
        (Seen(what=What.ATTENDED, late=16), Outcome.PART),
        (Seen(what=What.ATTENDED, late=10, early=10), Outcome.PART),
        (Seen(what=What.ATTENDED, late=31), Outcome.ABSENT),
        # Marked as part, but the minutes are within the rule.
        (Seen(what=What.PART, early=5), Outcome.ATTENDED),
        (Seen(what=What.ATTENDED, there=180), Outcome.ATTENDED),
        (Seen(what=What.ATTENDED, there=160), Outcome.PART),
        (Seen(what=What.ATTENDED, there=100), Outcome.ABSENT),
        # Longer there than it was held.
        (Seen(what=What.ATTENDED, there=999), Outcome.ATTENDED),
    ],
)
def test_one_date_by_the_usual_rule(seen: Seen, outcome: Booking.Outcome) -> None:
    assert outcome_of([seen], DATES[:1], USUAL) == outcome


@pytest.mark.parametrize(
    ("rule", "outcome"),
    [
        (CountingRule(), Outcome.ATTENDED),
        (CountingRule(part_after=30), Outcome.PART),
        (CountingRule(absent_after=15), Outcome.ABSENT),
        (CountingRule(part_after=60, absent_after=90), Outcome.ATTENDED),
    ],
)
def test_published_rules_differ(rule: CountingRule, outcome: Booking.Outcome) -> None:
    late = Seen(what=What.ATTENDED, late=40)
    assert outcome_of([late], DATES[:1], rule) == outcome


@pytest.mark.parametrize(
    ("seen", "must_attend", "outcome"),
    [
        ((CAME, CAME, CAME), (), Outcome.ATTENDED),
        ((CAME, CAME, AWAY), (), Outcome.PART),
        ((CAME, CAME, AWAY), (1, 2), Outcome.ATTENDED),
        ((AWAY, CAME, CAME), (1,), Outcome.PART),
        ((AWAY, AWAY, AWAY), (1,), Outcome.ABSENT),
        ((SORRY, SORRY, SORRY), (), Outcome.APOLOGIES),
        ((SORRY, AWAY, SORRY), (), Outcome.ABSENT),
        ((SORRY, AWAY, AWAY), (1,), Outcome.APOLOGIES),
        # The session has fewer dates than the course usually has.
        ((CAME, AWAY, CAME), (4, 5), Outcome.PART),
    ],
)
def test_which_dates_count(
    seen: tuple[Seen, ...], must_attend: tuple[int, ...], outcome: Booking.Outcome
) -> None:
    assert outcome_of(seen, DATES, CountingRule(must_attend=must_attend)) == outcome


def test_the_rule_is_told_in_words() -> None:
    assert CountingRule().in_words == ["Every date must be attended."]
    rule = CountingRule(must_attend=(1, 3), part_after=15, absent_after=30)
    assert rule.in_words == [
        "Date 1 and 3 must be attended.",
        "Missing more than 15 minutes of a date counts as part of it.",
        "Missing more than 30 minutes of a date counts as absence from it.",
    ]
