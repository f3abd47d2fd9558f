"""What became of a message that a worker has claimed, written down if it is still the worker's."""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import OperationalError, connection, transaction
from django.db.models import F, Q

from booking.outbox.models import Message, MessageQuerySet
from booking.outbox.smtp import RefusedByServer, Unreachable
from booking.site.prepared import prepared

log = structlog.get_logger(__name__)

# From its turn on: five steps of the SMTP timeout (20 s, in the settings) < this < Celery's
# visibility timeout.
LEASE_WHILE_SENDING = timedelta(seconds=120)
# Waits before another attempt, in seconds, by the number of attempts made.
BACK_OFF_SECONDS = (10, 30, 60, 300, 900, 3600)
# How long a mail server may go on saying "not now" to one message.
GIVE_UP_AFTER = timedelta(days=3)
# It may itself be what breaks off, and may have been taken each time: somebody must look at it.
BREAK_OFFS_BEFORE_PARKING = 8
# Waits, in seconds, for a database that is restarting to take down what was sent.
SETTLING_WAITS = (0.5, 1, 2, 4, 8, 15)
# What is told of the one that was taken is committed before the next is handed over, and with it
# that the next one's attempt has begun: one commit a message. The rows are locked in the order of
# the desk, which corrects an address of several at once.
_SENT_AND_NEXT_BEGUN = """
WITH held AS MATERIALIZED (
    SELECT id FROM booking_message WHERE id IN (%(sent)s, %(next)s) ORDER BY id
    FOR NO KEY UPDATE
), sent AS (
    UPDATE booking_message message SET state = 'sent', lease_until = NULL, sent_at = %(now)s,
        last_error = '', refused_since = NULL,
        mime = CASE WHEN %(is_secret)s THEN NULL ELSE message.mime END
    FROM held WHERE message.id = held.id AND message.id = %(sent)s
    AND message.claim_number = %(sent_claim)s AND message.state = 'sending'
)
UPDATE booking_message message SET attempts = message.attempts + 1, handed_over = TRUE,
    lease_until = %(lease_until)s, mime = COALESCE(message.mime, %(mime)s)
FROM held WHERE message.id = held.id AND message.id = %(next)s
AND message.claim_number = %(next_claim)s AND message.state = 'sending'
"""


class TakenOver(Exception):
    """Another worker has the message: the time for which it was claimed ran out."""


def _mine(message: Message) -> MessageQuerySet:
    """The row, if it is still ours to settle."""
    return Message.objects.filter(
        pk=message.pk, claim_number=message.claim_number, state=Message.State.SENDING
    )


def begin_sending(message: Message, mime: bytes, *, now: datetime) -> bool:
    """Freeze the bytes and count the attempt; false if another worker has taken it over.

    The message in hand keeps saying whether it had been handed over before.
    """
    message.attempts += 1
    frozen = {"mime": mime} if message.mime is None else {}
    return bool(
        _mine(message).update(
            attempts=F("attempts") + 1,
            handed_over=True,
            lease_until=now + LEASE_WHILE_SENDING,
            **frozen,
        )
    )


def renew(message: Message, *, now: datetime) -> None:
    """Hold the message as long again. Raises `TakenOver`."""
    if not _mine(message).update(lease_until=now + LEASE_WHILE_SENDING):
        raise TakenOver


def _settle(message: Message, state: Message.State, **changes: Any) -> None:
    """Write down what became of a message, unless another worker has taken it over."""
    if message.is_secret and state in (Message.State.SENT, Message.State.SUPERSEDED):
        # It holds a code or a link; nobody needs it any more.
        changes["mime"] = None
    _mine(message).update(state=state, lease_until=None, **changes)


def sent(message: Message, *, then: tuple[Message, bytes] | None, now: datetime) -> bool:
    """Mark it as taken by the mail server, once the database answers if it is away just now.

    The attempt of the message `then`, with these bytes, begins in the same commit; false if it has
    not, as when another worker has taken it over.
    """
    for seconds in (*SETTLING_WAITS, None):
        try:
            if then is not None:
                return _sent_and_begun(message, *then, now=now)
            _settle(message, Message.State.SENT, sent_at=now, last_error="", refused_since=None)
        except OperationalError:
            # Only we know that it was taken; who takes it over would send it a second time.
            if seconds is None:
                raise
            then = None
            connection.close()
            time.sleep(seconds)
        else:
            break
    return False


