"""Delivery: order, fences, failures, and nothing lost."""

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Thread, main_thread
from types import FrameType

import psycopg
import pytest
import structlog
from django.db import DataError, IntegrityError, OperationalError, connection, transaction
from pytest_django import Settings

from booking.local.processes import free_port
from booking.local.smtp_sink import SmtpSink
from booking.outbox import actions, delivery, remedies
from booking.outbox import post as post_room
from booking.outbox.delivery import Composed, Pointless, Unsendable, claim, deliver
from booking.outbox.models import Message
from booking.outbox.post import Post
from tests.factories import NOW, make_coordinator
from tests.outbox.mail_servers import mail_server, use_port
from tests.worker.celery_programs import environment

State = Message.State

pytestmark = pytest.mark.django_db


def post(name: str, *, stream: str = "", is_urgent: bool = False, revision: str = "0") -> Message:
    """A message in the outbox; its own stream unless one is given."""
    draft = actions.Draft(
        topic="test",
        subject_key=name,
        revision=revision,
        stream=stream or name,
        to_email=f"{name}@agency.example",
        is_urgent=is_urgent,
    )
    with transaction.atomic():
        actions.post([draft], now=NOW)
    return Message.objects.get(subject_key=name, revision=revision)


def compose(messages: Sequence[Message]) -> Composed:
    """Bytes that name the message."""
    return {
        message.pk: f"Subject: {message.subject_key}\r\nMessage-ID: {message.message_id}\r\n\r\n"
        f"Hello\r\n".encode()
        for message in messages
    }


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@contextmanager
def connected() -> Iterator[Callable[..., int]]:
    """`deliver` with a connection that is closed at the end."""
    post_office = Post()

    def run(
        clock: Clock, compose: delivery.Composer = compose, until: datetime | None = None
    ) -> int:
        return deliver(compose=compose, post=post_office, clock=clock, until=until)

    try:
        yield run
    finally:
        post_office.close()


def names(messages: Sequence[Message]) -> list[str]:
    return [message.subject_key for message in messages]


def sent(sink: SmtpSink) -> list[str]:
    return [str(mail.message["Subject"]) for mail in sink.messages()]


def state_of(message: Message) -> str:
    message.refresh_from_db()
    return message.state


# --- posting ---


def test_posting_twice_is_refused_by_the_database() -> None:
    post("one")
    with pytest.raises(IntegrityError):
        post("one")


def test_posting_if_new_leaves_what_is_there() -> None:
    first = post("one")
    draft = actions.Draft(
        topic="test", subject_key="one", revision="0", stream="x", to_email="x@y.z"
    )
    with transaction.atomic():
        actions.post([draft], now=NOW, if_new=True)
    assert Message.objects.get() == first
    assert Message.objects.get().to_email == "one@agency.example"


@pytest.mark.django_db(transaction=True)
def test_posting_outside_a_transaction_is_refused() -> None:
    with pytest.raises(transaction.TransactionManagementError):
        actions.post([], now=NOW)


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
    claimed: list[list[str]] = []

    def work() -> None:
        try:
            while taken := claim(now=NOW, limit=3):
                claimed.append(names(taken))
        finally:
            connection.close()

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    every = [name for batch in claimed for name in batch]
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
    assert clock.now - NOW > delivery.GIVE_UP_AFTER


def test_a_server_that_is_away_costs_no_attempt(clock: Clock, settings: Settings) -> None:
    messages = [post(f"m{number}") for number in range(3)]
    use_port(free_port(), settings)
    with connected() as run:
        run(clock)
        for message in messages:
            message.refresh_from_db()
            assert (message.state, message.attempts, message.silent_claims) == (State.WAITING, 0, 0)
            assert "ConnectionRefusedError" in message.last_error


def test_messages_leave_when_the_server_is_back(
    clock: Clock, settings: Settings, smtp_sink: SmtpSink
) -> None:
    for number in range(3):
        post(f"m{number}")
    real = settings.MAILERS["smtp"]["OPTIONS"]["port"]
    use_port(free_port(), settings)
    with connected() as run:
        run(clock)
    use_port(real, settings)
    clock.go(11)
    with connected() as run:
        run(clock)
    assert sent(smtp_sink) == ["m0", "m1", "m2"]


