"""Handing messages over to the mail server: claiming and sending; `settling` writes it down.

PostgreSQL says what is to be sent and what was. A worker claims messages for a limited time (the
lease) under a number that rises with each claim, so that a worker which comes back too late
cannot settle what another has taken over. SMTP cannot promise exactly once: a duplicate is
possible only where a worker ends between handing over the content and our commit, and then it is
byte for byte the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, partial

import structlog
from django.db import DataError, transaction
from django.db import Error as DatabaseTrouble
from django.db.models import F
from django.utils import timezone

from booking.outbox import settling
from booking.outbox.models import Message
from booking.outbox.smtp import REST_SECONDS, RefusedByServer, SmtpConnection, Unreachable
from booking.site.plain_text import without_addresses

log = structlog.get_logger(__name__)

# How long a claimed message may wait for its turn. Whoever takes it over meanwhile does no harm:
# nothing has been handed over. Longer than a connection takes that is not answered.
LEASE = timedelta(seconds=30)
BATCH = 50
# Of mail to many: a whole batch is to leave in one turn.
BULK_BATCH = 5
# How long a batch goes on with mail to many, so that what is claimed before it waits no longer.
BULK_TURN = timedelta(seconds=2)
CLAIMS_BEFORE_PARKING = 8


@dataclass(frozen=True)
class Unsendable:
    """Why a message could not be composed."""

    reason: str


@dataclass(frozen=True)
class Pointless:
    """Why a message need not be sent any more. It was never handed to a mail server."""

    reason: str


_Outcome = bytes | Unsendable | Pointless
# By the message's key; each may be composed when it is asked for, and has no need of the database.
Composed = Mapping[int, _Outcome]
Composer = Callable[[Sequence[Message]], Composed]


class WhenAsked(Mapping[int, _Outcome]):
    """What each of these makes, by key, made when it is asked for."""

    def __init__(self, makes: Mapping[int, Callable[[], _Outcome]]) -> None:
        self._makes = makes

    def __getitem__(self, key: int) -> _Outcome:
        return self._makes[key]()

    def __iter__(self) -> Iterator[int]:
        return iter(self._makes)

    def __len__(self) -> int:
        return len(self._makes)


@dataclass
class _Turn:
    """A claimed message, how it is composed, and whether its attempt has begun already."""

    message: Message
    write: Callable[[], _Outcome]
    is_begun: bool = False
    trouble: Exception | None = None

    @cached_property
    def outcome(self) -> _Outcome:
        """What is to be sent, if anything is. Raises what went wrong before its turn."""
        if self.trouble is not None:
            raise self.trouble
        return self.write()

    def before_its_turn(self) -> _Outcome | None:
        """As `outcome`, while another is being sent; nothing if it goes wrong."""
        if self.trouble is None:
            try:
                return self.outcome
            except Exception as trouble:  # noqa: BLE001 - raised in its turn
                self.trouble = trouble
        return None


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
    turns = [
        _Turn(message, partial(_to_send, message, composed, clock=clock)) for message in hopeful
    ]

    def is_over(turn: _Turn) -> bool:
        bulk_ends = began + BULK_TURN if turn.message.is_bulk else None
        return any(end and clock() >= end for end in (until, bulk_ends))

    def in_time(position: int) -> _Turn | None:
        following = turns[position] if position < len(turns) else None
        return None if following is None or is_over(following) else following

    for position, turn in enumerate(turns):
        message = turn.message
        if position and not turn.is_begun and is_over(turn):
            settling.release(hopeful[position:], due_at=clock())
            break
        if isinstance(turn.outcome, Unsendable):
            settling.park(message, turn.outcome.reason)
            continue
        if isinstance(turn.outcome, Pointless):
            settling.superseded(message, turn.outcome.reason)
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
            settling.release(
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


def _to_send(message: Message, composed: Composed, *, clock: Callable[[], datetime]) -> _Outcome:
    """What was written once stays as it is, unless it has become pointless."""
    if message.mime is not None and not _may_change(message):
        return bytes(message.mime)
    try:
        again = composed[message.pk]
    except Exception as trouble:
        if _is_nobodys_fault(trouble, [message], now=clock()):
            raise
        again = _not_composed([message], trouble)
    return again if message.mime is None or isinstance(again, Pointless) else bytes(message.mime)


def _is_parked_as_deadly(message: Message) -> bool:
    if message.silent_claims <= CLAIMS_BEFORE_PARKING:
        return False
    settling.park(message, "Its worker stopped several times while it was being written or sent.")
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
        if _is_nobodys_fault(trouble, messages, now=clock()):
            raise
        fault = _not_composed(messages, trouble)
        if len(messages) == 1:
            return {messages[0].pk: fault}

    def alone(message: Message) -> _Outcome:
        return _composed([message], compose=compose, clock=clock)[message.pk]

    return WhenAsked({message.pk: partial(alone, message) for message in messages})


def _is_nobodys_fault(trouble: Exception, messages: Sequence[Message], *, now: datetime) -> bool:
    is_database = isinstance(trouble, DatabaseTrouble) and not isinstance(trouble, DataError)
    return is_database or any(each.lease_until and each.lease_until <= now for each in messages)


def _not_composed(messages: Sequence[Message], trouble: Exception) -> Unsendable:
    log.exception("messages_not_composed", messages=[message.pk for message in messages])
    return Unsendable(f"It could not be written: {type(trouble).__name__}: {trouble}"[:500])


def _early(turn: _Turn | None) -> _Outcome | None:
    return turn.before_its_turn() if turn else None


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
            settling.broken_off(message, trouble, now=clock())
        return str(trouble)
    try:
        if not turn.is_begun and not settling.begin_sending(message, mime, now=clock()):
            return None
        if turn.is_begun and is_new:
            # Connecting may have taken as long as a message is held for being sent.
            settling.renew(message, now=clock())
        post.send(
            to_email=message.to_email,
            mime=mime,
            now=clock(),
            renew=lambda: settling.renew(message, now=clock()),
            meanwhile=lambda: _early(then()),
        )
    except settling.TakenOver:
        return None
    except RefusedByServer as refusal:
        settling.refused(message, refusal, now=clock())
        return str(refusal) if post.refuses_everything else None
    except Unreachable as trouble:
        settling.broken_off(message, trouble, now=clock())
        return str(trouble)
    following = then()
    its_mime = _early(following)
    if following is not None and isinstance(its_mime, bytes):
        attempt = following.message, its_mime
        following.is_begun = settling.sent(message, then=attempt, now=clock())
    else:
        settling.sent(message, then=None, now=clock())
    if post.in_trouble_since is not None:
        settling.hurry(since=post.in_trouble_since, now=clock())
        post.in_trouble_since = None
    return None
