"""Delivery: order, fences, refusals, and nothing lost."""

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from threading import Thread
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import Settings

from booking.local.smtp_sink import SmtpSink
from booking.outbox import delivery, posting, remedies, settling, smtp
from booking.outbox.delivery import Composed, claim
from booking.outbox.models import Message
from tests.factories import NOW, make_coordinator
from tests.load.counting import Counting
from tests.outbox.mail_servers import mail_server
from tests.outbox.posting import Clock, compose, connected, names, post, sent, state_of
from tests.people import alone, at_once, wait_for_somebody_to_be_held_up

State = Message.State

pytestmark = pytest.mark.django_db
_TAKEN_AND_BEGUN = """
SELECT count(*) FILTER (WHERE state = 'sent'),
    count(*) FILTER (WHERE state = 'sending' AND attempts = 1)
FROM booking_message
"""


# --- posting ---


def test_posting_twice_is_refused_by_the_database() -> None:
    post("one")
    with pytest.raises(IntegrityError):
        post("one")


def test_posting_if_new_leaves_what_is_there() -> None:
    first = post("one")
    draft = posting.Draft(
        topic="reminder.days", subject_key="one", revision="0", stream="x", to_email="x@y.z"
    )
    with transaction.atomic():
        posting.post([draft], now=NOW, if_new=True)
    assert Message.objects.get() == first
    assert Message.objects.get().to_email == "one@agency.example"


@pytest.mark.django_db(transaction=True)
def test_posting_outside_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        posting.post([], now=NOW)


# --- claiming ---


def test_only_the_first_of_a_stream_is_claimed() -> None:
    post("invitation", stream="a")
    post("cancellation", stream="a")
    post("other")
    assert names(claim(now=NOW)) == ["invitation", "other"]
    assert claim(now=NOW) == []


def test_urgent_messages_are_claimed_first() -> None:
    post("one")
    post("code", is_urgent=True)
    assert names(claim(now=NOW)) == ["code", "one"]


def test_messages_wait_until_they_are_due() -> None:
    message = post("one")
    Message.objects.update(due_at=NOW + timedelta(seconds=1))
    assert claim(now=NOW) == []
    assert claim(now=NOW + timedelta(seconds=1)) == [message]


def test_a_lease_that_ran_out_is_claimed_anew_and_alone() -> None:
    post("one")
    post("two")
    claim(now=NOW)
    post("three")
    late = NOW + delivery.LEASE
    assert names(claim(now=late - timedelta(seconds=1))) == ["three"]
    [again] = claim(now=late)
    assert (again.subject_key, again.claim_number, again.silent_claims) == ("one", 2, 2)
    assert names(claim(now=late)) == ["two"]


@pytest.mark.django_db(transaction=True)
def test_two_workers_claim_different_messages() -> None:
    for number in range(20):
        post(f"m{number}")
    every: list[str] = []

    def work() -> None:
        while taken := claim(now=NOW, limit=3):
            every.extend(names(taken))

    assert at_once(*[work] * 4) == ["done"] * 4
    assert sorted(every) == sorted(f"m{number}" for number in range(20))


def test_a_worker_that_comes_back_too_late_settles_nothing(
    clock: Clock, smtp_sink: SmtpSink
) -> None:
    message = post("one")

    def slow_compose(messages: Sequence[Message]) -> Composed:
        clock.go(delivery.LEASE.total_seconds())
        assert names(claim(now=clock.now)) == ["one"]
        return compose(messages)

    with connected() as run:
        run(clock, slow_compose)
    message.refresh_from_db()
    assert (message.state, message.claim_number, message.attempts) == (State.SENDING, 2, 0)
    assert sent(smtp_sink) == []


# --- sending ---


