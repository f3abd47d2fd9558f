"""What follows from a mail that came back to us. Nothing here gives up anybody's place."""

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from allauth.account.models import EmailAddress
from django.db import transaction
from django.db.models import Q

from accounts import failing
from accounts.addresses import as_stored
from accounts.models import User
from booking.bulletins import subscribing
from booking.catalogue.models import Sitting
from booking.outbox import posting as outbox
from booking.outbox import remedies
from booking.outbox.models import Message, MessageEvent
from booking.outbox.reasons import is_fault_of_the_address
from booking.places import announcements
from booking.places.models import Booking
from booking.places.news.drafts import sequence_of_entry
from booking.replies.incoming import NotForUs
from booking.replies.models import (
    CalendarReply,
    MailboxState,
    ReceivedMail,
    ReceivedMailQuerySet,
    newest_answer,
)
from booking.site.wording import deadline

if TYPE_CHECKING:
    # Only the worker reads mail; the desk's pages act without these.
    from booking.replies.answers import Answer
    from booking.replies.bounces import DeliveryReport

# As `places.news.drafts.calendar_uid` makes them.
_OUR_UID = re.compile(r"([a-z0-9]{1,32})-([0-9]{1,18})@.+")
# One mail of anybody's raises no doubt about more.
_MOST_DOUBTED = 20
Partstat = CalendarReply.Partstat


class NotBelieved(NotForUs):
    """A report speaks of this message of ours, and that alone says too little."""

    def __init__(self, why: str, *, message: Message) -> None:
        super().__init__(why)
        self.message = message


def record_answer(
    *, answer: "Answer", message_id: str, is_automatic_reply: bool, now: datetime
) -> None:
    """Record what a person answered in their calendar.

    It counts only if the UID is one we gave out and the attendee is the person of that booking,
    at an address that we wrote to about it. A place is never given up by this: whoever declines
    is told once, until they answer otherwise, that it is kept and how to cancel it. What a program
    answered by itself is recorded, and nobody is written to about it. Raises `NotForUs`.
    """
    with transaction.atomic():
        booking, sitting_key = _booking_of(answer)
        partstat = _said_by(booking, answer)
        sitting = Sitting.objects.filter(pk=sitting_key, session_id=booking.session_id).first()
        current = sequence_of_entry(booking, sitting_key)
        # What was answered before the entry was changed says nothing about what it is now.
        earlier = booking.calendar_replies.filter(sitting=sitting, sequence__gte=current)
        newest = newest_answer(earlier)
        reply, is_new = CalendarReply.objects.get_or_create(
            message_id=message_id,
            booking=booking,
            sitting=sitting,
            defaults={
                "partstat": partstat,
                # Nobody has seen an entry that we have not sent.
                "sequence": min(answer.sequence, current),
                "stamped_at": answer.stamped_at or now,
                "at": now,
            },
        )
        if (
            is_new
            and reply.partstat == Partstat.DECLINED
            and reply.sequence >= current
            and (newest is None or _overrules(reply, newest))
            and not is_automatic_reply
            and booking.state == Booking.State.CONFIRMED
            and booking.session.starts_at > now
        ):
            told = announcements.still_booked(booking, sitting, reply_key=reply.pk)
            outbox.post([told], now=now)


def _overrules(reply: CalendarReply, newest: CalendarReply) -> bool:
    return newest.partstat != Partstat.DECLINED and reply.order > newest.order


def is_written_to(email: str) -> bool:
    """Whether we write to this address, or it is another that somebody confirmed as theirs."""
    own = EmailAddress.objects.filter(email__iexact=email, verified=True)
    return Message.objects.filter(to_email__in={email, as_stored(email)}).exists() or own.exists()


