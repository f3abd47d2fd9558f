"""What is asked for at night is done: each task forgets what is its own to forget."""

from datetime import timedelta

import pytest
from allauth.usersessions.models import UserSession
from celery.schedules import crontab
from django.contrib.sessions.models import Session as SignInSession
from django.core.cache import cache
from django.utils import timezone

from accounts.actions import person_for_sign_in
from accounts.models import Remembered, User
from booking.catalogue.models import Session
from booking.outbox.models import Message
from booking.scheduling.guests import add_guest
from booking.scheduling.models import SessionGuest
from tests.factories import make_coordinator, make_person, make_session, morning
from tests.people import book_now
from tests.privacy.lived import signed_in_here
from worker import tasks
from worker.celery import SCHEDULE

pytestmark = pytest.mark.django_db


def test_each_night_forgets_what_nobody_needs_any_more() -> None:
    now, person = timezone.now(), make_person()
    long_ago = now - timedelta(days=100)
    session = make_session(starts_at=morning(9))
    booking = book_now(session, person, needs="No nuts")
    said = {"name": "Isla", "email": "isla@signs.example", "purpose": "BSL interpreter"}
    add_guest(session=session, by=make_coordinator(), now=now, **said)
    Session.objects.update(starts_at=long_ago - timedelta(hours=3), ends_at=long_ago)
    sent = {"state": Message.State.SENT, "sent_at": long_ago, "created_at": long_ago}
    Message.objects.update(mime=b"Subject: Booked\r\n\r\nDear Ann\r\n", **sent)
    begun = person_for_sign_in(email="begun@agency.example")
    User.objects.filter(pk=begun.pk).update(date_joined=long_ago)
    signed_in_here(person)
    SignInSession.objects.update(expire_date=long_ago)
    cache.set("tried", [1.5], 30)
    Remembered.objects.update(expires_at=long_ago)

    nightly = [each["task"] for each in SCHEDULE.values() if isinstance(each["schedule"], crontab)]
    for task in nightly:
        getattr(tasks, task.removeprefix("worker.tasks."))()

    booking.refresh_from_db()
    assert booking.needs == ""
    assert not SessionGuest.objects.exists()
    assert not Message.objects.exclude(mime=None).exists()
    assert not User.objects.filter(pk=begun.pk).exists()
    assert not SignInSession.objects.exists()
    assert not UserSession.objects.exists()
    assert not Remembered.objects.exists()
    assert User.objects.filter(pk=person.pk).exists()
