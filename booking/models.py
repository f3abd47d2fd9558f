"""The index of the rooms' models, so that Django finds them."""

from booking.attendance.in_room import Claim
from booking.attendance.models import AbsenceCase, Arrival, Mark, Register
from booking.bulletins.models import Bulletin, BulletinPart, Subscriber
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
from booking.materials.models import Material
from booking.outbox.models import Message, MessageEvent
from booking.partnership.models import Partnership
from booking.places.events import BookingEvent
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.privacy.models import PersonNote
from booking.replies.models import CalendarReply, MailboxState, ReceivedMail
from booking.scheduling.models import CoverRequest, SessionGuest, SessionNote

__all__ = [
    "AbsenceCase",
    "Allocation",
    "Approval",
    "Arrival",
    "Booking",
    "BookingEvent",
    "Bulletin",
    "BulletinPart",
    "CalendarFeed",
    "CalendarReply",
    "CancellationPolicy",
    "ChargeBand",
    "Claim",
    "Course",
    "CourseInterest",
    "CoverRequest",
    "DiaryDate",
    "MailboxState",
    "Mark",
    "Material",
    "Message",
    "MessageEvent",
    "Partnership",
    "PersonNote",
    "PriorLearning",
    "ReceivedMail",
    "Register",
    "Session",
    "SessionEvent",
    "SessionGuest",
    "SessionNote",
    "Sitting",
    "Subscriber",
    "Topic",
    "UsualAllocation",
    "Venue",
]