def record_delivery_report(
    *, report: "DeliveryReport", sender: str, now: datetime
) -> MessageEvent | None:
    """Note what a mail server reports of one of our messages. Raises `NotForUs`.

    `sender` is the address that the report says it is from, in lower case. Returns what was noted,
    if that has an effect.
    """
    if report.worst.action == "delivered":
        return None
    found = remedies.find_by_message_id(*report.message_ids)
    if found is None:
        raise _doubted(report, now=now)
    message, message_id = found
    # What the message was before its address was corrected says nothing about the new one.
    is_about_this = message.message_id == message_id
    if sender == message.to_email.lower():
        raise NotBelieved(
            "It speaks of mail that came back, and the recipient of that mail sent it.",
            message=message,
        )
    said = report.about(as_stored(message.to_email)) if is_about_this else report.worst
    # A mailbox that passes mail on to several people has not failed when one of them has.
    if said is None or said.action == "delivered":
        raise NotBelieved(
            f"A mail server reports that mail to {_some(report.named)} did not arrive. We wrote to"
            f" {message.to_email}, which may pass mail on.",
            message=message,
        )
    is_sure = report.is_surely_of(message_id)
    if not is_sure or not said.action:
        _doubt(message, reason=said.reason, is_about_this=is_about_this, now=now)
        raise NotBelieved(
            f"Mail to {message.to_email} may have come back: it is not sure that a mail server"
            " says so."
            if not is_sure
            else f"A mail server reports trouble with the message to {message.to_email}, and it is"
            " not clear how bad it is.",
            message=message,
        )
    with transaction.atomic():
        event = remedies.record_report(
            message=message,
            message_id=message_id,
            is_final=said.action == "failed",
            reason=said.reason,
            now=now,
        )
        if said.action == "failed" and is_about_this:
            _mark(message.to_email, reason=said.reason, said_at=now, now=now)
    return event


def _doubted(report: "DeliveryReport", *, now: datetime) -> NotForUs:
    """What to say of a report that names no message of ours. If it names somebody we wrote to, it
    is noted that mail to them may have come back."""
    reasons = []
    with transaction.atomic():
        # Anybody can write one, who need not know a Message-ID.
        sent = Message.objects.last_sent_to(sorted(report.named)[:_MOST_DOUBTED])
        doubted = list(sent.defer("mime", "payload"))
        for message in doubted:
            said = report.about(as_stored(message.to_email)) or report.worst
            reasons.append(said.reason)
            _doubt(message, reason=said.reason, is_about_this=True, now=now)
    if not doubted:
        if not report.named and not report.message_ids:
            return NotForUs(
                "It reports that a mail did not arrive, and does not say which one or to whom."
            )
        return NotForUs("It reports on a mail that is none of ours.")
    names = _some(frozenset(each.to_email for each in doubted))
    return NotBelieved(
        f"Mail to {names} may have come back: {reasons[0] or 'no reason is given'}",
        message=doubted[0],
    )


def _doubt(message: Message, *, reason: str, is_about_this: bool, now: datetime) -> None:
    """Show on a message that it may have come back and, unless its address was corrected since, on
    whose address it is."""
    with transaction.atomic():
        remedies.note_doubt(message=message, reason=reason, now=now)
        if is_about_this:
            failing.mark_doubted(email=message.to_email, why=reason, now=now)


