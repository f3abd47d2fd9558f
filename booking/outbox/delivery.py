"""Handing messages over to the mail server: claiming, sending, settling.

PostgreSQL says what is to be sent and what was. A worker claims messages for a limited time (the
lease) under a number that rises with each claim, so that a worker which comes back too late
cannot settle what another has taken over. SMTP cannot promise exactly once: a duplicate is
possible only between the server's 250 and our commit, and then it is byte for byte the same.
"""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import DataError, OperationalError, connection, transaction
from django.db import Error as DatabaseTrouble
from django.db.models import F, Q
from django.utils import timezone

from booking.outbox.models import Message, MessageQuerySet
from booking.outbox.smtp import REST_SECONDS, RefusedByServer, SmtpConnection, Unreachable
from booking.site.plain_text import without_addresses
from booking.site.prepared import prepared

log = structlog.get_logger(__name__)

# How long a claimed message may wait for its turn. Whoever takes it over meanwhile does no harm:
# nothing has been handed over. Longer than a connection takes that is not answered.
LEASE = timedelta(seconds=30)
# From its turn on: five steps of the SMTP timeout (20 s, in the settings) < this < Celery's
# visibility timeout.
LEASE_WHILE_SENDING = timedelta(seconds=120)
BATCH = 50
# Of mail to many: a whole batch is composed before its first is sent, and is to leave in one turn.
BULK_BATCH = 5
# How long a batch goes on with mail to many, so that what is claimed before it waits no longer.
BULK_TURN = timedelta(seconds=2)
# Waits before another attempt, in seconds, by the number of attempts made.
BACK_OFF_SECONDS = (10, 30, 60, 300, 900, 3600)
# How long a mail server may go on saying "not now" to one message.
GIVE_UP_AFTER = timedelta(days=3)
CLAIMS_BEFORE_PARKING = 8
# It may itself be what breaks off, and may have been taken each time: somebody must look at it.
BREAK_OFFS_BEFORE_PARKING = 8
# Waits, in seconds, for a database that is restarting to take down what was sent.
SETTLING_WAITS = (0.5, 1, 2, 4, 8, 15)


@dataclass(frozen=True)
class Unsendable:
    """Why a message could not be composed."""

    reason: str


@dataclass(frozen=True)
class Pointless:
    """Why a message need not be sent any more. It was never handed to a mail server."""

    reason: str


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


_Outcome = bytes | Unsendable | Pointless
Composed = Mapping[int, _Outcome]
Composer = Callable[[Sequence[Message]], Composed]


@dataclass
class _Turn:
    """A claimed message, what is to be sent, and whether its attempt has begun already."""

    message: Message
    outcome: _Outcome
    is_begun: bool = False


def claim(*, now: datetime, limit: int = BATCH) -> list[Message]:
    """Take messages that are due, each the first unsettled one of its stream.

    A message whose lease ran out may be what killed its worker; it is taken alone, so that it
    cannot take others with it. Mail to many is taken where nothing else is due, and less at once.
    """
    with transaction.atomic():
        due = Message.objects.claimable(now=now).select_for_update(skip_locked=True)
        waiting = due.filter(state=Message.State.WAITING)
        taken = (
            list(due.filter(state=Message.State.SENDING)[:1])
            or list(waiting.filter(is_bulk=False)[:limit])
            or list(waiting.filter(is_bulk=True)[: min(limit, BULK_BATCH)])
        )
        Message.objects.filter(pk__in=[message.pk for message in taken]).update(
            state=Message.State.SENDING,
            lease_until=now + LEASE,
            claim_number=F("claim_number") + 1,
            silent_claims=F("silent_claims") + 1,
        )
    for message in taken:
        message.lease_until = now + LEASE
        message.claim_number += 1
        message.silent_claims += 1
        message.state = Message.State.SENDING
    return taken


