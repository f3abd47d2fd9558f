"""How the mail about one booking is getting on, and what calendars answered, for its page."""

from dataclasses import dataclass
from datetime import datetime

from booking.outbox.models import Message
from booking.outbox.topics import topic_words
from booking.places.models import Booking
from booking.replies.models import CalendarReply

_SHOWN = 5
_STATES = [state for state in Message.State if state != Message.State.SUPERSEDED]
_CONFIRMATIONS = ("booking.confirmed", "booking.promoted")
_OF_FURTHER_DATES = ("booking.further_date", "booking.further_date_cancelled")


@dataclass(frozen=True)
class SentMail:
    """One message about a booking: what it is, to whom, and where it is."""

    key: int
    name: str
    to_email: str
    state: str
    at: datetime
    came_back: bool

    @property
    def is_in_trouble(self) -> bool:
        """Whether it has not arrived and somebody should know."""
        return self.came_back or self.state in (Message.State.PARKED, Message.State.DROPPED)


@dataclass(frozen=True)
class MailAbout:
    """The mail about a booking, newest first: that of further dates by itself, as it is much."""

    main: list[SentMail]
    of_further_dates: list[SentMail]

    @property
    def has_hidden_trouble(self) -> bool:
        """Whether something is wrong with the calendar entry of a further date."""
        return any(each.is_in_trouble for each in self.of_further_dates)


def mail_sent_about(booking: Booking) -> MailAbout:
    """The last few messages about a booking, its last confirmation whatever came since, and those
    of its further dates. Costs one statement."""
    messages = list(
        Message.objects.filter(booking_id=booking.pk, state__in=_STATES)
        .defer("mime", "payload")
        .order_by("-id")
    )
    main = [each for each in messages if each.topic not in _OF_FURTHER_DATES]
    confirmation = next((each for each in main if each.topic in _CONFIRMATIONS), None)
    shown = main[:_SHOWN]
    if confirmation is not None and confirmation not in shown:
        shown.append(confirmation)
    further = [each for each in messages if each.topic in _OF_FURTHER_DATES]
    return MailAbout(
        main=[_line(each) for each in shown], of_further_dates=list(map(_line, further))
    )


def calendar_answers(booking: Booking) -> list[CalendarReply]:
    """The last answer from the person's calendar to each date, by date. Costs one statement."""
    answers = CalendarReply.objects.filter(booking=booking).select_related("sitting")
    last = {answer.sitting_id: answer for answer in answers}
    return sorted(last.values(), key=lambda answer: answer.sitting_id or 0)


def _line(message: Message) -> SentMail:
    return SentMail(
        key=message.pk,
        name=topic_words(message.topic),
        to_email=message.to_email,
        state=message.state,
        at=message.sent_at or message.created_at,
        came_back=message.came_back,
    )