def say_address_works(*, person: User, by: User, why: str, now: datetime) -> None:
    """A coordinator knows that mail reaches a person again; said on record, with the message that
    came back last and those that may have."""
    with transaction.atomic():
        # First the messages, then the person, as everywhere.
        theirs = Message.objects.filter(to_email__iexact=person.email).defer("mime")
        last = theirs.filter(bounced_at__isnull=False).order_by("-bounced_at")[:1]
        meant = Q(pk__in=last.values("pk")) | Q(pk__in=theirs.doubted().values("pk"))
        about = list(theirs.filter(meant).order_by("id").select_for_update())
        failing.clear_failing(person=person)
        MessageEvent.objects.bulk_create(
            MessageEvent(
                message=each,
                at=now,
                by=by,
                what=MessageEvent.What.ADDRESS_WORKS,
                why=why,
                former_message_id=each.message_id,
            )
            for each in about
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


def bring_back(*, received: ReceivedMail, by: User, now: datetime) -> None:
    """Put a mail that was put away on the list of what somebody must read.

    What a report made of its message and of the address is undone, and done again only by
    `put_away_again`.
    """
    with transaction.atomic():
        fresh = ReceivedMail.objects.select_for_update(of=["self"]).get(pk=received.pk)
        if fresh.state != ReceivedMail.State.DONE:
            return
        if fresh.noted is not None and fresh.noted.what == MessageEvent.What.CAME_BACK:
            _undo(fresh.noted, by=by, now=now, without=fresh)
        fresh.state, fresh.brought_back_at = ReceivedMail.State.LISTED, now
        fresh.why = f"Brought back by {by} at {deadline(now)}."
        fresh.save(update_fields=["state", "why", "brought_back_at"])


def put_away_again(*, received: ReceivedMail, by: User, now: datetime) -> None:
    """Put away a mail that was brought back: what a report had made of its message counts again.

    What was done about the message or its address since it was read stays.
    """
    with transaction.atomic():
        fresh = ReceivedMail.objects.select_for_update(of=["self"]).get(pk=received.pk)
        if fresh.state != ReceivedMail.State.LISTED or fresh.brought_back_at is None:
            return
        if fresh.noted is not None and fresh.noted.what == MessageEvent.What.CAME_BACK:
            fresh.noted = _redo(fresh.noted, now=now)
        fresh.state, fresh.why, fresh.brought_back_at = ReceivedMail.State.DONE, "", None
        fresh.settled_by, fresh.settled_at = by, now
        fresh.save()


def _redo(event: MessageEvent, *, now: datetime) -> MessageEvent:
    """Note again what a report said; returns the note that stands.

    A message that was sent again since counts as sent, and an address as working whose owner has
    signed in or of which a coordinator has said so.
    """
    message, again = event.message, event
    if message.sent_at is None or message.sent_at <= event.at:
        again = remedies.record_report(
            message=message,
            message_id=event.former_message_id,
            is_final=True,
            reason=event.why,
            now=now,
        )
    email = as_stored(message.to_email)
    said_to_work = MessageEvent.objects.filter(
        message__to_email__iexact=email, what=MessageEvent.What.ADDRESS_WORKS, at__gt=event.at
    )
    has_signed_in = User.objects.filter(email=email, last_login__gt=event.at)
    works = said_to_work.exists() or has_signed_in.exists()
    if message.message_id == event.former_message_id and not works:
        _mark(email, reason=event.why, said_at=event.at, now=now)
    return again


def _mark(email: str, *, reason: str, said_at: datetime, now: datetime) -> None:
    """Mail to an address came back for good: it is marked if it is at fault."""
    if is_fault_of_the_address(reason):
        failing.mark_failing(email=email, why=reason, now=now)
        subscribing.end_unreachable(email=email, why=reason, said_at=said_at, now=now)


def _undo(event: MessageEvent, *, by: User, now: datetime, without: ReceivedMail) -> None:
    """Undo what a report did to its message and to the address, unless another says the same."""
    message = event.message
    reports = ReceivedMail.objects.filter(
        state=ReceivedMail.State.DONE, noted__what=MessageEvent.What.CAME_BACK
    ).exclude(pk=without.pk)
    if not reports.filter(noted__message=message).exists():
        remedies.take_back(message=message, by=by, now=now)
    email = as_stored(message.to_email)
    reader = subscribing.unreachable().filter(email=email, failure=event.why).first()
    if reader is not None and reader.ended_at is not None:
        blamed = _blamed_since(reader.ended_at, reports, email=email)
        subscribing.reach_again(reader=reader, why=blamed)
    marked = User.objects.filter(mail_failing_since__isnull=False, mail_failure=event.why)
    person = marked.filter(email=email).first()
    if person is not None and person.mail_failing_since is not None:
        blamed = _blamed_since(person.mail_failing_since, reports, email=email)
        failing.doubt_report(person=person, why=blamed)


def _blamed_since(since: datetime, reports: ReceivedMailQuerySet, *, email: str) -> str:
    """Why mail to an address came back, as the newest of the reports says that finds it at fault;
    empty if none does."""
    about_it = reports.filter(noted__message__to_email__iexact=email, noted__at__gte=since)
    said = about_it.order_by("-noted__at").values_list("noted__why", flat=True)
    return next(filter(is_fault_of_the_address, said), "")


def forget_what_was_put_away(*, now: datetime) -> None:
    """Forget who wrote what in mail that nobody brings back any more."""
    until = now - timedelta(days=ReceivedMail.KEPT_DAYS)
    old = ReceivedMail.objects.filter(state=ReceivedMail.State.DONE, seen_at__lt=until)
    old.exclude(from_address="", subject="").update(from_address="", subject="")


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


def _booking_of(answer: "Answer") -> tuple[Booking, int]:
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
    return booking, int(parts.group(2))


def _said_by(booking: Booking, answer: "Answer") -> Partstat:
    """What the person of a booking answers, among all attendees that an answer names.

    Theirs are the address of their account, others that they confirmed, and those that we wrote
    to about the booking. Raises `NotForUs`.
    """
    own = EmailAddress.objects.filter(user=booking.person, verified=True)
    written_to = Message.objects.filter(booking=booking, recipient=booking.person)
    theirs = {booking.person.email}
    theirs.update(map(as_stored, own.values_list("email", flat=True)))
    theirs.update(map(as_stored, written_to.values_list("to_email", flat=True)))
    said = [partstat for address, partstat in answer.attendees if address in theirs]
    if not said:
        raise NotForUs("It answers the calendar entry of another person.")
    known = [each for each in said if each in Partstat.__members__]
    if not known:
        raise NotForUs(f"It answers “{said[0] or 'nothing'}” to a calendar entry.")
    return Partstat(known[0].lower())
