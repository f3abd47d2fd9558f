"""Mail servers that are away, hang up or answer nonsense: nothing is lost or sent twice."""

import signal
from datetime import datetime, timedelta
from threading import Event, main_thread
from types import FrameType

import psycopg
import pytest
import structlog
from django.db import connection
from pytest_django import Settings

from booking.local.processes import free_port
from booking.local.smtp_sink import SmtpSink
from booking.outbox import delivery, remedies
from booking.outbox import smtp as post_room
from booking.outbox.delivery import claim, deliver
from booking.outbox.models import Message
from booking.outbox.smtp import SmtpConnection
from tests.factories import NOW, make_coordinator
from tests.outbox.mail_servers import mail_server, use_port
from tests.outbox.posting import Clock, compose, connected, names, post, sent, state_of
from tests.worker.celery_programs import environment

State = Message.State

pytestmark = pytest.mark.django_db


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
        post_office = SmtpConnection()
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


def test_what_was_refused_for_itself_waits_its_time_whatever_the_server_takes_else(
    clock: Clock, settings: Settings
) -> None:
    full = [post(f"full{number}") for number in range(3)]
    post("another")

    def answer(content: bytes, before: int) -> str:
        if b"full" in content:
            return "452 4.2.2 Mailbox full"
        return "hang up" if b"trouble" in content and not before else "250 OK"

    with mail_server(answer, settings), connected() as run:
        run(clock)
        clock.go(1)
        trouble = post("trouble")
        run(clock)
        assert state_of(trouble) == State.WAITING
        Message.objects.filter(subject_key__startswith="full").update(
            due_at=clock.now + timedelta(hours=1)
        )
        clock.go(13)
        run(clock)
    assert state_of(trouble) == State.SENT
    for each in full:
        assert state_of(each) == State.WAITING
        assert (each.attempts, each.due_at) == (1, NOW + timedelta(hours=1, seconds=1))


def test_what_breaks_the_server_off_is_sent_seldom_and_then_looked_at(
    clock: Clock, settings: Settings
) -> None:
    poison = post("poison")

    def answer(content: bytes, before: int) -> str:
        return "hang up" if b"poison" in content else "250 OK"

    with mail_server(answer, settings) as server, connected() as run:
        # Other mail flows all the time, for an hour.
        for number in range(180):
            post(f"m{number}")
            run(clock)
            clock.go(20)
        assert sum(server.seen.values()) - len(server.received) <= 7
        while state_of(poison) == State.WAITING:
            clock.go(3600)
            run(clock)
        assert (poison.state, poison.attempts) == (State.PARKED, 8)
        assert poison.may_have_arrived
        # Once somebody has looked at it and sent it again, it is counted anew.
        remedies.retry(message=poison, by=make_coordinator(), now=clock.now)
        clock.go(60)
        run(clock)
        assert (state_of(poison), poison.break_offs) == (State.WAITING, 1)


def test_one_break_off_after_many_refusals_is_tried_again(clock: Clock, settings: Settings) -> None:
    message = post("greylisted")
    answers = [*["451 Not yet"] * 9, "hang up", "250 OK"]
    with mail_server(lambda _, before: answers[before], settings), connected() as run:
        for number, _ in enumerate(answers, 1):
            assert state_of(message) == State.WAITING, number
            run(clock)
            clock.go(5000)
    assert (state_of(message), message.break_offs) == (State.SENT, 1)


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
        post_office = SmtpConnection()
        deliver(compose=compose, post=post_office, clock=time_passes)
        post_office.close()
    # It was held for two minutes before the old connection turned out to be dead.
    assert state_of(two) == outcome
    assert (len(server.received), taken_over) == (
        (2, []) if outcome == State.SENT else (1, ["two"])
    )


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


def test_a_server_that_went_away_before_it_was_given_the_content_has_nothing(
    clock: Clock, settings: Settings
) -> None:
    with mail_server(lambda *_: "250 OK", settings):
        office = SmtpConnection()
        post("one")
        deliver(compose=compose, post=office, clock=clock)
    two = post("two")
    deliver(compose=compose, post=office, clock=clock)
    office.close()
    assert (state_of(two), two.attempts) == (State.WAITING, 1)
    assert not two.may_have_arrived
