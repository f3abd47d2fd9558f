"""The worker and the beat as real processes: mail leaves, also after an outage."""

import os
import time
from datetime import timedelta
from pathlib import Path

import pytest
import redis
from django.db import connection
from django.utils import timezone

from booking.local.servers import Valkey
from booking.local.smtp_sink import SmtpSink
from booking.outbox.models import Message
from booking.places.actions import book
from booking.places.models import Booking
from tests.factories import make_person, make_session
from tests.worker.celery_programs import wait_until, worker_and_beat

pytestmark = pytest.mark.django_db(transaction=True)


def book_somebody() -> Booking:
    now = timezone.now()
    person = make_person()
    session = make_session(starts_at=now + timedelta(days=30))
    return book(session=session, person=person, by=person, now=now)


def subjects(sink: SmtpSink) -> list[str]:
    return [str(mail.message["Subject"]).split(":")[0] for mail in sink.messages()]


def test_mail_leaves_also_after_redis_and_the_database_were_away(
    tmp_path: Path, smtp_sink: SmtpSink, embedded_valkey: Valkey
) -> None:
    with worker_and_beat(tmp_path) as (worker, beat):
        book_somebody()
        wait_until(lambda: len(smtp_sink.messages()) == 1, worker, beat, seconds=60)
        assert subjects(smtp_sink) == ["Booked"]
        wait_until(lambda: not Message.objects.unsettled().exists(), worker, beat, seconds=10)

        embedded_valkey.stop()
        book_somebody()
        time.sleep(6)
        assert len(smtp_sink.messages()) == 1
        embedded_valkey.start()
        wait_until(lambda: len(smtp_sink.messages()) == 2, worker, beat, seconds=40)

        with redis.Redis.from_url(embedded_valkey.url) as queue:
            queue.flushall()
        book_somebody()
        wait_until(lambda: len(smtp_sink.messages()) == 3, worker, beat, seconds=40)

        # As a database restart does: every connection but ours ends.
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        book_somebody()
        wait_until(lambda: len(smtp_sink.messages()) == 4, worker, beat, seconds=40)
        book_somebody()
        wait_until(lambda: len(smtp_sink.messages()) == 5, worker, beat, seconds=10)


def test_programs_that_start_before_redis_wait_for_it(
    tmp_path: Path, smtp_sink: SmtpSink, embedded_valkey: Valkey
) -> None:
    embedded_valkey.stop()
    with worker_and_beat(tmp_path) as (worker, beat):
        book_somebody()
        time.sleep(8)
        assert (worker.exit_code, beat.exit_code) == (None, None)
        embedded_valkey.start()
        wait_until(lambda: len(smtp_sink.messages()) == 1, worker, beat, seconds=40)


def test_the_worker_passes_on_a_place_whose_offer_ran_out(
    tmp_path: Path, smtp_sink: SmtpSink
) -> None:
    now = timezone.now()
    session = make_session(starts_at=now + timedelta(days=30), capacity=1, promotion="offer")
    first, second = make_person(), make_person()
    offered = Booking.objects.create(
        session=session, person=first, booked_by=first, state="offered", ticket=1, offered_until=now
    )
    waiting = Booking.objects.create(
        session=session, person=second, booked_by=second, state="waiting", ticket=2
    )
    session.places_taken, session.waiting_count, session.last_ticket = 1, 1, 2
    session.save()
    with worker_and_beat(tmp_path) as programs:
        wait_until(lambda: len(smtp_sink.messages()) == 2, *programs, seconds=60)
        worker, beat = (os.getpriority(os.PRIO_PROCESS, each.pid) for each in programs)
    # It gives way to whoever waits for a page; the clock, which does little, does not.
    assert worker == max(beat, 5)
    offered.refresh_from_db()
    waiting.refresh_from_db()
    assert (offered.state, waiting.state) == (Booking.State.LAPSED, Booking.State.OFFERED)
    assert {mail.recipients[0] for mail in smtp_sink.messages()} == {first.email, second.email}
