"""What is taught, when and where: the tables of the catalogue."""

from booking.catalogue.models.allocations import Allocation, Reserved, UsualAllocation
from booking.catalogue.models.diary import DiaryDate
from booking.catalogue.models.events import CourseInterest, SessionEvent
from booking.catalogue.models.policies import CancellationPolicy, ChargeBand
from booking.catalogue.models.programme import Course, Topic, usual_reminders
from booking.catalogue.models.search import SearchDocument
from booking.catalogue.models.sessions import (
    Session,
    SessionQuerySet,
    Sitting,
    Venue,
    where_held,
    with_sittings,
)
from booking.catalogue.models.uploads import ProgrammeUpload

__all__ = [
    "Allocation",
    "CancellationPolicy",
    "ChargeBand",
    "Course",
    "CourseInterest",
    "DiaryDate",
    "ProgrammeUpload",
    "Reserved",
    "SearchDocument",
    "Session",
    "SessionEvent",
    "SessionQuerySet",
    "Sitting",
    "Topic",
    "UsualAllocation",
    "Venue",
    "usual_reminders",
    "where_held",
    "with_sittings",
]
