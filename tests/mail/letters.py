"""Messages as the places room posts them, and emails as they are read."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from django.db import transaction

from booking.attendance import absences
from booking.attendance.closing import walked_in
from booking.attendance.models import AbsenceCase
from booking.catalogue.models import Session
from booking.catalogue.sittings import SittingTimes
from booking.mail.composing import compose
from booking.mail.reminders import reminders_of
from booking.outbox import posting as outbox
from booking.outbox.delivery import Pointless, Unsendable
from booking.outbox.models import Message
from booking.outbox.posting import Draft
from booking.places import announcements
from booking.places.changes import Matter
from booking.places.holding import agency_not_confirmed
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.news import sessions as session_news
from booking.places.news.drafts import EntryChanges, entries_of
from booking.places.prerequisites import earlier_missing
from booking.site.working_days import free_until
from tests.factories import NOW, make_coordinator, make_person, make_session

LATER = NOW + timedelta(days=21)
THREE_DATES = tuple(
    (LATER + timedelta(days=7 * week), LATER + timedelta(days=7 * week, hours=3))
    for week in range(3)
)
CHANGES = [
    {
        "what": "Place",
        "before": "Town Hall",
        "after": "Carriageworks",
        "matter": Matter.WHEN_AND_WHERE.value,
    }
]


def make_booking(session: Session | None = None, **fields: Any) -> Booking:
    """A confirmed booking, without the rules of `places.actions`."""
    fields.setdefault("state", Booking.State.CONFIRMED)
    fields.setdefault("confirmed_at", NOW)
    person = fields.pop("person", None) or make_person()
    session = session or make_session()
    booking = Booking.objects.create(
        session=session,
        person=person,
        booked_by=person,
        notice_days=session.notice_days,
        free_until=free_until(session.starts_at, session.notice_days),
        **fields,
    )
    return Booking.objects.with_session().get(pk=booking.pk)


def make_approval(booking: Booking, **fields: Any) -> Approval:
    """What a manager has been asked about a booking; only the first time stores it."""
    fields.setdefault("manager_email", "manager@agency.example")
    fields.setdefault("state", Approval.State.ASKED)
    fields.setdefault("asked_at", NOW)
    fields.setdefault("remind_at", NOW + timedelta(days=3))
    fields.setdefault("expires_at", NOW + timedelta(days=5))
    approval, _ = Approval.objects.get_or_create(booking=booking, defaults=fields)
    return approval


def times(booking: Booking) -> list[SittingTimes]:
    """The sittings of the booking's session."""
    return [SittingTimes.of(sitting) for sitting in booking.session.sittings.all()]


def every_notice(booking: Booking) -> Iterator[Draft]:
    """Everything that can be announced about a booking."""
    sittings = times(booking)
    booking.ticket = booking.ticket or 1
    booking.offered_until = booking.session.starts_at - timedelta(days=2)
    yield from announcements.given_a_place(booking, sittings)
    yield from announcements.given_a_place(booking, sittings[:1], promoted=True)
    approval = make_approval(booking)
    yield announcements.requested(booking)
    yield announcements.manager_asked(approval)
    yield announcements.manager_reminded(approval)
    yield announcements.not_answered(approval)
    yield agency_not_confirmed(booking)
    approval.reason = "The team is short of staff that week."
    yield announcements.not_agreed(approval, by_coordinator=False)
    yield announcements.account_made(booking, by=make_person(is_agency_lead=True))
    yield announcements.waiting(booking, position=3)
    yield announcements.invited(booking, position=2, why="You asked for more dates.")
    yield announcements.offered(booking)
    yield announcements.offer_ended(booking)
    yield announcements.left(booking)
    booking.calendar_sequence += 1
    yield from announcements.cancelled(
        booking, sittings, by=make_coordinator(), why="You asked us to."
    )
    booking.calendar_sequence += 1
    dropped = SittingTimes(999_999, NOW, NOW + timedelta(hours=1))
    yield from session_news.session_changed(
        booking,
        entries=EntryChanges(tuple(entries_of(sittings)), (dropped,)),
        changes=CHANGES,
        session_revision=1,
    )
    booking.calendar_sequence += 1
    yield from session_news.session_cancelled(
        booking, sittings, had_a_place=True, why="The trainer is ill."
    )
    yield earlier_missing(booking, why="Something comes first.", now=NOW)
    kept = {"opened_at": NOW, "manager_email": "manager@agency.example", "pence": 3500}
    case, _ = AbsenceCase.objects.get_or_create(booking=booking, defaults=kept)
    yield absences.asked(case)
    yield absences.asked_of_manager(case)
    yield absences.decided(case, now=NOW)
    yield walked_in(booking)
    yield announcements.still_booked(booking, booking.session.sittings.all()[0], reply_key=1)
    yield from reminders_before(booking)


def reminders_before(booking: Booking) -> Iterator[Draft]:
    """The reminders of the booking's first sitting, in order."""
    sittings = list(booking.session.sittings.all())
    for each in reminders_of(booking.session, sittings):
        if each.sitting == sittings[0]:
            yield each.draft(booking)


def post(drafts: Iterable[Draft], *, now: datetime = NOW) -> list[Message]:
    """The messages of these drafts, in the outbox."""
    drafts = list(drafts)
    with transaction.atomic():
        outbox.post(drafts, now=now)
    return list(Message.objects.order_by("-pk")[: len(drafts)])[::-1]


def written(message: Message) -> bytes:
    """The bytes of a message; fails if it cannot be composed."""
    composed = composed_at(NOW, message)
    assert isinstance(composed, bytes), composed
    return composed


def composed_at(now: datetime, message: Message) -> bytes | Unsendable | Pointless:
    """What composing a message at this moment gives."""
    return compose([message], clock=lambda: now)[message.pk]


def read(mime: bytes) -> EmailMessage:
    """The email as a mail program sees it; fails if it has a defect."""
    parsed = message_from_bytes(mime, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    for part in parsed.walk():
        assert not part.defects
        for _, value in part.items():
            assert not getattr(value, "defects", ()), value
    return parsed


def part(mail: EmailMessage, content_type: str) -> str:
    """The text of the only part of this type, with plain line ends."""
    [found] = [each for each in mail.walk() if each.get_content_type() == content_type]
    content: str = found.get_content()
    return content.replace("\r\n", "\n")


def calendar_part(mail: EmailMessage) -> Any:
    [found] = [each for each in mail.walk() if each.get_content_type() == "text/calendar"]
    return found