def deliver(
    *,
    compose: Composer,
    post: SmtpConnection,
    clock: Callable[[], datetime] = timezone.now,
    until: datetime | None = None,
) -> int:
    """Claim one batch of due messages and send them; returns how many were claimed.

    None are while the mail server is given a rest. What is left when the time is over is given
    back, but for one: there is always some progress.
    """
    if post.is_resting(now=clock()):
        return 0
    began = clock()
    batch = claim(now=began)
    # Before they are composed, because that may be what stops their workers.
    hopeful = [message for message in batch if not _is_parked_as_deadly(message)]
    composed = _composed(
        [message for message in hopeful if _may_change(message)], compose=compose, clock=clock
    )
    turns = [_Turn(message, _to_send(message, composed)) for message in hopeful]

    def is_over(turn: _Turn) -> bool:
        bulk_ends = began + BULK_TURN if turn.message.is_bulk else None
        return any(end and clock() >= end for end in (until, bulk_ends))

    def in_time(position: int) -> _Turn | None:
        following = turns[position] if position < len(turns) else None
        return None if following is None or is_over(following) else following

    for position, turn in enumerate(turns):
        message = turn.message
        if position and not turn.is_begun and is_over(turn):
            _release(hopeful[position:], due_at=clock())
            break
        if isinstance(turn.outcome, Unsendable):
            _park(message, turn.outcome.reason)
            continue
        if isinstance(turn.outcome, Pointless):
            _settle(message, Message.State.SUPERSEDED, last_error=turn.outcome.reason[:500])
            continue
        trouble = _send(
            turn, turn.outcome, post=post, clock=clock, then=partial(in_time, position + 1)
        )
        if trouble is not None:
            # It concerns the others too. A server that hangs would hold each of them for its full
            # timeout; one that refuses everything would only put off more and more of them.
            trouble = without_addresses(trouble)
            log.warning("mail_server_in_trouble", trouble=trouble)
            post.rest(now=clock())
            _release(
                hopeful[position:],
                due_at=clock() + timedelta(seconds=REST_SECONDS),
                # Not the bare reply: it was not said about these.
                last_error=f"The mail server takes no mail at the moment: {trouble}",
            )
            break
    return len(batch)


def _may_change(message: Message) -> bool:
    """Whether it is to be composed, or was and can still turn out to be pointless."""
    return message.mime is None or not (message.handed_over or message.holds_a_code)


def _to_send(message: Message, composed: Composed) -> _Outcome:
    """What was written once stays as it is, unless it has become pointless."""
    if message.mime is None:
        return composed[message.pk]
    again = composed.get(message.pk)
    return again if isinstance(again, Pointless) else bytes(message.mime)


def _is_parked_as_deadly(message: Message) -> bool:
    if message.silent_claims <= CLAIMS_BEFORE_PARKING:
        return False
    _park(message, "Its worker stopped several times while it was being written or sent.")
    return True


def _composed(
    messages: Sequence[Message], *, compose: Composer, clock: Callable[[], datetime]
) -> Composed:
    """What to send, by the message's key. A fault over one message does not stop the others.

    A database that does not answer is nobody's fault; nor can it be told whose fault it is that
    there is no time left, as when the task's own time limit ends it.
    """
    if not messages:
        return {}
    try:
        return compose(messages)
    except Exception as trouble:
        if isinstance(trouble, DatabaseTrouble) and not isinstance(trouble, DataError):
            raise
        if any(message.lease_until and message.lease_until <= clock() for message in messages):
            raise
        log.exception("messages_not_composed", messages=[message.pk for message in messages])
        if len(messages) == 1:
            reason = f"It could not be written: {type(trouble).__name__}: {trouble}"[:500]
            return {messages[0].pk: Unsendable(reason)}
    alone: dict[int, _Outcome] = {}
    for message in messages:
        alone.update(_composed([message], compose=compose, clock=clock))
    return alone


