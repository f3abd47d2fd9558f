"""The copy of what is held about one person (UK GDPR, article 15), as JSON with plain words.

Every table that points to people is named here, or among `LEFT_OUT` with the reason:
`tests/privacy/test_copy.py` misses one that is in neither.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib.admin.models import LogEntry
from django.db.models import Field, ForeignKey, Model, Q

from accounts.models import AccessRecord, PractitionerGroup, User
from booking.attendance.in_room import Claim
from booking.attendance.models import AbsenceCase, Arrival, Mark, Register
from booking.bulletins.models import Subscriber
from booking.calendars.models import CalendarFeed
from booking.catalogue.models import CourseInterest, Session, SessionEvent
from booking.learning.models import PriorLearning
from booking.materials.models import Material
from booking.outbox.models import Message, MessageEvent
from booking.outbox.reading import letter_of
from booking.outbox.topics import topic_of
from booking.places.events import BookingEvent
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.privacy.models import PersonNote
from booking.replies.models import CalendarReply, ReceivedMail
from booking.scheduling.models import CoverRequest, SessionGuest, SessionNote
from booking.site.plain_text import without_addresses
from booking.site.wording import LONDON

# Who has one of these could sign in as the person, or answer for them.
SECRETS = frozenset(
    {
        "password",
        "session_key",
        "token_hash",
        "key",
        "join_key",
        "calendar_key",
        "calendar_domain",
        "mime",
    }
)


@dataclass(frozen=True)
class Holding:
    """Rows of one table: what the copy calls them, and by which columns they are the person's.

    Without `shown`, every column is told but secrets and those `without`; what is about somebody
    else too is told as far as it is about the person.
    """

    heading: str
    model: type[Model]
    people: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    without: frozenset[str] = frozenset()
    text: Callable[[Any], str] | None = None

    def rows(self, person: User) -> Iterator[dict[str, Any]]:
        """What each row says, by the name of its column."""
        mine = Q()
        for path in self.people:
            mine |= Q(**{path: person.pk})
        for path in self.addresses:
            mine |= Q(**{f"{path}__iexact": person.email})
        related = [field.name for field in self.fields if isinstance(field, ForeignKey)]
        related += ["session__course"] if "session" in related else []
        found = self.model._default_manager.filter(mine).distinct()
        found = found.select_related(*related) if related else found
        for row in found.order_by("pk").iterator(chunk_size=500):
            told = {
                str(field.verbose_name): said
                for field in self.fields
                if (said := _said(row, field, person)) not in (None, "")
            }
            if self.text is not None and (text := self.text(row)):
                told["text"] = text
            yield told

    @property
    def fields(self) -> list["Field[Any, Any]"]:
        """The columns that are told."""
        return [
            field
            for field in self.model._meta.concrete_fields
            if field.name not in SECRETS | self.without
            and (not self.shown or field.name in self.shown)
        ]


def _said(row: Model, field: "Field[Any, Any]", person: User) -> Any:
    """One column in words. Of other people the copy says only that there was one."""
    value = getattr(row, field.name)
    if isinstance(value, User):
        return "you" if value.pk == person.pk else "somebody else"
    if field.choices and (in_words := dict(field.flatchoices).get(value)):
        return str(in_words)
    if isinstance(value, datetime):
        return value.astimezone(LONDON).isoformat(timespec="seconds")
    if isinstance(value, date):
        return value.isoformat()
    if field.name == "why" and person.email not in value:
        return without_addresses(value)
    return str(value) if isinstance(value, Model) else value


def _text(message: Message) -> str:
    letter = letter_of(message)
    return letter.text if letter else ""


HOLDINGS = (
    Holding("Account", User, ("pk",), without=frozenset({"words"})),
    Holding("Email addresses", EmailAddress, ("user",), ("email",)),
    Holding("Second steps of signing in", Authenticator, ("user",), without=frozenset({"data"})),
    Holding("Sign-ins", UserSession, ("user",), without=frozenset({"data"})),
    Holding("Groups", PractitionerGroup, ("members",)),
    Holding("Groups you asked to join", PractitionerGroup, ("interested",), shown=("name",)),
    Holding("Bookings", Booking, ("person",)),
    Holding("When you joined online", Arrival, ("booking__person",)),
    Holding("When you said that you were in the room", Claim, ("booking__person",)),
    Holding(
        "What was noted of you on registers",
        Mark,
        ("booking__person",),
        without=frozenset({"by", "source"}),
    ),
    Holding("Absences that you were asked about", AbsenceCase, ("booking__person",)),
    Holding("What happened to your bookings", BookingEvent, ("booking__person",)),
    Holding("What your line manager was asked", Approval, ("booking__person",)),
    Holding(
        "What you were asked as a line manager",
        Approval,
        addresses=("manager_email",),
        shown=("manager_email", "state", "asked_at", "decided_at", "reason"),
    ),
    Holding("Answers from your calendar", CalendarReply, ("booking__person",)),
    Holding("Private calendar addresses", CalendarFeed, ("person",)),
    Holding("Training elsewhere", PriorLearning, ("person",)),
    Holding("Notes of coordinators", PersonNote, ("person",)),
    Holding("Bulletins you asked for", Subscriber, ("person",), ("email",)),
    Holding("Wishes for new dates", CourseInterest, ("person",)),
    Holding(
        "Mail to you",
        Message,
        ("recipient",),
        ("to_email",),
        shown=("id", "topic", "to_email", "state", "created_at", "sent_at", "bounced_at"),
        text=_text,
    ),
    Holding("What happened to mail to you", MessageEvent, ("message__recipient",)),
    Holding("Mail from you", ReceivedMail, addresses=("from_address",)),
    Holding(
        "Sessions you lead or led",
        Session,
        ("trainers",),
        shown=("reference", "course", "starts_at", "ends_at", "state"),
    ),
    Holding(
        "Sessions you come to as a guest",
        SessionGuest,
        addresses=("email",),
        shown=("session", "name", "email", "purpose", "added_at", "ended_at"),
    ),
    Holding(
        "Sessions you were asked to lead for somebody else",
        CoverRequest,
        ("person",),
        shown=("session", "asked_at", "answered_at", "agreed"),
    ),
    Holding(
        "Sessions that somebody was asked to lead for you",
        CoverRequest,
        ("instead_of",),
        shown=("session", "asked_at", "answered_at"),
    ),
    Holding("What you wrote to people of a session", SessionNote, ("by",)),
    # What they did about somebody else: that, and when, but not about whom.
    Holding(
        "Needs of others that you arranged",
        Booking,
        ("needs_arranged_by",),
        shown=("needs_arranged_at",),
    ),
    Holding(
        "Places you booked for others",
        Booking,
        ("booked_by",),
        shown=("id", "session", "booked_at"),
    ),
    Holding(
        "Absences of others about which you were asked",
        AbsenceCase,
        addresses=("manager_email",),
        shown=("manager_email", "opened_at", "manager_reason"),
    ),
    Holding("What you noted on registers", Mark, ("by",), shown=("at", "what")),
    Holding("Registers you closed", Register, ("closed_by",), shown=("session", "closed_at")),
    Holding("Absences you settled", AbsenceCase, ("decided_by",), shown=("decided_at", "state")),
    Holding("What you did about bookings", BookingEvent, ("by",), shown=("booking", "at", "what")),
    Holding("Notes you wrote", PersonNote, ("by",), shown=("at",)),
    Holding("What you did about sessions", SessionEvent, ("by",)),
    Holding("Materials you added", Material, ("added_by",), shown=("title", "added_at")),
    Holding("People in the room you confirmed", Claim, ("settled_by",), shown=("settled_at",)),
    Holding("Guests you added", SessionGuest, ("added_by",), shown=("session", "added_at")),
    Holding("Trainers you asked to stand in", CoverRequest, ("by",), shown=("session", "asked_at")),
    Holding("What you did about mail", MessageEvent, ("by",), shown=("at", "what")),
    Holding("Lists of people you looked at", AccessRecord, ("by",), without=frozenset({"about"})),
    Holding(
        "Looks at what is held about you", AccessRecord, ("whom",), shown=("at", "form", "what")
    ),
    Holding(
        "Agencies you confirmed", User, ("agency_confirmed_by",), shown=("agency_confirmed_at",)
    ),
    Holding("Managers you confirmed", Approval, ("confirmed_by",), shown=("booking", "asked_at")),
    Holding("Training you checked", PriorLearning, ("checked_by",), shown=("checked_at", "state")),
    Holding("Received mail you settled", ReceivedMail, ("settled_by",), shown=("settled_at",)),
    Holding(
        "What you did in the back office",
        LogEntry,
        ("user",),
        shown=("action_time", "content_type", "action_flag"),
    ),
)
# Tables that point to people and are not in the copy: why.
LEFT_OUT = {
    "accounts.User_groups.user": "Django's own groups: roles replace them, so there is none.",
    "accounts.User_user_permissions.user": "Django's own rights: roles replace them.",
    "accounts.PractitionerGroup_members.user": "The rows of it: its groups are told.",
    "accounts.PractitionerGroup_interested.user": "The rows of it: its groups are told.",
    "booking.ProgrammeUpload.by": "Files about others, deleted two hours after their last use.",
    "booking.Session_trainers.user": "The rows of it: its sessions are told.",
}


def copy_of(person: User, *, now: datetime) -> bytes:
    """All that is held about a person, as a JSON file with a heading for each kind of row.

    A fixed number of statements for each kind. Secrets are left out, and who others are where
    a column says it; words stay as they were written.
    """
    held: dict[str, Any] = {
        "What this is": "A copy of what Briefed holds about you. Columns that are empty, secrets"
        " such as passwords, and who other people are, are left out; but what was written in words,"
        " such as a mail to you, is told as it was written, also where it names somebody.",
        "Made at": now.astimezone(LONDON).isoformat(timespec="seconds"),
    }
    for holding in HOLDINGS:
        held[holding.heading] = list(holding.rows(person))
    for row in held["Mail to you"]:
        row["topic"] = topic_of(row["topic"]).words
    return json.dumps(held, ensure_ascii=False, indent=2, default=str).encode()
