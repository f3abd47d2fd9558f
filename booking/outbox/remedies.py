"""What happens to a message that is stuck or came back, on record: what mail servers report of it
after they accepted it, what coordinators do about it, and why that is refused.

Each action locks the message first and looks at it again, because a worker may have taken it
since the page was read.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q

from accounts import actions as accounts
from accounts.addresses import as_stored, parse_address
from accounts.models import User
from booking.outbox.models import ACCOUNT_MAIL, Message, MessageEvent
from booking.outbox.posting import new_message_id
from booking.outbox.refusals import (
    CorrectedSince,
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
_STUCK = (State.PARKED, State.WAITING)
_CORRECTED = "The address of the account was corrected."

_LONGEST_REPORT = 500
# A reason and two addresses.
_LONGEST_REASON = 1100
# As delivery notes a mail server's refusal, and a report that a message came back.
_CODES = re.compile(r"[45]\d\d(?:[ -][45]\.\d{1,3}\.\d{1,3})?")
# Our own mail server said that there is no such address (RFC 3463, 3.2; RFC 7505, 4.1). 5.1.7 and
# 5.1.8 are about the address of the sender.
_NO_SUCH_ADDRESS = re.compile(r"5\d\d[ -]5\.1\.(?:1|2|3|10)\b")

_UNTRIED: Mapping[str, Any] = {
    "attempts": 0,
    "silent_claims": 0,
    "lease_until": None,
    "refused_since": None,
    "break_offs": 0,
    "sent_at": None,
    "bounced_at": None,
}


def find_by_message_id(*message_ids: str) -> tuple[Message, str] | None:
    """The message that carries one of these Message-IDs, or carried it until its address was
    corrected, and which of them it was. The first one found counts. Costs two statements."""
    messages = Message.objects.defer("mime").filter(message_id__in=message_ids)
    corrected = MessageEvent.objects.filter(
        what=What.ADDRESS_CORRECTED, former_message_id__in=message_ids
    )
    found = {each.former_message_id: each.message for each in corrected.select_related("message")}
    found |= {each.message_id: each for each in messages}
    return next(((found[each], each) for each in message_ids if each in found), None)


def note_doubt(*, message: Message, reason: str, now: datetime) -> None:
    """Note on a message that it may have come back: it is shown, and changes nothing. Once a day,
    as anybody can write of it."""
    event = _event(message, What.MAY_HAVE_COME_BACK, now=now, why=reason[:_LONGEST_REPORT])
    if not message.events.filter(what=event.what, at__gt=now - timedelta(days=1)).exists():
        event.save()


def record_report(
    *, message: Message, message_id: str, is_final: bool, reason: str, now: datetime
) -> MessageEvent:
    """Note that a message came back for good, or is late on its way; returns the note.

    A report about what it was before its address was corrected is noted and changes nothing.
    """
    reason = reason[:_LONGEST_REPORT]
    with transaction.atomic():
        fresh = _lock(message)
        is_about_this = fresh.message_id == message_id
        if is_final and is_about_this and fresh.state == State.SENT:
            fresh.bounced_at, fresh.last_error = now, reason
            fresh.save(update_fields=["bounced_at", "last_error"])
        event = _event(fresh, What.CAME_BACK if is_final else What.DELAYED, now=now, why=reason)
        event.former_message_id = message_id
        event.save()
    return event


def take_back(*, message: Message, by: User, now: datetime) -> None:
    """A coordinator doubts the report by which a message came back: it counts as sent again."""
    with transaction.atomic():
        fresh = _lock(message)
        if fresh.came_back:
            fresh.bounced_at, fresh.last_error = None, ""
            fresh.save(update_fields=["bounced_at", "last_error"])
            _event(fresh, What.TAKEN_BACK, by=by, now=now).save()


def retry(*, message: Message, by: User, now: datetime) -> None:
    """Send a message again at once, the same bytes to the same address.

    For one that is parked, waits for its next attempt, or came back. If no mail server has it,
    delivery sees first whether it is still of use. Raises `NotStuck`, `ReplacedSince`,
    `PlaceGone` or `Forgotten`.
    """
    with transaction.atomic():
        fresh = _lock(message)
        _refuse_unless_it_may_go_again(fresh)
        if fresh.came_back and fresh.holds_a_code:
            raise Forgotten
        _put_back(fresh, now=now)
        _event(fresh, What.SENT_AGAIN, by=by, now=now).save()


def note_sent_again(*, message: Message, anew: Message, by: User, now: datetime) -> None:
    """Note who had a message written anew, on it and on the one that follows it."""
    MessageEvent.objects.bulk_create(
        [
            _event(message, What.SENT_AGAIN, by=by, now=now, why=f"As message {anew.pk}."),
            _event(anew, What.SENT_AGAIN, by=by, now=now, why=f"After message {message.pk}."),
        ]
    )


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
        # All locks in one order, whichever of them it was asked for.
        keys = [each.pk for each in parked_alike(message)]
        rows = Message.objects.filter(pk__in=keys, state=State.PARKED).select_related("booking")
        parked = list(rows.defer("mime").order_by("id").select_for_update(of=["self"]))
        if message.pk not in {fresh.pk for fresh in parked}:
            raise NotStuck(Message.objects.get(pk=message.pk))
        again = [fresh for fresh in parked if not _is_place_gone(fresh)]
        Message.objects.filter(pk__in=[fresh.pk for fresh in again]).update(
            **_UNTRIED, state=State.WAITING, due_at=now
        )
        events = [_event(fresh, What.SENT_AGAIN, by=by, now=now) for fresh in again]
        MessageEvent.objects.bulk_create(events, batch_size=1000)
    return len(again)


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
    return person is not None and person.email == as_stored(message.to_email)


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
    dropped, because the old address may be a stranger's. The old address is told, unless our mail
    server says that there is none: what came back by mail anybody may have written.

    `message` is as it was when the other address was asked for. Raises `CorrectedSince`,
    `OnlyForItsRecipient`, `SameAddress`, `NotStuck`, `MayHaveArrived`, `ReplacedSince`,
    `PlaceGone`, `Forgotten` or `accounts.actions.CorrectionRefused`.
    """
    to_email = parse_address(to_email)
    with transaction.atomic():
        fresh, others = _lock_with_others(message)
        old_email = fresh.to_email
        if fresh.is_secret:
            raise OnlyForItsRecipient
        if to_email == as_stored(old_email):
            raise SameAddress
        if fresh.state in _STUCK and fresh.may_have_arrived:
            raise MayHaveArrived
        _refuse_unless_it_may_go_again(fresh)
        with_account = is_to_account(fresh)
        is_none = not fresh.came_back and _NO_SUCH_ADDRESS.match(fresh.last_error) is not None
        if not with_account:
            others = [each for each in others if each.stream == fresh.stream and each.pk > fresh.pk]
        sent = [fresh, *(each for each in others if not each.is_secret)]
        dropped = [each for each in others if each.is_secret] if with_account else []
        reason = f"From {old_email} to {to_email}. {why}"
        of_account = f"The account too. {reason}" if with_account else reason
        _redirect(fresh, to_email=to_email, by=by, why=of_account, now=now)
        for each in sent[1:]:
            _redirect(each, to_email=to_email, by=by, why=reason, now=now)
        for each in dropped:
            _give_up(each, by=by, why=_CORRECTED, now=now)
        if with_account and fresh.recipient is not None:
            accounts.correct_email(person=fresh.recipient, email=to_email, by=by, now=now)
            if not is_none:
                accounts.tell_former_address(email=old_email)
    return Corrected(sent=sent, dropped=dropped, with_account=with_account)