def _send(
    turn: _Turn,
    mime: bytes,
    *,
    post: SmtpConnection,
    clock: Callable[[], datetime],
    then: Callable[[], _Turn | None],
) -> str | None:
    """Hand over one message and settle it; in words, what is wrong with the mail server if it is.

    A message that another worker has taken over is left to it. `then` says which is sent next, if
    there is time: its attempt begins as this one is settled.
    """
    message = turn.message
    try:
        is_new = post.open()
    except Unreachable as trouble:
        if turn.is_begun:
            _broken_off(message, trouble, now=clock())
        return str(trouble)
    try:
        if not turn.is_begun and not _begin(message, mime, now=clock()):
            return None
        if turn.is_begun and is_new:
            # Connecting may have taken as long as a message is held for being sent.
            _renew(message, now=clock())
        post.send(
            to_email=message.to_email,
            mime=mime,
            now=clock(),
            renew=lambda: _renew(message, now=clock()),
        )
    except TakenOver:
        return None
    except RefusedByServer as refusal:
        _refused(message, refusal, now=clock())
        return str(refusal) if post.refuses_everything else None
    except Unreachable as trouble:
        _broken_off(message, trouble, now=clock())
        return str(trouble)
    _sent(message, then=then(), now=clock())
    if post.in_trouble_since is not None:
        _hurry(since=post.in_trouble_since, now=clock())
        post.in_trouble_since = None
    return None


def _mine(message: Message) -> MessageQuerySet:
    """The row, if it is still ours to settle."""
    return Message.objects.filter(
        pk=message.pk, claim_number=message.claim_number, state=Message.State.SENDING
    )


def _begin(message: Message, mime: bytes, *, now: datetime) -> bool:
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


def _renew(message: Message, *, now: datetime) -> None:
    """Hold the message as long again. Raises `TakenOver`."""
    if not _mine(message).update(lease_until=now + LEASE_WHILE_SENDING):
        raise TakenOver


def _settle(message: Message, state: Message.State, **changes: Any) -> None:
    """Write down what became of a message, unless another worker has taken it over."""
    if message.is_secret and state in (Message.State.SENT, Message.State.SUPERSEDED):
        # It holds a code or a link; nobody needs it any more.
        changes["mime"] = None
    _mine(message).update(state=state, lease_until=None, **changes)


def _sent(message: Message, *, then: _Turn | None, now: datetime) -> None:
    """Mark it as taken by the mail server, once the database answers if it is away just now.

    The attempt of the message `then` begins with it, unless another worker has taken it over.
    """
    for seconds in (*SETTLING_WAITS, None):
        try:
            if then is not None and isinstance(then.outcome, bytes):
                _settle_and_begin(message, then, then.outcome, now=now)
            else:
                _settle(message, Message.State.SENT, sent_at=now, last_error="", refused_since=None)
        except OperationalError:
            # Only we know that it was taken; who takes it over would send it a second time.
            if seconds is None:
                raise
            then = None
            connection.close()
            time.sleep(seconds)
        else:
            return


def _settle_and_begin(message: Message, then: _Turn, mime: bytes, *, now: datetime) -> None:
    values = {
        "sent": message.pk,
        "sent_claim": message.claim_number,
        "is_secret": message.is_secret,
        "now": now,
        "next": then.message.pk,
        "next_claim": then.message.claim_number,
        "lease_until": now + LEASE_WHILE_SENDING,
        "mime": mime if then.message.mime is None else None,
    }
    with prepared(_SENT_AND_NEXT_BEGUN, values) as cursor:
        then.is_begun = cursor.rowcount == 1
    then.message.attempts += then.is_begun


def _refused(message: Message, refusal: RefusedByServer, *, now: datetime) -> None:
    """Nobody has it by this attempt; who may have had it before may still."""
    since = message.refused_since or now
    changes = {"handed_over": message.handed_over, "refused_since": since}
    if refusal.for_good or now - since > GIVE_UP_AFTER:
        _park(message, str(refusal), **changes)
    else:
        _put_off(message, str(refusal), now=now, **changes)


def _broken_off(message: Message, trouble: Unreachable, *, now: datetime) -> None:
    break_offs = message.break_offs + trouble.may_have_it
    changes = {
        "handed_over": message.handed_over or trouble.may_have_it,
        "break_offs": break_offs,
    }
    if trouble.may_have_it and break_offs >= BREAK_OFFS_BEFORE_PARKING:
        _park(message, str(trouble), **changes)
    else:
        _put_off(message, str(trouble), now=now, **changes)


def _park(message: Message, reason: str, **changes: Any) -> None:
    log.error("message_parked", message=message.pk, topic=message.topic)
    _settle(message, Message.State.PARKED, last_error=reason, **changes)


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


def _release(messages: Sequence[Message], *, due_at: datetime, **changes: Any) -> None:
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


def _hurry(*, since: datetime, now: datetime) -> None:
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
