"""A bulletin to 50,000 people by real workers, while people book and are confirmed."""

import os
import time
from datetime import timedelta
from pathlib import Path

from django.db.models import F
from django.utils import timezone

from booking.bulletins import sending
from booking.bulletins.models import Bulletin, Subscriber
from booking.local.sample_bulletin import add_july_newsletter
from booking.outbox.models import Message
from booking.places import actions
from tests.factories import make_person, make_session
from tests.load.report import Line, Target
from tests.worker.celery_programs import celery_program

_MINUTES = 20
_CONFIRMED_SECONDS = 5.0
_GIVEN_UP_SECONDS = 300.0
_HOSTS = 2
_A_BOOKING_EVERY = 2.0


def measure(*, log_folder: Path, count: int) -> list[Line]:
    """How long it takes until all have left, and how long a confirmation takes meanwhile."""
    for days in range(20, 40):
        make_session(starts_at=timezone.now() + timedelta(days=days))
    bulletin = july_for(count)
    variables, waits = dict(os.environ), []
    workers = [
        celery_program(
            log_folder,
            *("worker", "--concurrency", "2", "-n", f"host{number}"),
            variables=variables,
        )
        for number in range(_HOSTS)
    ]
    beat = celery_program(log_folder, "beat", "--pidfile=", variables=variables)
    with workers[0], workers[1], beat:
        # They have started once a first booking is confirmed.
        _seconds_to_confirm()
        began = time.monotonic()
        sending.send(bulletin=bulletin, expected_revision=bulletin.revision, now=timezone.now())
        while not Bulletin.objects.filter(pk=bulletin.pk, state=Bulletin.State.SENT).exists():
            waits.append(_seconds_to_confirm())
            time.sleep(_A_BOOKING_EVERY)
            if time.monotonic() - began > max(600.0, 3 * _MINUTES * 60 * count / 50_000):
                raise TimeoutError(f"It takes three times too long: {sending.progress(bulletin)}.")
        took = time.monotonic() - began
    copies = Message.objects.filter(topic=sending.ISSUE, subject_key=f"bulletin:{bulletin.pk}")
    sent = copies.filter(state=Message.State.SENT).values("to_email").distinct().count()
    assert sent == copies.count() == count, f"{sent} of {copies.count()} copies for {count}"
    again = copies.filter(attempts__gt=1).count()
    in_time = took * 50_000 / count <= _MINUTES * 60
    worst = max(waits)
    return [
        Line(
            name=f"bulletin to {count:,} people, {_HOSTS} worker hosts",
            rate=count / took,
            target=Target(words=f"50,000 in {_MINUTES} minutes", met=in_time),
            note=f"{took:.0f} s; {again} copies were handed over more than once.",
        ),
        Line(
            name="confirmation of a booking meanwhile",
            p50=1000 * sorted(waits)[len(waits) // 2],
            p99=1000 * worst,
            target=Target(words=f"<= {_CONFIRMED_SECONDS:.0f} s", met=worst <= _CONFIRMED_SECONDS),
            note=f"{len(waits)} bookings; the slowest stands for the p99.",
        ),
    ]


def july_for(count: int) -> Bulletin:
    """The July newsletter as a draft, and so many addresses that want it."""
    now = timezone.now()
    bulletin = add_july_newsletter(now=now)
    Subscriber.topics.through.objects.all().delete()
    Subscriber.objects.all().delete()
    Bulletin.objects.filter(pk=bulletin.pk).update(state=Bulletin.State.DRAFT, published_at=None)
    Subscriber.objects.bulk_create(
        [
            Subscriber(email=f"reader{number}@mail.example", asked_at=now, confirmed_at=now)
            for number in range(count)
        ],
        batch_size=5000,
    )
    bulletin.refresh_from_db()
    return bulletin


def _seconds_to_confirm() -> float:
    """Somebody books; how long until the mail server has accepted their confirmation."""
    session = make_session(starts_at=timezone.now() + timedelta(days=40))
    person = make_person()
    began = time.monotonic()
    booking = actions.book(session=session, person=person, by=person, now=timezone.now())
    told = Message.objects.filter(booking=booking, topic="booking.confirmed")
    while not told.filter(state=Message.State.SENT, sent_at__gte=F("created_at")).exists():
        if time.monotonic() - began > _GIVEN_UP_SECONDS:
            raise TimeoutError(f"Nobody confirms it: {list(told.values('state', 'last_error'))}")
        time.sleep(0.05)
    return time.monotonic() - began
