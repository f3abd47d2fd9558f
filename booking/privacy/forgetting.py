"""What is forgotten by itself, every night, once nobody needs it any more.

Each is done in batches of its own transaction, may run twice, and goes on the next night where it
was interrupted. The privacy page says how long each is kept: it reads the same constants.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session as SignInSession
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.leaving import NOBODYS_ADDRESS
from booking.attendance.models import AbsenceCase
from booking.outbox.models import Message, MessageEvent
from booking.places.models import Booking
from booking.scheduling.models import SessionGuest

# After the end of the session: a trainer tidies up until then, see `booking/attendance/lists.py`.
# What somebody needs may tell of their health (UK GDPR, articles 5(1)(e) and 9).
NEEDS_KEPT = timedelta(days=14)
# After it was sent: long enough to answer "what did you tell me?" about a session ahead.
TEXTS_KEPT = timedelta(days=90)
BATCH = 500


def forget_needs(*, now: datetime) -> int:
    """Blank what people needed at sessions that are long over. Returns of how many bookings.

    It stands on the booking alone: histories, changes and mail never repeat it.
    """
    over = Booking.objects.filter(session__ends_at__lt=now - NEEDS_KEPT).exclude(needs="")
    return _in_batches(over, lambda rows: rows.update(needs=""))


def forget_guests(*, now: datetime) -> int:
    """Delete who came without a place to sessions that are long over. Returns how many guests.

    Of the mail to them stays that it was sent, and when; what never left is given up.
    """
    over = SessionGuest.objects.filter(session__ends_at__lt=now - NEEDS_KEPT)
    number = 0
    while keys := list(over.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        with transaction.atomic():
            theirs = Message.objects.filter(subject_key__in=[f"guest:{key}" for key in keys])
            theirs.filter(state__in=Message.UNSETTLED).update(
                state=Message.State.DROPPED, lease_until=None
            )
            MessageEvent.objects.filter(message__in=theirs).update(why="")
            theirs.update(to_email=NOBODYS_ADDRESS, last_error="")
            theirs.forget_text(now=now)
            number += SessionGuest.objects.filter(pk__in=keys).delete()[0]
    return number


def forget_texts(*, now: datetime) -> int:
    """Forget what mail said that was sent, or given up, long ago. Returns of how many messages."""
    long_ago = now - TEXTS_KEPT
    unread = (*Message.UNSETTLED, Message.State.LETTER)
    due = Message.objects.exclude(state__in=unread).filter(
        Q(sent_at=None) | Q(sent_at__lt=long_ago), created_at__lt=long_ago, forgotten_at=None
    )
    return _in_batches(due, lambda rows: rows.forget_text(now=now))


def forget_absences(*, now: datetime) -> int:
    """Blank why people did not come, long after it was settled: it may tell of their health.

    What was decided stays. Returns of how many cases.
    """
    settled = AbsenceCase.objects.filter(decided_at__lt=now - TEXTS_KEPT)
    told = settled.exclude(reason="", manager_reason="")
    return _in_batches(told, lambda rows: rows.update(reason="", manager_reason=""))


def forget_ended_sign_ins(*, now: datetime) -> int:
    """Delete sign-ins that ran out or were ended, with their network addresses. Returns how many.

    django-allauth keeps a row beside each for the list of a person's devices.
    """
    over = SignInSession.objects.filter(expire_date__lt=now)
    ended = _in_batches(over, lambda rows: rows.delete()[0])
    alive = SignInSession.objects.filter(pk=OuterRef("session_key"))
    return ended + _in_batches(
        UserSession.objects.filter(~Exists(alive)), lambda rows: rows.delete()[0]
    )


def _in_batches[Rows: QuerySet[Any]](due: Rows, forget: Callable[[Rows], int]) -> int:
    """Two statements a batch. `forget` must take its rows out of what is due."""
    number = 0
    while keys := list(due.order_by("pk").values_list("pk", flat=True)[:BATCH]):
        number += forget(due.filter(pk__in=keys))
    return number
