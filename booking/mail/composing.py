"""Composing notices: from messages in the outbox to the bytes that are sent."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from email.errors import MessageError
from email.utils import parseaddr

import structlog
from django.conf import settings
from django.template import TemplateDoesNotExist, TemplateSyntaxError, VariableDoesNotExist
from django.urls import NoReverseMatch
from django.utils import timezone

from booking.calendars.entries import cancelled_description, entry_description, entry_title
from booking.calendars.ics import Event, cancellation, invitation
from booking.catalogue.models import CourseInterest, Session
from booking.mail import other_notices
from booking.mail.letters import Letter, rendered, tidied, write
from booking.mail.notice import SESSION_CHANGED, CalendarChange, Notice, notice_of, still_to_tell
from booking.mail.other_notices import NewDate, TrainerNotice
from booking.mail.questions import ASKED, OFFERED, REMINDED, is_offered_anew, still_asks
from booking.mail.reminder_times import DAYS, HOUR
from booking.mail.reminders import still_reminds
from booking.outbox.delivery import Pointless, Unsendable
from booking.outbox.models import Message
from booking.partnership.kept import sender, the_partnership
from booking.places.managers.copies import TO_MANAGERS
from booking.places.models import Booking
from booking.replies.actions import DECLINED_TOPIC
from booking.scheduling import trainers
from booking.scheduling.drafting import NEW_DATE

log = structlog.get_logger(__name__)

# The topics there are, each a folder of templates/mail/.
TOPICS = (
    "account.invited",
    "booking.confirmed",
    "booking.promoted",
    "booking.further_date",
    "booking.requested",
    "booking.not_agreed",
    "booking.not_answered",
    ASKED,
    REMINDED,
    "booking.waiting",
    "booking.invited",
    OFFERED,
    "booking.offer_ended",
    "booking.withdrawn",
    "booking.cancelled",
    "booking.further_date_cancelled",
    SESSION_CHANGED,
    "session.cancelled",
    DAYS,
    HOUR,
    DECLINED_TOPIC,
    *TO_MANAGERS,
)

# What goes wrong when one message's content is not what its template or its headers need.
# Trouble with the database is not among them: it concerns the whole batch, which is tried again.
_CONTENT_TROUBLE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MessageError,
    NoReverseMatch,
    TemplateDoesNotExist,
    TemplateSyntaxError,
    TypeError,
    ValueError,
    VariableDoesNotExist,
)


def compose(
    messages: Sequence[Message], *, clock: Callable[[], datetime] = timezone.now
) -> dict[int, bytes | Unsendable | Pointless]:
    """The bytes of each message, by its key, or why it cannot or need not be composed.

    Costs the same few statements however many messages there are. Composing a message again
    gives the same bytes as long as what it tells of is the same.
    """
    now = clock()
    bookings = _bookings(messages)
    interests = other_notices.interests_of(messages)
    sessions = other_notices.sessions_announced(messages)
    return {
        message.pk: (
            _new_date(message, interests, sessions, now=now)
            if message.topic == NEW_DATE
            else _composed(message, bookings, now=now)
        )
        for message in messages
    }


def _new_date(
    message: Message,
    interests: Mapping[int, CourseInterest],
    sessions: Mapping[int, Session],
    *,
    now: datetime,
) -> bytes | Unsendable | Pointless:
    interest = interests.get(message.payload["interest"])
    session = sessions.get(message.payload["session"])
    if interest is None or session is None:
        return Unsendable("There is no date or nobody to tell of it.")
    if not other_notices.still_of_use(interest, session, now=now):
        return Pointless("Nobody wants to hear of this date any more, or it cannot be booked.")
    return _written(message, lambda: _to_person(message, other_notices.new_date(interest, session)))


def _bookings(messages: Sequence[Message]) -> dict[int, Booking]:
    wanted = {message.booking_id for message in messages if message.booking_id is not None}
    bookings = Booking.objects.with_session().select_related("approval", "agency", "policy")
    return bookings.prefetch_related("session__trainers", "policy__bands").in_bulk(list(wanted))


def _composed(
    message: Message, bookings: dict[int, Booking], *, now: datetime
) -> bytes | Unsendable | Pointless:
    if message.topic in trainers.TOPICS:
        return _written(message, lambda: _to_person(message, other_notices.trainer_notice(message)))
    booking = bookings.get(message.booking_id or 0)
    if message.topic not in TOPICS or booking is None:
        log.error("message_not_composed", message=message.pk, topic=message.topic)
        return Unsendable(f"There is no notice “{message.topic}” to write about this.")
    if message.topic == DECLINED_TOPIC and booking.state != Booking.State.CONFIRMED:
        return Pointless("The place has been given up since.")
    if message.topic == SESSION_CHANGED and not still_to_tell(message, booking):
        return Pointless("The place has been given up since, and this was only for attending.")
    if message.topic in (DAYS, HOUR) and not still_reminds(message, booking, now=now):
        return Pointless("What this was to remind of has changed or begun, or is not wanted.")
    if message.topic == OFFERED and is_offered_anew(message, booking):
        return Pointless("The place is held until another time, which a later mail says.")
    if message.topic in (ASKED, REMINDED) and not still_asks(message, booking):
        return Pointless("The manager's answer is not needed any more.")
    return _written(message, lambda: _letter_about(message, booking))


def _written(message: Message, letter: Callable[[], Letter]) -> bytes | Unsendable:
    try:
        return write(letter())
    except _CONTENT_TROUBLE as trouble:
        log.exception("message_not_composed", message=message.pk, topic=message.topic)
        return Unsendable(f"It could not be written: {type(trouble).__name__}: {trouble}"[:500])


def _to_person(message: Message, notice: NewDate | TrainerNotice) -> Letter:
    return _letter(message, notice, to_name=notice.person_name)


def _letter_about(message: Message, booking: Booking) -> Letter:
    notice = notice_of(message, booking)
    # We know nothing of a manager but the address.
    to_name = "" if message.topic in (ASKED, REMINDED, *TO_MANAGERS) else booking.person.full_name
    change = notice.calendar
    if change is None:
        return _letter(message, notice, to_name=to_name)
    calendar = calendar_part(
        notice, change, to_name=to_name, to_email=message.to_email, decided_at=message.created_at
    )
    return _letter(message, notice, to_name=to_name, calendar=calendar, method=change.method)


def _letter(
    message: Message,
    notice: Notice | NewDate | TrainerNotice,
    *,
    to_name: str,
    calendar: bytes | None = None,
    method: str = "",
) -> Letter:
    return Letter(
        sender=sender(),
        reply_to=settings.MAIL_REPLY_TO,
        to_name=to_name,
        to_email=message.to_email,
        subject=rendered(message.topic, "subject.txt", notice),
        text=tidied(rendered(message.topic, "body.txt", notice)),
        html=rendered(message.topic, "body.html", notice),
        message_id=message.message_id,
        written_at=message.created_at,
        calendar=calendar,
        method=method,
    )


def calendar_part(
    notice: Notice, change: CalendarChange, *, to_name: str, to_email: str, decided_at: datetime
) -> bytes:
    """The iCalendar object that puts the entry into the recipient's calendar, or takes it out.

    Its organizer is the mailbox that answers are sent to: somebody reads it. DTSTAMP is when the
    message was decided, so that composing again gives the same bytes. Raises `ValueError` for an
    entry that cannot be.
    """
    name, email = parseaddr(settings.MAIL_REPLY_TO)
    description = entry_description(
        join_url=notice.join_url,
        booking_url=notice.booking_url,
        cancelling=notice.cancelling,
        instructions=notice.instructions,
    )
    if change.method == "CANCEL":
        description = cancelled_description(notice.booking_url)
    event = Event(
        uid=change.uid,
        sequence=change.sequence,
        stamp=decided_at,
        starts=change.starts,
        ends=change.ends,
        summary=entry_title(notice.title, number=notice.number, of=notice.of),
        location=notice.join_url or notice.where,
        description=description,
        url=notice.booking_url,
        organizer_name=name or the_partnership().name,
        organizer_email=email,
        attendee_name=to_name,
        attendee_email=to_email,
    )
    return cancellation(event) if change.method == "CANCEL" else invitation(event)
