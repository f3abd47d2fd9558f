"""What coordinators do about a message that is stuck or came back; each act is on record.

Each action locks the message first and looks at it again, because a worker may have taken it
since the page was read.
"""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from booking.outbox.actions import new_message_id
from booking.outbox.models import Message, MessageEvent
from booking.outbox.refusals import (
    Forgotten,
    MayHaveArrived,
    NotStuck,
    OnlyForItsRecipient,
    ReplacedSince,
    SameAddress,
)

State = Message.State
What = MessageEvent.What

_LONGEST_REASON = 500


def retry(*, message: Message, by: User, now: datetime) -> None:
    """Send a message again at once, the same bytes to the same address.

    For one that is parked, waits for its next attempt, or came back. Raises `NotStuck`,
    `ReplacedSince` or `Forgotten`.
    """
    with transaction.atomic():
        fresh = _lock(message)
        if fresh.came_back:
            _refuse_if_replaced(fresh)
            if fresh.holds_a_code:
                raise Forgotten
        elif fresh.state not in (State.PARKED, State.WAITING):
            raise NotStuck(fresh)
        _put_back(fresh, now=now)
        _record(fresh, What.SENT_AGAIN, by=by, now=now)


def correct_address(
    *, message: Message, to_email: str, by: User, why: str, now: datetime
) -> list[Message]:
    """Send a message to another address: it is composed anew, under a new Message-ID.

    Only one that has provably not been accepted, or that came back. It gets a new Message-ID
    because it is another mail (RFC 5322, 3.6.4): a report about the old one must not be taken for
    one about the new. Later messages of its stream that wait behind it for the same address go to
    the new one too, but for those that hold a link which only their recipient may use. The
    person's account keeps its address, which is what they sign in with.

    Returns the messages that go to the new address. Raises `OnlyForItsRecipient`,
    `SameAddress`, `NotStuck`, `MayHaveArrived` or `ReplacedSince`.
    """
    with transaction.atomic():
        fresh = _lock(message)
        old_email = fresh.to_email
        if fresh.is_secret:
            raise OnlyForItsRecipient
        if to_email.lower() == old_email.lower():
            raise SameAddress
        if fresh.came_back:
            _refuse_if_replaced(fresh)
        elif fresh.state not in (State.PARKED, State.WAITING):
            raise NotStuck(fresh)
        elif fresh.may_have_arrived:
            raise MayHaveArrived
        behind = (
            Message.objects.unsettled()
            .filter(stream=fresh.stream, id__gt=fresh.pk, to_email=old_email)
            .exclude(state=State.SENDING)
            .select_for_update()
        )
        changed = [
            fresh,
            *(each for each in behind if not each.is_secret and not each.may_have_arrived),
        ]
        reason = f"From {old_email} to {to_email}. {why}"
        for each in changed:
            _record(each, What.ADDRESS_CORRECTED, by=by, now=now, why=reason)
            each.to_email, each.message_id = to_email, new_message_id()
            each.mime, each.handed_over = None, False
            each.save(update_fields=["to_email", "message_id", "mime", "handed_over"])
        for each in changed:
            _put_back(each, now=now)
    return changed


def drop(*, message: Message, by: User, why: str, now: datetime) -> None:
    """Give up a parked or waiting message, so that its stream goes on without it.

    Raises `NotStuck`.
    """
    with transaction.atomic():
        fresh = _lock(message)
        if fresh.state not in (State.PARKED, State.WAITING):
            raise NotStuck(fresh)
        fresh.state = State.DROPPED
        if fresh.is_secret:
            fresh.mime = None
        fresh.save(update_fields=["state", "mime"])
        _record(fresh, What.DROPPED, by=by, now=now, why=why)


def _lock(message: Message) -> Message:
    return Message.objects.select_for_update().get(pk=message.pk)


def _refuse_if_replaced(message: Message) -> None:
    """An older invitation must not follow a newer one, or a cancellation (RFC 5546, 2.1.5)."""
    uid = message.payload.get("event", {}).get("uid")
    if uid is None or message.booking_id is None:
        return
    later = Message.objects.filter(
        booking_id=message.booking_id, id__gt=message.pk, payload__event__uid=uid
    )
    if later.exclude(state__in=[State.DROPPED, State.SUPERSEDED]).exists():
        raise ReplacedSince


def _put_back(message: Message, *, now: datetime) -> None:
    """Into the queue, as if it had never been tried. What went wrong last stays readable."""
    message.state, message.due_at = State.WAITING, now
    message.attempts = message.silent_claims = 0
    message.sent_at = message.bounced_at = None
    message.save(
        update_fields=["state", "due_at", "attempts", "silent_claims", "sent_at", "bounced_at"]
    )


def _record(
    message: Message, what: MessageEvent.What, *, by: User, now: datetime, why: str = ""
) -> None:
    MessageEvent.objects.create(
        message=message,
        at=now,
        by=by,
        what=what,
        why=why[:_LONGEST_REASON],
        former_message_id=message.message_id,
    )
