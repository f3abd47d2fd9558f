"""What people do in a test: sign in, book, several of them at once."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any

from allauth.usersessions.models import UserSession
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Session
from booking.places import actions, links
from booking.places.models import Booking
from booking.site.refusals import Refused
from tests.factories import NOW, make_person


def signed_in(person: User) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    client.force_login(person)
    # As allauth does when somebody signs in.
    key = client.session.session_key
    UserSession.objects.create(user=person, session_key=key, ip="127.0.0.1", user_agent="tests")
    return client


def book(
    session: Session, person: User | None = None, *, now: datetime = NOW, **asked: Any
) -> Booking:
    """This person, or somebody new, books for themselves."""
    who = person or make_person()
    return actions.book(session=session, person=who, by=who, now=now, **asked)


def book_now(session: Session, person: User | None = None, **asked: Any) -> Booking:
    """As `book`, at the hour of the clock: for what is looked at through pages."""
    return book(session, person, now=timezone.now(), **asked)


def give_up(booking: Booking, *, now: datetime = NOW) -> Booking:
    """The person cancels their own booking."""
    return actions.cancel(booking=booking, by=booking.person, now=now)


def at_once(*acts: Callable[[], object]) -> list[str]:
    """What becomes of acts that begin together: "done", or the name of the refusal."""
    barrier = Barrier(len(acts))

    def run(act: Callable[[], object]) -> str:
        try:
            barrier.wait(timeout=10)
            act()
        except Refused as refusal:
            return type(refusal).__name__
        finally:
            connection.close()
        return "done"

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


def alone(act: Callable[[], object]) -> None:
    """In a thread with its own connection."""
    try:
        act()
    finally:
        connection.close()


def wait_for_somebody_to_be_held_up() -> None:
    """Until a connection to this database waits for what another has locked."""
    for _ in range(200):
        with connection.cursor() as cursor:
            # Else the transaction goes on seeing what it saw at first.
            cursor.execute("SELECT pg_stat_clear_snapshot()")
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("Nobody is held up.")


def join_url(booking: Booking) -> str:
    """The link in the mails of a booking."""
    return f"{settings.SITE_URL}{links.join_path(booking.join_key)}"


def trainer_join_url(session: Session, trainer: User) -> str:
    """The link in the feed of somebody who leads a session."""
    return f"{settings.SITE_URL}{links.trainer_join_path(session.pk, trainer.pk)}"