def _sent_and_begun(message: Message, following: Message, mime: bytes, *, now: datetime) -> bool:
    values = {
        "sent": message.pk,
        "sent_claim": message.claim_number,
        "is_secret": message.is_secret,
        "now": now,
        "next": following.pk,
        "next_claim": following.claim_number,
        "lease_until": now + LEASE_WHILE_SENDING,
        "mime": mime if following.mime is None else None,
    }
    with prepared(_SENT_AND_NEXT_BEGUN, values) as cursor:
        is_begun: bool = cursor.rowcount == 1
    following.attempts += is_begun
    return is_begun


def refused(message: Message, refusal: RefusedByServer, *, now: datetime) -> None:
    """Nobody has it by this attempt; who may have had it before may still."""
    since = message.refused_since or now
    changes = {"handed_over": message.handed_over, "refused_since": since}
    if refusal.for_good or now - since > GIVE_UP_AFTER:
        park(message, str(refusal), **changes)
    else:
        _put_off(message, str(refusal), now=now, **changes)


def broken_off(message: Message, trouble: Unreachable, *, now: datetime) -> None:
    """The server went away; it may have it only if it was given the content."""
    break_offs = message.break_offs + trouble.may_have_it
    changes = {
        "handed_over": message.handed_over or trouble.may_have_it,
        "break_offs": break_offs,
    }
    if trouble.may_have_it and break_offs >= BREAK_OFFS_BEFORE_PARKING:
        park(message, str(trouble), **changes)
    else:
        _put_off(message, str(trouble), now=now, **changes)


def park(message: Message, reason: str, **changes: Any) -> None:
    """Leave it to a coordinator; its stream waits."""
    log.error("message_parked", message=message.pk, topic=message.topic)
    _settle(message, Message.State.PARKED, last_error=reason, **changes)


def superseded(message: Message, reason: str) -> None:
    """It need not be sent any more."""
    _settle(message, Message.State.SUPERSEDED, last_error=reason[:500])


def _put_off(message: Message, reason: str, *, now: datetime, **changes: Any) -> None:
    """Try again later: an answer that never came is no proof that nothing was handed over."""
    step = min(max(message.attempts, 1), len(BACK_OFF_SECONDS)) - 1
    wait = timedelta(seconds=BACK_OFF_SECONDS[step] * random.uniform(0.8, 1.2))  # noqa: S311
    _settle(
        message,
        Message.State.WAITING,
        due_at=now + wait,
        silent_claims=0,
        last_error=reason,
        **changes,
    )


def release(messages: Sequence[Message], *, due_at: datetime, **changes: Any) -> None:
    """Give back what is still claimed and was not tried; no attempt is counted against it."""
    claims = {message.pk: message.claim_number for message in messages}
    sending = Message.objects.filter(pk__in=claims, state=Message.State.SENDING)
    with transaction.atomic():
        # Locked in the order of the desk, which corrects an address of several at once.
        locked = sending.order_by("id").select_for_update().values_list("pk", "claim_number")
        ours = [key for key, claim_number in locked if claims[key] == claim_number]
        Message.objects.filter(pk__in=ours).update(
            state=Message.State.WAITING,
            due_at=due_at,
            silent_claims=0,
            lease_until=None,
            **changes,
        )


def hurry(*, since: datetime, now: datetime) -> None:
    """The mail server takes mail again: what was put off because it did not is due at once.

    Not what was refused for itself before the trouble began, and not what the server may have
    taken: each attempt may bring it once more.
    """
    put_off = Message.objects.filter(
        Q(refused_since=None) | Q(refused_since__gte=since),
        state=Message.State.WAITING,
        due_at__gt=now,
        attempts__gt=0,
        handed_over=False,
    )
    with transaction.atomic():
        # Whoever holds one of them decides when it is due.
        mine = put_off.order_by("id").select_for_update(skip_locked=True)
        Message.objects.filter(pk__in=list(mine.values_list("pk", flat=True))).update(due_at=now)
