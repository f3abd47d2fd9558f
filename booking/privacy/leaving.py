"""Making a person anonymous: what was counted stays, and nobody can tell any more who it was."""

import json
import re
from collections.abc import Collection
from datetime import datetime

import structlog
from allauth.account.models import EmailAddress
from django.contrib.admin.models import LogEntry
from django.db import transaction
from django.db.models import CharField, F, Func, JSONField, Model, Q, TextField, Value
from django.db.models.functions import Cast

from accounts.addresses import without_tag
from accounts.leaving import NOBODYS_ADDRESS, SOMEONE, forget_account
from accounts.models import AccessRecord, User
from accounts.roles import keep_a_superuser
from booking.attendance.models import AbsenceCase
from booking.bulletins.models import Subscriber
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import CourseInterest, Session, SessionEvent
from booking.learning.models import PriorLearning
from booking.outbox.models import Message, MessageEvent
from booking.partnership import kept
from booking.places.events import BookingEvent
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingQuerySet
from booking.privacy.models import PersonNote
from booking.replies.models import CalendarReply, ReceivedMail
from booking.scheduling.models import SessionGuest, SessionNote
from booking.site.refusals import Refused

log = structlog.get_logger(__name__)

_HANDED = (BookingEvent.What.HANDED_OVER, BookingEvent.What.TOOK_OVER)
_SOMEONE = " ".join(SOMEONE)
# Where people are named in words, by others or by us. Names are replaced there, since the rows are
# about somebody else too.
_WORDS: tuple[tuple[type[Model], str], ...] = (
    (BookingEvent, "why"),
    (SessionEvent, "what"),
    (SessionEvent, "why"),
    (MessageEvent, "why"),
    (Message, "last_error"),
    (Approval, "reason"),
    (PriorLearning, "note"),
    (AbsenceCase, "reason"),
    (AbsenceCase, "manager_reason"),
    (AbsenceCase, "why"),
    (ReceivedMail, "subject"),
    (ReceivedMail, "why"),
    (AccessRecord, "about"),
    (PersonNote, "text"),
    (LogEntry, "object_repr"),
    (LogEntry, "change_message"),
    (SessionNote, "subject"),
    (SessionNote, "text"),
    (SessionGuest, "name"),
    (SessionGuest, "purpose"),
    (Session, "cancellation_reason"),
    (Session, "joining_instructions"),
)


class AnonymisingRefused(Refused):
    """The person stays as they are."""


class NotYourself(AnonymisingRefused):
    """Somebody must be left who did it."""

    sentence = "You cannot make yourself anonymous. Another superuser can."


class BookingsAhead(AnonymisingRefused):
    """Their places would be lost to others, and nobody would be told."""

    sentence = (
        "This person has bookings of sessions that are not over. Cancel these first, so that the"
        " places pass to people who wait."
    )


class SessionsAheadToLead(AnonymisingRefused):
    """Nobody would come to lead them."""

    sentence = (
        "This person leads sessions that are not over. Change the trainers of these sessions first."
    )


def bookings_ahead(person: User, *, now: datetime) -> BookingQuerySet:
    """Their live bookings of sessions that are not over."""
    return Booking.objects.for_person(person).live().filter(session__ends_at__gt=now)


def leads_sessions_ahead(person: User, *, now: datetime) -> bool:
    """Whether they are a trainer of a session that is not over."""
    led = Session.objects.filter(trainers=person, ends_at__gt=now)
    return led.exclude(state=Session.State.CANCELLED).exists()


def anonymise(*, person: User, by: User, now: datetime) -> None:
    """Blank everything that tells who this person is, wherever it stands, for good.

    Bookings, their states, times and charges stay, of "Someone who left". Who they were goes from
    the account, from what they wrote, from the mail to them or about their bookings, from answers,
    feeds and sign-ins, and where others named them. Mail to them that has not left is given up.

    Raises `NotYourself`, `LastSuperuser`, `BookingsAhead` or `SessionsAheadToLead`.
    """
    with transaction.atomic():
        leaving = _locked(person, by=by, now=now)
        addresses = {
            leaving.email,
            *EmailAddress.objects.filter(user=leaving).values_list("email", flat=True),
        }
        _forget_mail(leaving, addresses, by=by, now=now)
        _forget_answers(leaving, addresses, now=now)
        _forget_excuse(addresses, by=by)
        names = {leaving.full_name} if leaving.first_name and leaving.last_name else set()
        _forget_mentions(names | addresses, now=now)
        forget_account(leaving)
        log.info("person_anonymised", person=leaving.pk, by=by.pk)


def _locked(person: User, *, by: User, now: datetime) -> User:
    """The person's row, after every refusal."""
    if person.pk == by.pk:
        raise NotYourself
    # First: it holds the rows of all superusers, in one order.
    keep_a_superuser(person)
    leaving = User.objects.select_for_update().get(pk=person.pk)
    if bookings_ahead(leaving, now=now).exists():
        raise BookingsAhead
    if leads_sessions_ahead(leaving, now=now):
        raise SessionsAheadToLead
    return leaving


