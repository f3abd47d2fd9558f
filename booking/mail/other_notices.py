"""Notices that are about no booking: to trainers, and about new dates of a course."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

from django.conf import settings
from django.urls import reverse

from booking.catalogue.interest import stop_path
from booking.catalogue.models import CourseInterest, Session
from booking.mail.notice import absolute
from booking.outbox.models import Message
from booking.partnership.kept import the_partnership
from booking.scheduling.drafting import NEW_DATE
from booking.site import wording


@dataclass(frozen=True, kw_only=True)
class TrainerNotice:
    """One notice to a trainer in words. Texts are plain and not yet escaped."""

    person_name: str
    first_name: str
    title: str
    reference: str
    dates: tuple[str, ...]
    where: str
    changes: tuple[dict[str, str], ...]
    why: str
    attendees_url: str
    sessions_url: str
    programme_url: str
    ask: str


def trainer_notice(message: Message) -> TrainerNotice:
    """What a message on one of the topics for trainers says.

    Raises `KeyError` if the payload is not what the topic needs.
    """
    payload = message.payload
    return TrainerNotice(
        person_name=payload["name"],
        first_name=payload["first_name"],
        title=payload["title"],
        reference=payload["reference"],
        dates=tuple(payload["dates"]),
        where=payload["where"],
        changes=tuple(payload.get("changes", ())),
        why=payload.get("why", ""),
        attendees_url=absolute(reverse("attendees", args=[payload["session"]])),
        sessions_url=absolute(reverse("trainer_sessions")),
        programme_url=absolute(reverse("programme")),
        ask=parseaddr(settings.MAIL_REPLY_TO)[1],
    )


@dataclass(frozen=True, kw_only=True)
class NewDate:
    """What the mail says. `person_name` is whom it goes to."""

    person_name: str
    first_name: str
    title: str
    dates: tuple[str, ...]
    short_date: str
    where: str
    session_url: str
    stop_url: str
    programme_url: str
    ask: str
    partnership: str


def interests_of(messages: Sequence[Message]) -> dict[int, CourseInterest]:
    """Whose wish each of these messages answers, by the wish's key; one statement if any does."""
    keys = [each.payload["interest"] for each in messages if each.topic == NEW_DATE]
    if not keys:
        return {}
    return CourseInterest.objects.select_related("person", "course").in_bulk(keys)


def sessions_announced(messages: Sequence[Message]) -> dict[int, Session]:
    """The sessions that these messages tell of, by key; a few statements if any does."""
    keys = [each.payload["session"] for each in messages if each.topic == NEW_DATE]
    return Session.objects.for_pages().in_bulk(keys) if keys else {}


def still_of_use(interest: CourseInterest, session: Session, *, now: datetime) -> bool:
    """Whether the person still wants to hear and the date can still be booked."""
    is_open = session.state == Session.State.PUBLISHED and session.booking_ends_at > now
    return is_open and interest.ended_at is None


def new_date(interest: CourseInterest, session: Session) -> NewDate:
    """What the mail to one person about one session says."""
    return NewDate(
        person_name=interest.person.full_name,
        first_name=interest.person.first_name,
        title=session.course.title,
        dates=tuple(
            wording.sitting_times(each.starts_at, each.ends_at) for each in session.sittings.all()
        ),
        short_date=wording.short_day(session.starts_at),
        where=session.where,
        session_url=absolute(session.get_absolute_url()),
        stop_url=absolute(stop_path(interest)),
        programme_url=absolute(reverse("programme")),
        ask=parseaddr(settings.MAIL_REPLY_TO)[1],
        partnership=the_partnership().name,
    )