def test_a_message_is_sent_once_and_its_stream_goes_on(clock: Clock, smtp_sink: SmtpSink) -> None:
    for number in range(3):
        post(f"m{number}", stream="a")
    with connected() as run:
        assert [run(clock) for _ in range(4)] == [1, 1, 1, 0]
    assert sent(smtp_sink) == ["m0", "m1", "m2"]
    assert set(Message.objects.values_list("state", flat=True)) == {State.SENT}


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_is_committed_before_the_next_is_handed_over(
    clock: Clock, settings: Settings
) -> None:
    # Codes, whose text is forgotten once they are taken.
    codes = [post(f"m{number}", is_urgent=True) for number in range(4)]
    seen = []

    link = connection.get_connection_params()

    def watching(content: bytes, before: int) -> str:
        # By another connection, which sees what is committed and nothing else.
        with psycopg.connect(**link) as other:
            seen.append(other.execute(_TAKEN_AND_BEGUN).fetchone())
        return "250 OK"

    with mail_server(watching, settings), connected() as run:
        run(clock)
    assert seen == [(0, 1), (1, 1), (2, 1), (3, 1)]
    for code in codes:
        assert state_of(code) == State.SENT
        assert (code.attempts, code.sent_at, code.mime) == (1, clock.now, None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "change",
    ["claim_number = 7", "state = 'dropped', lease_until = NULL"],
    ids=["taken", "dropped"],
)
@pytest.mark.parametrize("is_late", [False, True], ids=["before", "while it is settled"])
def test_one_that_is_nobody_s_any_more_once_the_one_before_is_sent_is_not_sent(
    clock: Clock, settings: Settings, change: str, is_late: bool
) -> None:
    messages = [post(f"m{number}") for number in range(3)]
    link = connection.get_connection_params()
    committing: list[Thread] = []

    def commit(other: "psycopg.Connection[Any]") -> None:
        if is_late:
            wait_for_somebody_to_be_held_up()
        other.commit()
        other.close()

    def slow(content: bytes, before: int) -> str:
        if not committing:
            other = psycopg.connect(**link)
            statement = f"UPDATE booking_message SET {change} WHERE subject_key = 'm1'"  # noqa: S608
            other.execute(statement.encode())
            committing.append(Thread(target=alone, args=[partial(commit, other)]))
            committing[0].start()
            if not is_late:
                committing[0].join()
        return "250 OK"

    with mail_server(slow, settings) as server, connected() as run:
        run(clock)
    committing[0].join()
    left = State.SENDING if "claim" in change else State.DROPPED
    assert [state_of(each) for each in messages] == [State.SENT, left, State.SENT]
    assert [each.attempts for each in messages] == [1, 0, 1]
    assert [b"Subject: m1\r\n" in each for each in server.received] == [False, False]


@pytest.mark.django_db(transaction=True)
def test_a_begun_one_that_another_worker_took_over_during_a_new_connection_is_left_to_it(
    clock: Clock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smtp, "IDLE_SECONDS_BEFORE_PROBE", 0)
    messages = [post(f"m{number}") for number in range(3)]
    link = connection.get_connection_params()

    def take_over(times: int) -> None:
        if times == 2:
            with psycopg.connect(**link) as other:
                other.execute(
                    "UPDATE booking_message SET claim_number = 7 WHERE subject_key = 'm1'"
                )

    with (
        mail_server(lambda content, before: "250 and hang up", settings) as server,
        connected() as run,
    ):
        server.when_greeted = take_over
        run(clock)
    assert [state_of(each) for each in messages] == [State.SENT, State.SENDING, State.SENT]
    assert [each.attempts for each in messages] == [1, 1, 1]
    assert [b"Subject: m1\r\n" in each for each in server.received] == [False, False]


def test_each_mail_more_costs_one_statement(clock: Clock, smtp_sink: SmtpSink) -> None:
    counts = []
    for number in (3, 9):
        for each in range(number):
            post(f"{number} {each}", to_email=f"p{each}@agency.example")
        with Counting() as counting, connected() as run:
            run(clock)
        counts.append(len(counting.statements))
    assert counts[1] - counts[0] == 6


def test_a_refusal_for_now_is_tried_again_with_the_same_bytes(
    clock: Clock, settings: Settings
) -> None:
    contents: list[bytes] = []

    def answer(content: bytes, before: int) -> str:
        contents.append(content)
        return "451 Greylisted" if before == 0 else "250 OK"

    def changing_compose(messages: Sequence[Message]) -> Composed:
        return {key: bytes(mime) + str(clock.now).encode() + b"\r\n"
                for key, mime in compose(messages).items() if isinstance(mime, bytes)}  # fmt: skip

    message = post("one")
    with mail_server(answer, settings), connected() as run:
        run(clock, changing_compose)
        message.refresh_from_db()
        assert (message.state, message.attempts) == (State.WAITING, 1)
        assert "451" in message.last_error
        assert timedelta(seconds=8) <= message.due_at - clock.now <= timedelta(seconds=12)
        assert run(clock, changing_compose) == 0
        clock.go(13)
        run(clock, changing_compose)
    assert state_of(message) == State.SENT
    assert contents[0] == contents[1]