def _at(column: str, addresses: Collection[str]) -> Q:
    """Whether a column holds one of the addresses, in any case."""
    found = Q()
    for address in addresses:
        found |= Q(**{f"{column}__iexact": address})
    return found


def _forget_mail(person: User, addresses: Collection[str], *, by: User, now: datetime) -> None:
    """Mail to them, and mail about their bookings, which is to their manager or a colleague."""
    to_them = Q(recipient=person) | _at("to_email", addresses)
    theirs = Message.objects.filter(to_them | Q(booking__person=person))
    unsettled = theirs.filter(state__in=[*Message.UNSETTLED, Message.State.LETTER]).order_by("pk")
    dropped = [
        MessageEvent(
            message=message,
            at=now,
            by=by,
            what=MessageEvent.What.DROPPED,
            former_message_id=message.message_id,
        )
        for message in unsettled.defer("mime", "payload").select_for_update(of=("self",))
    ]
    keys = [event.message_id for event in dropped]
    Message.objects.filter(pk__in=keys).update(state=Message.State.DROPPED, lease_until=None)
    MessageEvent.objects.filter(message__in=theirs).update(why="")
    MessageEvent.objects.bulk_create(dropped, batch_size=500)
    of_others = Q(booking__replaces__person=person) | Q(booking__replaced_by__person=person)
    Message.objects.filter(
        pk__in=Message.objects.filter(of_others | Q(booking__booked_by=person)).values("pk")
    ).forget_text(now=now)
    theirs.update(last_error="")
    theirs.forget_text(now=now)
    theirs.update(to_email=NOBODYS_ADDRESS)


def _forget_answers(person: User, addresses: Collection[str], *, now: datetime) -> None:
    """What they wrote, asked for and answered, also as somebody's line manager."""
    own = Booking.objects.for_person(person)
    own.update(needs="")
    BookingEvent.objects.filter(booking__person=person).update(why="")
    # It names whom a place was given to, by the address of then, or from whom it came.
    handed = Q(booking__replaces__person=person) | Q(booking__replaced_by__person=person)
    BookingEvent.objects.filter(
        pk__in=BookingEvent.objects.filter(handed, what__in=_HANDED).values("pk")
    ).update(why="")
    asked = Q(booking__person=person) | _at("manager_email", addresses)
    Approval.objects.filter(asked).update(manager_email=NOBODYS_ADDRESS, reason="")
    AbsenceCase.objects.filter(asked).update(manager_email="", reason="", manager_reason="", why="")
    User.objects.filter(_at("manager_email", addresses)).update(manager_email="")
    CalendarReply.objects.filter(booking__person=person).delete()
    PersonNote.objects.filter(person=person).delete()
    CalendarFeed.objects.filter(person=person).delete()
    Subscriber.objects.filter(Q(person=person) | _at("email", addresses)).delete()
    PriorLearning.objects.filter(person=person).delete()
    SessionGuest.objects.filter(_at("email", addresses)).delete()
    CourseInterest.objects.filter(person=person, ended_at=None).update(ended_at=now)
    ReceivedMail.objects.filter(_at("from_address", addresses)).update(from_address="", subject="")


def _forget_excuse(addresses: Collection[str], *, by: User) -> None:
    """Their address is on no list any more of those that are no shared mailbox."""
    mailboxes = {without_tag(each) for each in addresses}
    excused = kept.read_again().excused_addresses
    left = [each for each in excused if without_tag(each) not in mailboxes]
    if left != excused:
        kept.change(values={"excused_addresses": left}, by=by.pk)


def _forget_mentions(called: Collection[str], *, now: datetime) -> None:
    """Where others named them: their name in full and their addresses, in any case.

    Reads every row of these tables once; it is done seldom.
    """
    pattern = _any_of(called)
    for model, column in _WORDS:
        longest = getattr(model._meta.get_field(column), "max_length", None) or 10_000
        words = Func(_without(F(column), pattern), Value(longest), function="LEFT")
        model._default_manager.filter(**{f"{column}__iregex": pattern}).update(**{column: words})
    # As JSON writes them.
    pattern = _any_of({json.dumps(each, ensure_ascii=False)[1:-1] for each in called})
    told = Message.objects.annotate(told=Cast("payload", TextField()))
    naming = Message.objects.filter(pk__in=told.filter(told__iregex=pattern).values("pk"))
    naming.forget_text(now=now)
    naming.update(payload=Cast(_without(Cast("payload", TextField()), pattern), JSONField()))


def _any_of(called: Collection[str]) -> str:
    """A pattern of PostgreSQL's that finds any of these where it stands by itself.

    Not as a part of a longer name or address; after a line break as JSON writes it.
    """
    longest_first = sorted(called, key=len, reverse=True)
    words = "|".join(re.escape(each) for each in longest_first)
    return rf"((?<![\w.+-])|(?<=\\[nrt]))({words})(?![\w-]|\.\w)"


def _without(words: F | Cast, pattern: str) -> Func:
    return Func(
        words,
        Value(pattern),
        Value(_SOMEONE),
        Value("gi"),
        function="REGEXP_REPLACE",
        output_field=CharField(),
    )