def test_a_server_that_hangs_up_is_tried_later_and_the_others_are_given_back(
    clock: Clock, settings: Settings
) -> None:
    first, second = post("first"), post("second")
    answers = iter(["hang up"])
    with mail_server(lambda *_: next(answers, "250 OK"), settings) as server, connected() as run:
        run(clock)
        assert [state_of(first), state_of(second)] == [State.WAITING, State.WAITING]
        assert (first.attempts, second.attempts) == (1, 0)
        clock.go(13)
        run(clock)
        assert [state_of(first), state_of(second)] == [State.SENT, State.SENT]
        assert len(server.received) == 2


def test_a_connection_the_server_closed_while_idle_is_opened_again(
    clock: Clock, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(post_room, "IDLE_SECONDS_BEFORE_PROBE", 0)
    with mail_server(lambda *_: "250 OK", settings) as first:
        one = post("one")
        with connected() as run:
            run(clock)
            assert state_of(one) == State.SENT
            assert len(first.received) == 1
            two = post("two")
            run(clock)
            assert state_of(two) == State.SENT


def test_a_message_that_another_worker_took_over_meanwhile_is_left_to_it(
    clock: Clock, settings: Settings
) -> None:
    first, second = post("first"), post("second")
    taken_over: list[str] = []

    def slow(content: bytes, before: int) -> str:
        # The first takes longer than the whole batch was claimed for.
        clock.go(delivery.LEASE.total_seconds() + 1)
        return "250 OK"

    def time_passes() -> datetime:
        if clock.now > NOW and not taken_over:
            taken_over.extend(names(claim(now=clock.now)))
        return clock.now

    with mail_server(slow, settings) as server:
        post_office = Post()
        deliver(compose=compose, post=post_office, clock=time_passes)
        post_office.close()
    # Not the one that was being sent: its lease began anew with its turn.
    assert taken_over == ["second"]
    assert len(server.received) == 1
    assert [state_of(first), state_of(second)] == [State.SENT, State.SENDING]
    assert (second.claim_number, second.attempts) == (2, 0)


def test_a_server_that_ends_the_connection_after_each_mail_gets_the_next_over_a_new_one(
    clock: Clock, settings: Settings
) -> None:
    messages = [post(f"m{number}") for number in range(3)]
    with mail_server(lambda *_: "250 and hang up", settings) as server, connected() as run:
        run(clock)
    assert len(server.received) == 3
    assert {state_of(message) for message in messages} == {State.SENT}
    assert {message.attempts for message in messages} == {1}


@pytest.mark.django_db(transaction=True)
def test_what_was_taken_is_noted_although_the_database_went_away_meanwhile(
    clock: Clock, settings: Settings
) -> None:
    message = post("one")
    connection.ensure_connection()
    ours = connection.connection.info.backend_pid
    address = environment()["DATABASE_URL"]

    def answer(content: bytes, before: int) -> str:
        with psycopg.connect(address, autocommit=True) as link:
            link.execute("SELECT pg_terminate_backend(%s)", [ours])
        return "250 OK"

    with mail_server(answer, settings) as server, connected() as run:
        run(clock)
    assert len(server.received) == 1
    assert state_of(message) == State.SENT


def test_a_server_that_is_away_is_left_alone_for_a_while(
    clock: Clock, settings: Settings, smtp_sink: SmtpSink
) -> None:
    real = settings.MAILERS["smtp"]["OPTIONS"]["port"]
    post("one")
    use_port(free_port(), settings)
    with connected() as run:
        run(clock)
        use_port(real, settings)
        other = post("other")
        assert run(clock) == 0
        assert state_of(other) == State.WAITING
        assert other.last_error == ""


def test_a_server_that_refuses_everything_for_now_is_asked_a_few_times_only(
    clock: Clock, settings: Settings
) -> None:
    for number in range(30):
        post(f"m{number}")
    is_back: list[bool] = []

    def answer(content: bytes, before: int) -> str:
        return "250 OK" if is_back else "451 Not now"

    with mail_server(answer, settings) as server, connected() as run:
        for _ in range(6):
            run(clock)
            clock.go(1)
        assert sum(server.seen.values()) == post_room.REFUSALS_BEFORE_REST
        for _ in range(30):
            run(clock)
            clock.go(120)
        asked = sum(server.seen.values())
        assert asked <= 31 * post_room.REFUSALS_BEFORE_REST
        # Some are put off for an hour by now; all leave as soon as one was taken.
        is_back.append(True)
        while not server.received:
            clock.go(60)
            run(clock)
        while run(clock):
            pass
        assert len(server.received) == 30
    assert not Message.objects.exclude(state=State.SENT).exists()


def test_an_answer_to_data_that_invites_no_content_is_no_acceptance(
    clock: Clock, settings: Settings
) -> None:
    first, second = post("first"), post("second")
    with mail_server(lambda *_: "250 OK", settings) as server, connected() as run:
        server.instead_of_content.append("250 OK")
        run(clock)
        assert [state_of(first), state_of(second)] == [State.WAITING, State.WAITING]
        assert server.received == []
        clock.go(13)
        run(clock)
    assert len(server.received) == 2
    assert [state_of(first), state_of(second)] == [State.SENT, State.SENT]


def test_after_an_interruption_no_mail_is_given_the_answer_to_another(
    clock: Clock, settings: Settings
) -> None:
    class TimeIsUp(Exception):
        """As Celery's soft time limit: neither smtplib's nor the system's."""

    interrupted = Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        interrupted.set()
        raise TimeIsUp

    def answer(content: bytes, before: int) -> str:
        if not interrupted.is_set():
            signal.pthread_kill(main_thread().ident or 0, signal.SIGUSR1)
            interrupted.wait()
        return "250 OK"

    first = post("first")
    former = signal.signal(signal.SIGUSR1, interrupt)
    try:
        with mail_server(answer, settings) as server, connected() as run:
            with pytest.raises(TimeIsUp):
                run(clock)
            assert state_of(first) == State.SENDING
            second = post("second")
            run(clock)
            assert state_of(second) == State.SENT
            assert [b"second" in content for content in server.received] == [False, True]
    finally:
        signal.signal(signal.SIGUSR1, former)


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


@pytest.mark.parametrize(("connecting", "outcome"), [(100, State.SENT), (130, State.SENDING)])
def test_a_new_connection_is_used_only_for_a_message_that_is_still_ours(
    clock: Clock, settings: Settings, connecting: int, outcome: str
) -> None:
    post("one")
    two = post("two")
    taken_over: list[str] = []

    def slow(content: bytes, before: int) -> str:
        if b"two" in content:
            clock.go(100)
        return "250 and hang up"

    def time_passes() -> datetime:
        if clock.now > NOW:
            taken_over.extend(names(claim(now=clock.now)))
        return clock.now

    with mail_server(slow, settings) as server:
        server.when_greeted = lambda times: clock.go(connecting) if times == 2 else None
        post_office = Post()
        deliver(compose=compose, post=post_office, clock=time_passes)
        post_office.close()
    # It was held for two minutes before the old connection turned out to be dead.
    assert state_of(two) == outcome
    assert (len(server.received), taken_over) == (
        (2, []) if outcome == State.SENT else (1, ["two"])
    )


# --- what cannot or need not be sent ---


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


@pytest.mark.parametrize("fault", [LookupError, DataError, SystemError])
def test_a_message_whose_composing_fails_is_parked_and_the_rest_is_sent(
    clock: Clock, smtp_sink: SmtpSink, fault: type[Exception]
) -> None:
    poison, *others = [post(f"m{number}") for number in range(4)]

    def failing(messages: Sequence[Message]) -> Composed:
        if poison.pk in {message.pk for message in messages}:
            raise fault("What it needs is not there.")
        return compose(messages)

    with connected() as run:
        run(clock, failing)
    assert state_of(poison) == State.PARKED
    reason = f"It could not be written: {fault.__name__}: What it needs is not there."
    assert poison.last_error == reason
    assert {state_of(other) for other in others} == {State.SENT}
    assert sent(smtp_sink) == ["m1", "m2", "m3"]


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


def test_what_a_server_says_of_an_address_is_not_logged_nor_noted_on_other_messages(
    clock: Clock, settings: Settings
) -> None:
    first, second = post("first"), post("second")
    reply = '421 4.7.0 <first@agency.example> and "a b"@c.example are too busy'
    with (
        mail_server(lambda *_: reply, settings),
        connected() as run,
        structlog.testing.capture_logs() as lines,
    ):
        run(clock)
    assert [state_of(first), state_of(second)] == [State.WAITING, State.WAITING]
    [line] = lines
    assert "421 4.7.0 <(an address)> and (an address) are too busy" in line["trouble"]
    assert "too busy" in second.last_error
    assert "first@agency.example" in first.last_error
    assert "@" not in str(line) + second.last_error


def test_an_impossible_address_is_parked(clock: Clock, smtp_sink: SmtpSink) -> None:
    message = post("one")
    Message.objects.update(to_email="a@b.example\r\nRCPT TO:<c@d.example>")
    with connected() as run:
        run(clock)
    assert state_of(message) == State.PARKED
    assert sent(smtp_sink) == []
