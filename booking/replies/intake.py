"""One mail from the mailbox: acted on once, whatever it holds and whenever we are interrupted."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

import structlog
from django.conf import settings
from django.db import InterfaceError, OperationalError, transaction
from django.db.models import F

from booking.outbox import remedies
from booking.outbox.models import Message, MessageEvent
from booking.replies import actions
from booking.replies.answers import answers_in, brings_a_calendar
from booking.replies.bounces import named_in_it, report_in
from booking.replies.incoming import Fetched, Incoming, NotForUs
from booking.replies.models import ReceivedMail
from booking.replies.origin import (
    is_automatic_reply,
    is_by_a_program,
    is_notice,
    is_receipt,
    may_be_a_report,
)

log = structlog.get_logger(__name__)

State, Kind = ReceivedMail.State, ReceivedMail.Kind
# A mail that stopped its reader so often is left to people.
_MOST_ATTEMPTS = 3
# Nobody who is away names so many.
_MOST_NAMED = 200

_ORDINARY = "It is not an answer from a calendar, nor a report of a mail server."
_BY_PROGRAM = "A program wrote it, and not for anybody we have written to."
_OF_OTHERS = "A program of somebody we have not written to answers mail of ours."
_UNCLEAR = "It may report that mail did not arrive, and does not say clearly which."
_TOO_LARGE = "It is too large to be read by a program."


@dataclass(frozen=True)
class Understood:
    """What a mail is, why somebody must read it (empty if nobody must), what it noted on a message,
    and of which it speaks without effect."""

    kind: str
    why: str = ""
    noted: MessageEvent | None = None
    about: Message | None = None


def take_in(fetched: Fetched, *, now: datetime) -> bool:
    """Act on one mail. True if it is done with, false if somebody must read it.

    Two transactions: the first counts the attempt, the second acts and says so in the same
    commit. So a mail is acted on once even if it is seen again because we stopped before it was
    moved, and one that stops us each time is listed in the end. Trouble with the database is
    raised, and the mail is tried again; any other trouble lists the mail.
    """
    incoming = Incoming.parse(fetched.raw)
    key = incoming.key
    with transaction.atomic():
        received, _ = ReceivedMail.objects.get_or_create(key=key, defaults={"seen_at": now})
        if received.state == State.READING:
            ReceivedMail.objects.filter(pk=received.pk).update(attempts=F("attempts") + 1)
    if received.attempts >= _MOST_ATTEMPTS:
        stopped = Understood(Kind.OTHER, "Reading it was stopped several times.")
        return _settle(received.pk, lambda: stopped, incoming)
    try:
        return _settle(received.pk, lambda: _act(incoming, fetched, key, now), incoming)
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        # What a stranger sends must never stop the reading of what others send.
        log.exception("mail_not_understood", received=received.pk)
        failed = Understood(Kind.OTHER, "It could not be understood.")
        return _settle(received.pk, lambda: failed, incoming)


def _settle(pk: int, act: Callable[[], Understood], incoming: Incoming) -> bool:
    """Act under the row's lock, unless it was done before; true if nobody must read it."""
    with transaction.atomic():
        received = ReceivedMail.objects.select_for_update().get(pk=pk)
        if received.state == State.READING:
            understood = act()
            received.kind, received.noted = understood.kind, understood.noted
            received.why, received.about = understood.why[:300], understood.about
            received.state = State.LISTED if understood.why else State.DONE
            received.from_address = incoming.from_address
            received.subject = incoming.subject
            received.save()
    return received.state in (State.DONE, State.SETTLED)


def _act(incoming: Incoming, fetched: Fetched, key: str, now: datetime) -> Understood:
    """Do what the mail asks for."""
    if not (fetched.is_whole and incoming.is_whole):
        return Understood(Kind.OTHER, _TOO_LARGE)
    kind = Kind.OTHER
    try:
        report = report_in(incoming)
        if report is not None:
            kind = Kind.REPORT
            sender = incoming.from_address.lower()
            noted = actions.record_delivery_report(report=report, sender=sender, now=now)
            return Understood(kind, noted=noted)
        if is_receipt(incoming):
            return Understood(Kind.RECEIPT)
        answers = answers_in(incoming)
        kind = Kind.ANSWER if answers else Kind.OTHER
        for answer in answers:
            actions.record_answer(
                answer=answer,
                message_id=key,
                is_automatic_reply=is_automatic_reply(incoming),
                now=now,
            )
        if answers:
            return Understood(kind)
        if may_be_a_report(incoming):
            return Understood(kind, _UNCLEAR)
        # A holiday notice is no answer, and is never answered (RFC 3834, section 2). A person's
        # proposal of another time is sent by a program too.
        is_ours = actions.is_written_to(incoming.from_address)
        if brings_a_calendar(incoming) or not is_notice(incoming, is_of_a_recipient=is_ours):
            return Understood(kind, _BY_PROGRAM if is_by_a_program(incoming) else _ORDINARY)
        if not is_ours and _names_what_is_ours(incoming):
            return Understood(kind, _OF_OTHERS)
        return Understood(Kind.NOTICE)
    except actions.NotBelieved as refused:
        return Understood(kind, str(refused), about=refused.message)
    except NotForUs as refused:
        return Understood(kind, str(refused))


def _names_what_is_ours(incoming: Incoming) -> bool:
    """Whether a mail of somebody else names one of our messages, our address, or somebody we write
    to."""
    message_ids, addresses = named_in_it(incoming)
    own = {parseaddr(each)[1].lower() for each in (settings.MAIL_FROM, settings.MAIL_REPLY_TO)}
    if (
        own & addresses
        or len(addresses) > _MOST_NAMED
        or remedies.find_by_message_id(*message_ids) is not None
    ):
        return True
    return Message.objects.filter(to_email__in=addresses).exists()
