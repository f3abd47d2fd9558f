"""A promise that is not kept makes the table say so, and the command fail."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.load.processors import Reading, Shares
from tests.load.quarter import Quarter, overwhelmed
from tests.load.report import Line, missed_targets
from tests.load.rush_checks import Asked, Checks, wrong_mails, wrong_order, wrong_places
from tests.load.visits import Visits

_NINE = datetime(2026, 11, 30, 9, tzinfo=UTC)
# Two places, and two people behind them.
_ASKED = [
    Asked("a@agency.example", "confirmed", None, _NINE),
    Asked("b@agency.example", "confirmed", None, _NINE + timedelta(seconds=1)),
    Asked("c@agency.example", "waiting", 1, _NINE + timedelta(seconds=2)),
    Asked("d@agency.example", "waiting", 2, _NINE + timedelta(seconds=3)),
]
_MAILS = {each.email: [each.committed.timestamp() + 2] for each in _ASKED}


def test_exact_places() -> None:
    assert not wrong_places(_ASKED, capacity=2, came=4, counted=2)
    assert not wrong_places(_ASKED[:1], capacity=2, came=1, counted=1)
    one_more = [*_ASKED[:2], replace(_ASKED[2], state="confirmed", ticket=None), _ASKED[3]]
    assert wrong_places(one_more, capacity=2, came=4, counted=2)
    assert wrong_places(_ASKED, capacity=3, came=4, counted=2)
    assert wrong_places(_ASKED, capacity=2, came=4, counted=1)
    assert wrong_places(_ASKED, capacity=2, came=5, counted=2)
    assert wrong_places([*_ASKED, _ASKED[3]], capacity=2, came=4, counted=2)


def test_waiting_list_in_the_order_of_commits() -> None:
    assert not wrong_order(_ASKED)
    assert not wrong_order(list(reversed(_ASKED)))
    overtaken = [*_ASKED[:3], replace(_ASKED[3], committed=_NINE + timedelta(seconds=1.5))]
    assert wrong_order(overtaken)
    late_place = [_ASKED[0], replace(_ASKED[1], committed=_NINE + timedelta(seconds=9))]
    assert wrong_order([*late_place, *_ASKED[2:]])


def test_one_mail_for_each() -> None:
    assert not wrong_mails(_ASKED, _MAILS)
    assert wrong_mails(_ASKED, {**_MAILS, "a@agency.example": []})
    assert wrong_mails(_ASKED, {**_MAILS, "a@agency.example": [1.0, 2.0]})


@pytest.mark.parametrize(
    ("checks", "missed"),
    [
        (Checks(waits=[2.0]), []),
        (Checks(waits=[2.0], places=["wrong"]), ["rush: exact places"]),
        (Checks(waits=[2.0], order=["wrong"]), ["rush: order of the waiting list"]),
        (Checks(waits=[2.0], mails=["wrong"]), ["rush: confirmations, commit to SMTP accept"]),
        (Checks(waits=[61.0]), ["rush: confirmations, commit to SMTP accept"]),
        (Checks(), ["rush: confirmations, commit to SMTP accept"]),
    ],
    ids=["kept", "places", "order", "mails", "late", "nobody came"],
)
def test_what_is_wrong_after_the_rush_misses_its_target(checks: Checks, missed: list[str]) -> None:
    assert missed_targets(list(checks.lines("rush"))) == missed


def test_more_and_more_people_are_too_many_once_two_windows_are_slow() -> None:
    visits = Visits()
    quick = [("page", second / 10, 0.1) for second in range(200)]
    visits.noted = quick
    assert visits.first_too_slow() is None
    visits.noted = [*quick, ("page", 4.5, 0.9)]
    assert visits.first_too_slow() is None
    visits.noted = [*quick, ("page", 8.5, 0.9), ("page", 11.0, 0.9), ("page", 17.0, 0.9)]
    assert visits.first_too_slow() == 8.0


def _quarter(
    *, seconds: float = 0.05, statements: Sequence[int] = (4, 4), web: Sequence[int] = (300, 300)
) -> Quarter:
    quarter = Quarter(seconds=4, rates={"anonymous pages": 2, "bookings": 1})
    for number in range(4):
        last = number == 3
        for kind in quarter.rates:
            quarter.answers[kind, number] = [(seconds, statements[last])] * 3
        quarter.memory.append({"web": web[last], "worker": 400})
    return quarter


@pytest.mark.parametrize(
    ("quarter", "missed"),
    [
        (_quarter(), set()),
        (_quarter(seconds=0.2), {"anonymous pages", "bookings"}),
        (_quarter(statements=(4, 5)), {"statements, anonymous pages", "statements, bookings"}),
        (_quarter(web=(300, 400)), {"memory, web"}),
    ],
    ids=["kept", "slow", "more statements", "more memory"],
)
def test_what_is_not_flat_or_fast_misses_its_target(quarter: Quarter, missed: set[str]) -> None:
    shares = Shares(Reading({}, 0.0, 0.0), Reading({"web": 1.0}, 1.5, 2.0))
    lines: list[Line] = list(quarter.lines(shares))
    titles = {title.rpartition("shoebox: ")[2] for title in missed_targets(lines)}
    assert titles == missed


def test_what_was_given_up_stays_so_when_the_queue_has_been_answered() -> None:
    quarter = _quarter()
    quarter.recent.extend([4.0] * 100 + [6.0] * 99)
    assert not quarter.is_given_up()
    quarter.recent.extend([6.0] * 100)
    assert quarter.is_given_up()
    quarter.recent.extend([0.1] * 200)
    assert quarter.is_given_up()
    shares = Shares(Reading({}, 0.0, 0.0), Reading({"web": 1.0}, 1.5, 2.0))
    line = overwhelmed(quarter, shares)
    assert "half of 200 answers in turn took 6.0 s or more" in line.note
    assert missed_targets([line]) == ["shoebox: pages and bookings"]


def test_shares_say_what_others_took_of_the_processors() -> None:
    before = Reading({"web": 3.0}, 10.0, 20.0)
    shares = Shares(before, Reading({"web": 4.0, "worker": 0.5}, 12.0, 24.0))
    assert shares.words == "web 25%, worker 12%, other work on this machine 12%, idle 50%"
