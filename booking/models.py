"""The index of the rooms' models, so that Django finds them."""

from booking.attendance.models import AttendeeListAccess
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Course, DiaryDate, Session, Sitting, Topic, Venue
from booking.outbox.models import Message, MessageEvent
from booking.places.models import Booking, BookingEvent
from booking.replies.models import CalendarReply, MailboxState, ReceivedMail

__all__ = [
    "AttendeeListAccess",
    "Booking",
    "BookingEvent",
    "CalendarFeed",
    "CalendarReply",
    "Course",
    "DiaryDate",
    "MailboxState",
    "Message",
    "MessageEvent",
    "ReceivedMail",
    "Session",
    "Sitting",
    "Topic",
    "Venue",
]
