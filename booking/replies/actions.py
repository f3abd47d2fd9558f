"""What follows from a mail that came back to us. Nothing here gives up anybody's place."""

import re
from datetime import datetime

from django.db import transaction

from accounts import failing
from accounts.addresses import as_stored
from accounts.models import User
from booking.catalogue.models import Sitting
from booking.outbox import posting as outbox
from booking.outbox import remedies
from booking.outbox.models import Message, MessageEvent
from booking.places import announcements
from booking.places.models import Booking
from booking.replies.answers import Answer
from booking.replies.bounces import DeliveryReport
from booking.replies.incoming import NotForUs
from booking.replies.models import CalendarReply, MailboxState, ReceivedMail

# As `places.announcements.calendar_uid` makes them.
_OUR_UID = re.compile(r"([a-z0-9]{1,32})-([0-9]{1,18})@.+")
Partstat = CalendarReply.Partstat


def record_answer(
    *, answer: Answer, message_id: str, is_automatic_reply: bool, now: datetime
) -> None:
    """Record what a person answered in their calendar.

    It counts only if the UID is one we gave out and the attendee is the person of that booking,
    at an address that we wrote to about it. A place is never given up by this: whoever declines
    is told once, until they answer otherwise, that it is kept and how to cancel it. What a program
    answered by itself is recorded, and nobody is written to about it. Raises `NotForUs`.
    """
    with transaction.atomic():
        booking, sitting_key = _booking_of(answer)
        if answer.partstat not in Partstat.__members__:
            raise NotForUs(f"It answers “{answer.partstat or 'nothing'}” to a calendar entry.")
        sitting = Sitting.objects.filter(pk=sitting_key, session_id=booking.session_id).first()
        earlier = CalendarReply.objects.filter(booking=booking, sitting=sitting).last()
        reply, is_new = CalendarReply.objects.get_or_create(
            message_id=message_id,
            booking=booking,
            sitting=sitting,
            defaults={
                "partstat": Partstat(answer.partstat.lower()),
                "sequence": answer.sequence,
                "at": now,
            },
        )
        declined_already = earlier is not None and earlier.partstat == Partstat.DECLINED
        if (
            is_new
            and reply.partstat == Partstat.DECLINED
            and not declined_already
            and not is_automatic_reply
            and booking.state == Booking.State.CONFIRMED
            and booking.session.starts_at > now
        ):
            told = announcements.still_booked(booking, sitting, reply_key=reply.pk)
            outbox.post([told], now=now)


def record_delivery_report(*, report: DeliveryReport, now: datetime) -> None:
    """Note what a mail server reports of one of our messages. Raises `NotForUs`."""
    for message_id in report.message_ids:
        message = remedies.find_by_message_id(message_id)
        if message is not None:
            break
    else:
        raise NotForUs("It reports on a mail that is none of ours.")
    if report.has_arrived:
        return
    if not report.is_clear:
        raise NotForUs(
            f"A mail server reports trouble with the message to {message.to_email}, and it is not"
            " clear how bad it is."
        )
    # A mailbox that passes mail on to several people has not failed when one of them has.
    if (
        report.is_final
        and report.recipients is not None
        and message.message_id == message_id
        and as_stored(message.to_email) not in report.recipients
    ):
        raise NotForUs(
            f"A mail server reports that mail to {_some(report.recipients)} came back. We wrote"
            f" to {message.to_email}, which may pass mail on."
        )
    with transaction.atomic():
        remedies.record_report(
            message=message,
            message_id=message_id,
            is_final=report.is_final,
            reason=report.reason,
            now=now,
        )
        # What the message was before its address was corrected says nothing about the new one.
        if report.is_permanent and message.message_id == message_id:
            failing.mark_failing(email=message.to_email, why=report.reason, now=now)


def say_address_works(*, person: User, by: User, why: str, now: datetime) -> None:
    """A coordinator knows that mail reaches a person again; said on record, with the message that
    came back last."""
    with transaction.atomic():
        # First the message, then the person, as everywhere.
        last = (
            Message.objects.filter(to_email__iexact=person.email, bounced_at__isnull=False)
            .defer("mime")
            .order_by("-bounced_at")
            .select_for_update()
            .first()
        )
        failing.clear_failing(person=person)
        if last is not None:
            MessageEvent.objects.create(
                message=last,
                at=now,
                by=by,
                what=MessageEvent.What.ADDRESS_WORKS,
                why=why,
                former_message_id=last.message_id,
            )


def mark_dealt_with(*, received: ReceivedMail, by: User, now: datetime) -> None:
    """Take a mail off the list of what somebody must read, and forget who wrote what."""
    ReceivedMail.objects.filter(pk=received.pk, state=ReceivedMail.State.LISTED).update(
        state=ReceivedMail.State.SETTLED,
        settled_by=by,
        settled_at=now,
        from_address="",
        subject="",
    )


def note_mailbox(*, trouble: str, now: datetime) -> None:
    """Keep how reading the mailbox went; an empty `trouble` says that it went well."""
    with transaction.atomic():
        state, _ = MailboxState.objects.select_for_update().get_or_create(pk=1)
        if trouble:
            state.trouble_since = state.trouble_since or now
        else:
            state.read_at, state.trouble_since = now, None
        state.trouble = trouble[:300]
        state.save()


def _some(addresses: frozenset[str]) -> str:
    """An address or two of several, for a sentence."""
    return " and ".join(sorted(filter(None, addresses))[:2])[:150] or "an unnamed address"


def _booking_of(answer: Answer) -> tuple[Booking, int]:
    """The booking whose entry was answered, held until the answer is recorded."""
    parts = _OUR_UID.fullmatch(answer.uid)
    booking = (
        Booking.objects.select_for_update(no_key=True, of=["self"])
        .select_related("person", "session")
        .filter(calendar_key=parts.group(1))
        .first()
        if parts
        else None
    )
    if booking is None or parts is None:
        raise NotForUs("It answers a calendar entry that is none of ours.")
    written_to = Message.objects.filter(booking=booking, to_email__iexact=answer.attendee)
    if answer.attendee != booking.person.email and not written_to.exists():
        raise NotForUs("It answers the calendar entry of another person.")
    return booking, int(parts.group(2))
