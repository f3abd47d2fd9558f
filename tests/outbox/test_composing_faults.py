"""Messages that cannot or need not be written stop no others."""

import multiprocessing
import os
from collections.abc import Sequence
from functools import partial
from threading import Event
from typing import Any

import pytest
from django.db import DataError, OperationalError, connection
from pytest_django import Settings

from booking.local.smtp_sink import SmtpSink
from booking.outbox import delivery
from booking.outbox.delivery import Composed, Pointless, Unsendable, WhenAsked, claim
from booking.outbox.models import ACCOUNT_MAIL, Message
from tests.outbox.mail_servers import mail_server
from tests.outbox.posting import Clock, compose, connected, post, sent, state_of

State = Message.State

pytestmark = pytest.mark.django_db


def test_what_cannot_be_composed_is_parked_and_the_rest_is_sent(
    clock: Clock, smtp_sink: SmtpSink
) -> None:
    poison, *others = [post(f"m{number}") for number in range(4)]

    def picky(messages: Sequence[Message]) -> Composed:
        return {**compose(messages), poison.pk: Unsendable("No template.")}

    with connected() as run:
        run(clock, picky)
    assert state_of(poison) == State.PARKED
    assert poison.last_error == "No template."
    assert {state_of(other) for other in others} == {State.SENT}
    assert sent(smtp_sink) == ["m1", "m2", "m3"]


def test_what_is_pointless_is_passed_over_and_does_not_block_its_stream(
    clock: Clock, smtp_sink: SmtpSink
) -> None:
    reminder, change = post("reminder", stream="a"), post("change", stream="a")

    def wise(messages: Sequence[Message]) -> Composed:
        return {**compose(messages), reminder.pk: Pointless("Moved.")}

    with connected() as run:
        run(clock, wise)
        run(clock)
    assert [state_of(reminder), state_of(change)] == [State.SUPERSEDED, State.SENT]
    assert sent(smtp_sink) == ["change"]


def test_a_message_that_kills_its_worker_is_parked_in_the_end(
    clock: Clock, smtp_sink: SmtpSink
) -> None:
    message = post("one")
    for _ in range(delivery.CLAIMS_BEFORE_PARKING):
        assert claim(now=clock.now) == [message]
        clock.go(delivery.LEASE.total_seconds())

    def deadly(messages: Sequence[Message]) -> Composed:
        raise AssertionError("It was composed once more.")

    with connected() as run:
        run(clock, deadly)
    assert state_of(message) == State.PARKED
    assert "stopped several times" in message.last_error
    assert sent(smtp_sink) == []


@pytest.mark.django_db(transaction=True)
def test_a_message_whose_composing_kills_its_worker_takes_no_other_with_it_for_long(
    clock: Clock, smtp_sink: SmtpSink
) -> None:
    deadly, *others = [post(f"m{number}") for number in range(4)]

    def killing(messages: Sequence[Message]) -> Composed:
        if deadly.pk in {message.pk for message in messages}:
            os._exit(9)
        return compose(messages)

    def work() -> None:
        with connected() as run:
            while run(clock, killing):
                pass

    for _ in range(delivery.CLAIMS_BEFORE_PARKING + 1):
        connection.close()
        worker = multiprocessing.get_context("fork").Process(target=work)
        worker.start()
        worker.join()
        clock.go(delivery.LEASE.total_seconds())
    assert worker.exitcode == 0
    assert state_of(deadly) == State.PARKED
    assert {state_of(other) for other in others} == {State.SENT}
    assert sorted(sent(smtp_sink)) == ["m1", "m2", "m3"]


@pytest.mark.parametrize("fails_when_asked", [False, True, "alone"])
@pytest.mark.parametrize("fault", [LookupError, DataError, SystemError])
def test_a_message_whose_composing_fails_is_parked_and_the_rest_is_sent(
    clock: Clock, smtp_sink: SmtpSink, fault: type[Exception], *, fails_when_asked: object
) -> None:
    first, poison, *more = [post(f"m{number}") for number in range(4)]
    others = [first, *more]

    def failing(messages: Sequence[Message]) -> Composed:
        if fails_when_asked == "alone" and len(messages) > 1:
            raise fault("Nobody can tell of whom.")
        if fails_when_asked:
            return when_asked(messages, poison, fault("What it needs is not there."))
        if poison.pk in {message.pk for message in messages}:
            raise fault("What it needs is not there.")
        return compose(messages)

    with connected() as run:
        run(clock, failing)
    assert state_of(poison) == State.PARKED
    reason = f"It could not be written: {fault.__name__}: What it needs is not there."
    assert poison.last_error == reason
    assert {state_of(other) for other in others} == {State.SENT}
    assert sent(smtp_sink) == ["m0", "m2", "m3"]


def when_asked(messages: Sequence[Message], poison: Message, fault: Exception) -> Composed:
    """Each composed when it is asked for, which fails for one."""
    composed = compose(messages)

    def make(message: Message) -> Any:
        if message == poison:
            raise fault
        return composed[message.pk]

    return WhenAsked({message.pk: partial(make, message) for message in messages})


