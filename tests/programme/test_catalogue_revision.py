"""When what pages have kept of the catalogue is out of date: after its changes, and only then."""

from datetime import timedelta

import pytest
from django.db import connection, models
from django.utils import timezone

from booking.bulletins import sending
from booking.bulletins.models import Bulletin
from booking.catalogue.models import Session
from booking.outbox.models import Message
from tests.bulletins.bulletins import make_bulletin, make_subscriber
from tests.factories import make_session, morning
from tests.people import book_now
from worker import tasks
from worker.celery import SCHEDULE

pytestmark = pytest.mark.django_db


@pytest.fixture
def session() -> Session:
    """One that is ahead."""
    return make_session(starts_at=morning(20))


def revision() -> str:
    """The revision of the catalogue."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT booking_catalogue_revision()")
        return str(cursor.fetchone()[0])


def test_a_change_that_takes_an_old_one_away_is_another_revision() -> None:
    added = (
        "INSERT INTO booking_cataloguechange (id, xact, at) OVERRIDING SYSTEM VALUE"
        " VALUES (%s, %s, now() - %s * interval '1 hour')"
    )
    with connection.cursor() as cursor:
        cursor.executemany(added, [(900010, "1", 25), (900016, "2", 1)])
        before = revision()
        # It began before the last, and ends after it.
        cursor.execute(added, [900015, "3", 1])
        cursor.execute("DELETE FROM booking_cataloguechange WHERE id = 900010")
    assert revision() != before


def test_giving_a_place_is_no_change_of_the_catalogue(session: Session) -> None:
    before = revision()
    book_now(session)
    assert revision() == before
    Session.objects.filter(pk=session.pk).update(capacity=50)
    assert revision() != before


def unwatched(model: type[models.Model]) -> set[str]:
    """The columns whose change alone leaves kept pages as they are."""
    columns = """
        SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0
        AND NOT attisdropped AND NOT EXISTS (
            SELECT FROM pg_trigger WHERE tgrelid = attrelid AND tgname = 'catalogue_changed'
            AND attnum = ANY(tgattr))
    """
    with connection.cursor() as cursor:
        cursor.execute(columns, [model._meta.db_table])
        return {name for (name,) in cursor.fetchall()}


def test_a_new_column_is_watched_unless_somebody_says_otherwise() -> None:
    counts = {"places_taken", "waiting_count", "last_ticket"}
    of_the_desk = {"minimum", "decide_on", "goes_ahead_at", "sent_openly"}
    assert unwatched(Session) == {"id", "meeting", *counts, *of_the_desk}
    assert unwatched(Bulletin) == {"id", "posted_up_to"}


def test_rounds_of_the_worker_with_nothing_to_do_change_nothing(session: Session) -> None:
    book_now(session)
    over = make_session(starts_at=morning(9))
    ended = timezone.now() - timedelta(minutes=1)
    Session.objects.filter(pk=over.pk).update(starts_at=ended - timedelta(hours=3), ends_at=ended)
    tasks.complete_sessions()
    over.refresh_from_db()
    assert over.state == Session.State.COMPLETED
    before = revision()
    for entry in SCHEDULE.values():
        getattr(tasks, entry["task"].removeprefix("worker.tasks."))()
        assert revision() == before, entry["task"]


def test_a_bulletin_that_leaves_is_a_change_when_it_begins_and_when_it_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sending, "BATCH", 1)
    for _ in range(3):
        make_subscriber()
    bulletin, now = make_bulletin(), timezone.now()
    before = revision()
    sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=now)
    begun = revision()
    assert begun != before
    assert sending.post_bulletins(now=now) == 3
    assert revision() == begun
    Message.objects.update(state=Message.State.SENT)
    sending.post_bulletins(now=now)
    assert revision() != begun