def waiting_at_address(person: User) -> list[Message]:
    """What waits for somebody at the address of their account, also to go out by post; locked.

    Nothing that may have arrived, but for codes and links.
    """
    meant = Q(recipient=person) | Q(topic=ACCOUNT_MAIL)
    states = (*Message.UNSETTLED, State.LETTER)
    found = Message.objects.filter(meant, to_email__iexact=person.email, state__in=states)
    return [each for each in found.order_by("id").select_for_update() if _may_be_redirected(each)]


def follow_account(
    *, messages: Collection[Message], to_email: str, by: User, why: str, now: datetime
) -> None:
    """Send what `waiting_at_address` found to the account's new address.

    What holds a code or a link is dropped, as in `correct_address`, but for what was a letter.
    """
    for each in messages:
        if each.is_secret and each.state != State.LETTER:
            _give_up(each, by=by, why=_CORRECTED, now=now)
        else:
            told = f"From {each.to_email} to {to_email}. {why}"
            _redirect(each, to_email=to_email, by=by, why=told, now=now)


def _redirect(message: Message, *, to_email: str, by: User, why: str, now: datetime) -> None:
    _event(message, What.ADDRESS_CORRECTED, by=by, now=now, why=why).save()
    message.to_email, message.message_id, message.mime = to_email, new_message_id(), None
    _put_back(message, now=now)