def test_what_was_taken_is_settled_although_the_next_cannot_be_composed_now(
    clock: Clock, smtp_sink: SmtpSink
) -> None:
    taken, poison, last = [post(f"m{number}") for number in range(3)]
    tries = []

    def failing(messages: Sequence[Message]) -> Composed:
        composed = when_asked(messages, poison, OperationalError("The database is restarting."))

        def make(key: int) -> Any:
            tries.append(key)
            return composed[key]

        return WhenAsked({key: partial(make, key) for key in composed})

    with connected() as run, pytest.raises(OperationalError):
        run(clock, failing)
    states = [state_of(message) for message in (taken, poison, last)]
    assert states == [State.SENT, State.SENDING, State.SENDING]
    assert sent(smtp_sink) == ["m0"]
    # What went wrong while another was being sent is remembered, not tried again.
    assert tries == [taken.pk, poison.pk]


def test_the_next_is_composed_while_the_server_looks_at_the_one_before(
    clock: Clock, settings: Settings
) -> None:
    messages = [post(f"m{number}") for number in range(3)]
    composed = {message.subject_key: Event() for message in messages}
    was_in_time = []

    def composing(batch: Sequence[Message]) -> Composed:
        made = compose(batch)

        def make(message: Message) -> Any:
            composed[message.subject_key].set()
            return made[message.pk]

        return WhenAsked({message.pk: partial(make, message) for message in batch})

    def answer(content: bytes, before: int) -> str:
        following = {b"m0": "m1", b"m1": "m2"}.get(content[9:11])
        was_in_time.append(following is None or composed[following].wait(timeout=3))
        return "250 OK"

    with mail_server(answer, settings), connected() as run:
        run(clock, composing)
    assert was_in_time == [True] * 3
    assert {state_of(message) for message in messages} == {State.SENT}


@pytest.mark.parametrize("is_late", [False, True])
def test_no_message_is_blamed_for_the_database_or_for_lack_of_time(
    clock: Clock, smtp_sink: SmtpSink, is_late: bool
) -> None:
    messages = [post(f"m{number}") for number in range(2)]

    def failing(messages: Sequence[Message]) -> Composed:
        if is_late:
            clock.go(delivery.LEASE.total_seconds())
            raise RuntimeError("The time is up.")
        raise OperationalError("The database is restarting.")

    with connected() as run, pytest.raises((OperationalError, RuntimeError)):
        run(clock, failing)
    assert {state_of(message) for message in messages} == {State.SENDING}
    clock.go(delivery.LEASE.total_seconds())
    with connected() as run:
        while run(clock):
            pass
    assert sent(smtp_sink) == ["m0", "m1"]


def test_an_impossible_address_is_parked(clock: Clock, smtp_sink: SmtpSink) -> None:
    message = post("one")
    Message.objects.update(to_email="a@b.example\r\nRCPT TO:<c@d.example>")
    with connected() as run:
        run(clock)
    assert state_of(message) == State.PARKED
    assert sent(smtp_sink) == []


@pytest.mark.parametrize(
    ("first_answer", "outcome"), [("451 Not yet", State.SUPERSEDED), ("hang up", State.SENT)]
)
def test_what_became_pointless_while_it_was_refused_is_not_sent_any_more(
    clock: Clock, settings: Settings, first_answer: str, outcome: str
) -> None:
    reminder = post("reminder")
    frozen: list[bytes] = []

    def answer(content: bytes, before: int) -> str:
        frozen.append(content)
        return "250 OK" if before else first_answer

    def too_late(messages: Sequence[Message]) -> Composed:
        return {message.pk: Pointless("It has begun.") for message in messages}

    with mail_server(answer, settings), connected() as run:
        run(clock)
        assert state_of(reminder) == State.WAITING
        clock.go(20)
        run(clock, too_late)
    # What a server may have goes on as it was, so that a duplicate is one to everybody.
    assert state_of(reminder) == outcome
    assert len(frozen) == (2 if outcome == State.SENT else 1)
    assert len(set(frozen)) == 1


def test_nobody_is_asked_whether_a_code_that_was_refused_is_still_needed(
    clock: Clock, settings: Settings
) -> None:
    message = post("code")
    Message.objects.update(topic=ACCOUNT_MAIL, mime=b"Message-ID: <code@briefed.example>\r\n\r\n")

    def answer(content: bytes, before: int) -> str:
        return "250 OK" if before else "451 Not yet"

    def never(messages: Sequence[Message]) -> Composed:
        return {message.pk: Pointless("Unknown.") for message in messages}

    with mail_server(answer, settings), connected() as run:
        run(clock, never)
        clock.go(20)
        run(clock, never)
    assert state_of(message) == State.SENT


def test_a_link_to_answer_by_is_not_kept_when_it_became_pointless(
    clock: Clock, settings: Settings
) -> None:
    message = post("offer")
    Message.objects.update(topic="booking.offered")

    def too_late(messages: Sequence[Message]) -> Composed:
        return {message.pk: Pointless("It is held until another time.") for message in messages}

    with mail_server(lambda *_: "451 Not yet", settings), connected() as run:
        run(clock)
        assert state_of(message) == State.WAITING
        assert message.mime is not None
        clock.go(20)
        run(clock, too_late)
    assert state_of(message) == State.SUPERSEDED
    assert message.mime is None