def test_a_refusal_for_good_parks_the_message_and_its_stream_only(
    clock: Clock, settings: Settings
) -> None:
    def answer(content: bytes, before: int) -> str:
        return "550 No such person" if b"bad" in content else "250 OK"

    bad, behind, other = post("bad", stream="a"), post("behind", stream="a"), post("other")
    with mail_server(answer, settings) as server, connected() as run:
        run(clock)
        clock.go(7200)
        run(clock)
        assert [state_of(each) for each in (bad, behind, other)] == ["parked", "waiting", "sent"]
        assert "550 No such person" in bad.last_error
        assert len(server.received) == 1
        remedies.drop(
            message=bad, by=make_coordinator(), why="The address was wrong.", now=clock.now
        )
        run(clock)
        assert [state_of(bad), state_of(behind)] == [State.DROPPED, State.SENT]


def test_a_parked_message_is_sent_after_a_retry(clock: Clock, settings: Settings) -> None:
    message = post("one")

    def answer(content: bytes, before: int) -> str:
        return "250 OK" if before else "550 No"

    with mail_server(answer, settings), connected() as run:
        run(clock)
        assert state_of(message) == State.PARKED
        remedies.retry(message=message, by=make_coordinator(), now=clock.now)
        run(clock)
    assert state_of(message) == State.SENT


def test_refusals_for_now_end_after_three_days(clock: Clock, settings: Settings) -> None:
    message = post("one")
    with mail_server(lambda *_: "451 Not yet", settings), connected() as run:
        for _ in range(200):
            run(clock)
            if state_of(message) == State.PARKED:
                break
            clock.go(4400)
    assert message.state == State.PARKED
    assert clock.now - NOW > settling.GIVE_UP_AFTER


def test_what_is_left_when_the_time_is_over_is_given_back_as_it_was(
    clock: Clock, settings: Settings
) -> None:
    messages = [post(f"m{number}") for number in range(6)]

    def slow(content: bytes, before: int) -> str:
        clock.go(6)
        return "250 OK"

    with mail_server(slow, settings), connected() as run:
        run(clock, until=NOW + timedelta(seconds=20))
        assert [state_of(each) for each in messages] == [State.SENT] * 4 + [State.WAITING] * 2
        for left in messages[4:]:
            assert (left.attempts, left.silent_claims, left.last_error) == (0, 0, "")
            assert left.due_at == clock.now
        # Even when there was no time at all, one leaves.
        run(clock, until=NOW)
    assert [state_of(each) for each in messages] == [State.SENT] * 5 + [State.WAITING]


def test_mail_to_many_gives_way_to_what_is_written_meanwhile(
    clock: Clock, settings: Settings
) -> None:
    many = [post(f"m{number}", topic="bulletin.issue") for number in range(6)]

    def slow(content: bytes, before: int) -> str:
        clock.go(1.5)
        return "250 OK"

    with mail_server(slow, settings), connected() as run:
        run(clock)
        booked = post("booked")
        assert [state_of(each) for each in many] == [State.SENT] * 2 + [State.WAITING] * 4
        assert claim(now=clock.now)[0] == booked


def test_three_days_are_counted_from_the_first_refusal_not_from_the_writing(
    clock: Clock, settings: Settings
) -> None:
    message = post("one")
    with mail_server(lambda *_: "451 Not yet", settings), connected() as run:
        # There was no worker, or an earlier message of its stream was parked.
        clock.go(4 * 86400)
        run(clock)
        assert state_of(message) == State.WAITING
        assert message.refused_since == clock.now
        clock.go(2 * 86400)
        run(clock)
        assert state_of(message) == State.WAITING
        clock.go(2 * 86400)
        run(clock)
        assert state_of(message) == State.PARKED
        remedies.retry(message=message, by=make_coordinator(), now=clock.now)
        run(clock)
        assert state_of(message) == State.WAITING
