"""The index of the rooms' models, so that Django finds them."""

from booking.attendance.models import Arrival
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import (
    Allocation,
    CancellationPolicy,
    ChargeBand,
    Course,
    CourseInterest,
    DiaryDate,
    Session,
    SessionEvent,
    Sitting,
    Topic,
    UsualAllocation,
    Venue,
)
from booking.learning.models import PriorLearning
from booking.outbox.models import Message, MessageEvent
from booking.partnership.models import Partnership
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingEvent
from booking.privacy.models import PersonNote
from booking.replies.models import CalendarReply, MailboxState, ReceivedMail
from booking.scheduling.models import CoverRequest, SessionGuest, SessionNote

__all__ = [
    "Allocation",
    "Approval",
    "Arrival",
    "Booking",
    "BookingEvent",
    "CalendarFeed",
    "CalendarReply",
    "CancellationPolicy",
    "ChargeBand",
    "Course",
    "CourseInterest",
    "CoverRequest",
    "DiaryDate",
    "MailboxState",
    "Message",
    "MessageEvent",
    "Partnership",
    "PersonNote",
    "PriorLearning",
    "ReceivedMail",
    "Session",
    "SessionEvent",
    "SessionGuest",
    "SessionNote",
    "Sitting",
    "Topic",
    "UsualAllocation",
    "Venue",
]
