"""Notices to those who lead sessions. All they say stands in the message's payload."""

from dataclasses import dataclass
from email.utils import parseaddr

from django.conf import settings
from django.urls import reverse

from booking.notices.mime import Letter
from booking.notices.notice import absolute
from booking.notices.rendering import rendered, tidied
from booking.outbox.models import Message


@dataclass(frozen=True, kw_only=True)
class TrainerNotice:
    """One notice to a trainer in words. Texts are plain and not yet escaped."""

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


def letter_to_trainer(message: Message) -> Letter:
    """The letter of a message on one of the topics for trainers.

    Raises `KeyError` if the payload is not what the topic needs.
    """
    payload = message.payload
    notice = TrainerNotice(
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
    return Letter(
        sender=settings.MAIL_FROM,
        reply_to=settings.MAIL_REPLY_TO,
        to_name=payload["name"],
        to_email=message.to_email,
        subject=rendered(message.topic, "subject.txt", notice),
        text=tidied(rendered(message.topic, "body.txt", notice)),
        html=rendered(message.topic, "body.html", notice),
        message_id=message.message_id,
        written_at=message.created_at,
    )
