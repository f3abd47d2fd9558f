"""What coordinators do about a message that is stuck or came back; each act is on record.

Each action locks the message first and looks at it again, because a worker may have taken it
since the page was read.
"""

import contextlib
import re
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts import actions as accounts
from accounts.models import User
from booking.outbox.actions import new_message_id
from booking.outbox.models import ACCOUNT_MAIL, Message, MessageEvent
from booking.outbox.refusals import (
    Forgotten,
    MayHaveArrived,
    NotStuck,
    OnlyForItsRecipient,
    PlaceGone,
    ReplacedSince,
    SameAddress,
)

State = Message.State
What = MessageEvent.What

_LONGEST_REASON = 500
# As delivery notes a mail server's refusal, and a report that a message came back.
_CODES = re.compile(r"[45]\d\d(?:[ -][45]\.\d{1,3}\.\d{1,3})?")
_FOR_GOOD = re.compile(r"5(\d\d |\.\d)")


def retry(*, message: Message, by: User, now: datetime) -> None:
    """Send a message again at once, the same bytes to the same address.

    For one that is parked, waits for its next attempt, or came back. If no mail server has it,
    delivery sees first whether it is still of use. Raises `NotStuck`, `ReplacedSince`,
    `PlaceGone` or `Forgotten`.
    """
    with transaction.atomic():
        fresh = _lock(message)
        if fresh.came_back:
            _refuse_if_replaced(fresh)
            if fresh.holds_a_code:
                raise Forgotten
        elif fresh.state not in (State.PARKED, State.WAITING):
            raise NotStuck(fresh)
        _refuse_if_place_gone(fresh)
        _put_back(fresh, now=now)
        _record(fresh, What.SENT_AGAIN, by=by, now=now)


def parked_alike(message: Message) -> list[Message]:
    """The parked messages that were refused as this one was, itself included, the oldest first.

    Refusals are alike in their reply code and status: the words after them name the recipient.
    Costs one statement.
    """
    reason = _kind_of(message.last_error)
    found = Message.objects.filter(state=State.PARKED, last_error__startswith=reason)
    rows = found.defer("mime", "payload").order_by("id")
    return [each for each in rows if _kind_of(each.last_error) == reason]


def retry_alike(*, message: Message, by: User, now: datetime) -> int:
    """Send again all messages that are parked for the reason that this one was.

    Returns how many; those that must not be sent again stay parked. Raises `NotStuck` if it is
    not parked itself.
    """
    with transaction.atomic():
        first = _lock(message)
        if first.state != State.PARKED:
            raise NotStuck(first)
        keys = [each.pk for each in parked_alike(first)]
        rows = Message.objects.filter(pk__in=keys, state=State.PARKED).select_related("booking")
        sent = 0
        for fresh in rows.defer("mime").order_by("id").select_for_update(of=["self"]):
            with contextlib.suppress(PlaceGone):
                _refuse_if_place_gone(fresh)
                _put_back(fresh, now=now)
                _record(fresh, What.SENT_AGAIN, by=by, now=now)
                sent += 1
    return sent


def _kind_of(error: str) -> str:
    """The codes of a mail server's refusal, or all that is known if there are none."""
    codes = _CODES.match(error)
    return codes.group() if codes else error


@dataclass(frozen=True)
class Corrected:
    """What correcting an address did: which messages go to the new one, which were dropped because
    they held a code or a link, and whether the person's account has the new address too."""

    sent: list[Message]
    dropped: list[Message]
    with_account: bool


def is_to_account(message: Message) -> bool:
    """Whether a message is for the address that its recipient signs in with."""
    person = message.recipient
    return person is not None and person.email == message.to_email.lower()


