"""The index of the rooms' models, so that Django finds them."""

from booking.attendance.models import AttendeeListAccess
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import Course, DiaryDate, Session, Sitting, Topic, Venue
from booking.outbox.models import Message, MessageEvent
from booking.places.models import Booking, BookingEvent

__all__ = [
    "AttendeeListAccess",
    "Booking",
    "BookingEvent",
    "CalendarFeed",
    "Course",
    "DiaryDate",
    "Message",
    "MessageEvent",
    "Session",
    "Sitting",
    "Topic",
    "Venue",
]
