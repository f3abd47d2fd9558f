"""What two people change at once is both found, and neither waits for the other for ever."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import transaction
from django.utils import timezone

from booking.catalogue.models import Course, SearchDocument, Session, Venue
from booking.catalogue.searching import search
from tests.factories import make_course, make_session, make_venue, morning
from tests.people import alone, wait_for_somebody_to_be_held_up

pytestmark = pytest.mark.django_db(transaction=True)


def rename(venue: Venue, name: str) -> None:
    Venue.objects.filter(pk=venue.pk).update(name=name)


def test_two_changes_of_one_session_at_once_are_both_found() -> None:
    course, venue = make_course(title="Neglect"), make_venue("Town Hall")
    session = make_session(course=course, venue=venue, starts_at=morning(20))
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Course.objects.filter(pk=course.pk).update(title="Wellbeing")
            renaming = pool.submit(alone, lambda: rename(venue, "Old Mill"))
            wait_for_somebody_to_be_held_up()
        renaming.result()
    ahead = Session.objects.upcoming(now=timezone.now())
    assert list(search(ahead, "wellbeing mill").sessions) == [session]


def test_the_documents_of_many_sessions_are_locked_in_the_order_of_their_keys() -> None:
    venue = make_venue("Town Hall")
    first, second = (make_session(venue=venue, starts_at=morning(days)) for days in (20, 21))
    # It now stands behind the other one in the table, where a scan comes to it last.
    Session.objects.filter(pk=first.pk).update(reference="BEHIND")
    with ThreadPoolExecutor(1) as pool:
        with held(first):
            renaming = pool.submit(alone, lambda: rename(venue, "Old Mill"))
            wait_for_somebody_to_be_held_up()
            with held(second, nowait=True):
                pass
        renaming.result()


@contextmanager
def held(session: Session, *, nowait: bool = False) -> Iterator[None]:
    """While somebody else writes this session's document."""
    with transaction.atomic():
        documents = SearchDocument.objects.select_for_update(nowait=nowait)
        assert documents.get(pk=session.pk).keywords
        yield