def correct_address(
    *, message: Message, to_email: str, by: User, why: str, now: datetime
) -> Corrected:
    """Send a message to another address: it is composed anew, under a new Message-ID.

    Only one that has provably not been accepted, or that came back. It gets a new Message-ID
    because it is another mail (RFC 5322, 3.6.4): a report about the old one must not be taken for
    one about the new. Later messages of its stream that wait behind it for the same address go to
    the new one too, but for those that hold a link which only their recipient may use.

    Where it is the address of the person's account, the account gets the new one as well, or all
    that is yet to be told them would go astray: see `accounts.actions.correct_email`. Whatever
    else waits for them at the old address goes to the new one, and what holds a code or a link is
    dropped, because the old address may be a stranger's. The old address is told unless it is
    known to fail.

    Raises `OnlyForItsRecipient`, `SameAddress`, `NotStuck`, `MayHaveArrived`, `ReplacedSince`,
    `PlaceGone` or `accounts.refusals.AddressRefused`.
    """
    to_email = to_email.strip().lower()
    with transaction.atomic():
        fresh = _lock(message)
        old_email = fresh.to_email
        if fresh.is_secret:
            raise OnlyForItsRecipient
        if to_email == old_email.lower():
            raise SameAddress
        if fresh.came_back:
            _refuse_if_replaced(fresh)
        elif fresh.state not in (State.PARKED, State.WAITING):
            raise NotStuck(fresh)
        elif fresh.may_have_arrived:
            raise MayHaveArrived
        _refuse_if_place_gone(fresh)
        with_account = is_to_account(fresh)
        was_refused = fresh.attempts > 0 and _FOR_GOOD.match(fresh.last_error) is not None
        others = _others_for(fresh, of_person=with_account)
        sent = [fresh, *(each for each in others if not each.is_secret)]
        dropped = [each for each in others if each.is_secret] if with_account else []
        reason = f"From {old_email} to {to_email}. {why}"
        of_account = f"The account too. {reason}" if with_account else reason
        for each in sent:
            told = of_account if each is fresh else reason
            _record(each, What.ADDRESS_CORRECTED, by=by, now=now, why=told)
            each.to_email, each.message_id = to_email, new_message_id()
            each.mime = None
            each.save(update_fields=["to_email", "message_id", "mime"])
        for each in sent:
            _put_back(each, now=now)
        for each in dropped:
            _give_up(each, by=by, why="The address of the account was corrected.", now=now)
        if with_account and fresh.recipient is not None:
            fails = fresh.recipient.mail_failing_since is not None or was_refused
            accounts.correct_email(person=fresh.recipient, email=to_email, by=by, now=now)
            if not fails:
                accounts.tell_former_address(email=old_email)
    return Corrected(sent=sent, dropped=dropped, with_account=with_account)


def drop(*, message: Message, by: User, why: str, now: datetime) -> None:
    """Give up a parked or waiting message, so that its stream goes on without it.

    Raises `NotStuck`.
    """
    with transaction.atomic():
        fresh = _lock(message)
        if fresh.state not in (State.PARKED, State.WAITING):
            raise NotStuck(fresh)
        _give_up(fresh, by=by, why=why, now=now)


def _lock(message: Message) -> Message:
    return Message.objects.select_for_update().get(pk=message.pk)


def _others_for(message: Message, *, of_person: bool) -> list[Message]:
    """What waits behind a message for the same address; with `of_person` all that waits there for
    its recipient. Nothing that may have arrived."""
    meant = Q(stream=message.stream, id__gt=message.pk)
    if of_person:
        meant |= Q(recipient_id=message.recipient_id) | Q(topic=ACCOUNT_MAIL)
    waiting = (
        Message.objects.unsettled()
        .filter(meant, to_email__iexact=message.to_email)
        .exclude(Q(pk=message.pk) | Q(state=State.SENDING))
        .order_by("id")
        .select_for_update()
    )
    return [each for each in waiting if each.is_secret or not each.may_have_arrived]


def _give_up(message: Message, *, by: User, why: str, now: datetime) -> None:
    message.state = State.DROPPED
    if message.is_secret:
        message.mime = None
    message.save(update_fields=["state", "mime"])
    _record(message, What.DROPPED, by=by, now=now, why=why)


def _refuse_if_replaced(message: Message) -> None:
    """An older invitation must not follow a newer one, or a cancellation (RFC 5546, 2.1.5)."""
    if _has_later_entry(message):
        raise ReplacedSince


def _refuse_if_place_gone(message: Message) -> None:
    """Nobody is invited to a place that they gave up, unless its cancellation follows."""
    booking = message.booking
    invites = message.payload.get("event", {}).get("method") == "REQUEST"
    gone = booking is not None and booking.state != booking.State.CONFIRMED
    if invites and gone and not _has_later_entry(message):
        raise PlaceGone


def _has_later_entry(message: Message) -> bool:
    """Whether a later message that was not given up brings the same calendar entry."""
    uid = message.payload.get("event", {}).get("uid")
    if uid is None or message.booking_id is None:
        return False
    later = Message.objects.filter(
        booking_id=message.booking_id, id__gt=message.pk, payload__event__uid=uid
    )
    return later.exclude(state__in=[State.DROPPED, State.SUPERSEDED]).exists()


def _put_back(message: Message, *, now: datetime) -> None:
    """Into the queue, as if it had never been tried. What went wrong last stays readable."""
    if message.came_back:
        message.handed_over = False
    message.state, message.due_at = State.WAITING, now
    message.attempts = message.silent_claims = 0
    message.sent_at = message.bounced_at = message.refused_since = None
    message.save(
        update_fields=[
            "state",
            "due_at",
            "attempts",
            "silent_claims",
            "handed_over",
            "refused_since",
            "sent_at",
            "bounced_at",
        ]
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