def _may_be_redirected(message: Message) -> bool:
    if message.state == State.SENDING and message.handed_over:
        return False
    return message.is_secret or not message.may_have_arrived


def drop(*, message: Message, by: User, why: str, now: datetime) -> None:
    """Give up a parked or waiting message, so that its stream goes on without it.

    Raises `NotStuck`.
    """
    with transaction.atomic():
        fresh = _lock(message)
        _refuse_unless_stuck(fresh)
        _give_up(fresh, by=by, why=why, now=now)


def went_by_post(*, message: Message, by: User, now: datetime) -> None:
    """What somebody without an address is told has gone out on paper, or was said by telephone.

    Raises `NotStuck` if it is not to go out by post.
    """
    with transaction.atomic():
        fresh = _lock(message)
        if fresh.state != State.LETTER:
            raise NotStuck(fresh)
        fresh.state, fresh.sent_at = State.SENT, now
        fresh.save(update_fields=["state", "sent_at"])
        _event(fresh, What.WENT_BY_POST, by=by, now=now).save()


def _lock(message: Message) -> Message:
    return Message.objects.select_for_update().get(pk=message.pk)


def _lock_with_others(message: Message) -> tuple[Message, list[Message]]:
    """A message, and what waits at its address behind it or else for its recipient.

    But for codes and links, nothing that may have arrived. What a worker has claimed and not begun
    to send is among them, and so taken out of its hands.
    """
    stored = Message.objects.get(pk=message.pk)
    meant = Q(stream=stored.stream, id__gt=stored.pk) | Q(topic=ACCOUNT_MAIL)
    if stored.recipient_id is not None:
        meant |= Q(recipient_id=stored.recipient_id)
    others = Q(meant, to_email__iexact=stored.to_email, state__in=Message.UNSETTLED)
    # All locks in one order, whichever message it was asked for.
    locked = Message.objects.filter(Q(pk=stored.pk) | others).order_by("id").select_for_update()
    rows = {each.pk: each for each in locked}
    fresh = rows.pop(stored.pk)
    if fresh.to_email != message.to_email or fresh.to_email != stored.to_email:
        raise CorrectedSince
    return fresh, [each for each in rows.values() if _may_be_redirected(each)]


def _give_up(message: Message, *, by: User, why: str, now: datetime) -> None:
    message.state = State.DROPPED
    if message.is_secret:
        message.mime = None
    message.save(update_fields=["state", "mime"])
    _event(message, What.DROPPED, by=by, now=now, why=why).save()


def _refuse_unless_stuck(message: Message) -> None:
    if message.state not in _STUCK:
        raise NotStuck(message)


def _refuse_unless_it_may_go_again(message: Message) -> None:
    """It is stuck, or came back, and still tells of what is so.

    An older invitation must not follow a newer one, or a cancellation (RFC 5546, 2.1.5).
    """
    if message.is_forgotten:
        raise Forgotten
    if not message.came_back:
        _refuse_unless_stuck(message)
    elif has_later_entry(message):
        raise ReplacedSince
    if _is_place_gone(message):
        raise PlaceGone


def _is_place_gone(message: Message) -> bool:
    """Nobody is invited to a place that they gave up, unless its cancellation follows."""
    booking = message.booking
    invites = message.payload.get("event", {}).get("method") == "REQUEST"
    gone = booking is not None and booking.state != booking.State.CONFIRMED
    return invites and gone and not has_later_entry(message)


def has_later_entry(message: Message) -> bool:
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
    for name, value in {**_UNTRIED, "state": State.WAITING, "due_at": now}.items():
        setattr(message, name, value)
    message.save()


def _event(
    message: Message,
    what: MessageEvent.What,
    *,
    by: User | None = None,
    now: datetime,
    why: str = "",
) -> MessageEvent:
    return MessageEvent(
        message=message,
        at=now,
        by=by,
        what=what,
        why=why[:_LONGEST_REASON],
        former_message_id=message.message_id,
    )
