"""Bulletins as mail: the words are the same for all, the link by which one stops is one's own."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from booking.bulletins.models import Bulletin, Subscriber
from booking.bulletins.rendering import Rendered, rendered, rendered_lately
from booking.bulletins.sending import HELD
from booking.bulletins.subscribing import confirm_path, unsubscribe_path
from booking.mail.letters import Letter
from booking.outbox.delivery import Pointless, Unsendable
from booking.outbox.models import Message
from booking.partnership.kept import sender


@dataclass(frozen=True)
class Wishes:
    """Which subscribers want bulletins, which want digests, and which bulletins are held."""

    bulletins: frozenset[int] = frozenset()
    digests: frozenset[int] = frozenset()
    held: frozenset[int] = frozenset()


def wishes(payloads: Iterable[Mapping[str, Any]]) -> Wishes:
    """What holds of these copies now: two statements, none without any."""
    copies = [each for each in payloads if "subscriber" in each]
    if not copies:
        return Wishes()
    live = Subscriber.objects.live().filter(pk__in={each["subscriber"] for each in copies})
    wanted = list(live.values_list("pk", "wants_bulletins", "wants_digest"))
    held = Bulletin.objects.filter(
        pk__in={each["bulletin"] for each in copies},
        state__in=[Bulletin.State.PAUSED, Bulletin.State.STOPPED],
    )
    return Wishes(
        frozenset(key for key, wants_bulletins, _ in wanted if wants_bulletins),
        frozenset(key for key, _, wants_digest in wanted if wants_digest),
        frozenset(held.values_list("pk", flat=True)),
    )


def issue(message: Message, wished: Wishes, *, now: datetime) -> Letter | Unsendable | Pointless:
    """One copy of a bulletin. A test says so, and its link stops nobody."""
    payload = message.payload
    try:
        if payload.get("is_test"):
            bulletin = Bulletin.objects.get(pk=payload["bulletin"])
            return _letter(message, rendered(bulletin, now=now), stop_url="", mark="Test: ")
        if payload["bulletin"] in wished.held:
            return Pointless(HELD)
        is_digest = "topics" in payload
        if payload["subscriber"] not in (wished.digests if is_digest else wished.bulletins):
            return Pointless("The person does not want bulletins any more.")
        topics = tuple(payload.get("topics", ()))
        words = rendered_lately(
            payload["bulletin"], payload.get("revision", 0), now=now, topics=topics
        )
    except Bulletin.DoesNotExist:
        return Pointless("The bulletin was thrown away.")
    if is_digest and not words.is_new:
        return Pointless("Nothing is new about the topics that the person chose.")
    stop_url = f"{settings.SITE_URL}{unsubscribe_path(payload['subscriber'])}"
    return _letter(message, words, stop_url=stop_url)


def confirm_url(message: Message) -> str:
    """The link in the mail that asks whether an address wants bulletins."""
    path = confirm_path(message.payload["subscriber"], since=message.created_at)
    return f"{settings.SITE_URL}{path}"


def _letter(message: Message, words: Rendered, *, stop_url: str, mark: str = "") -> Letter:
    words = words.stopped_at(stop_url or settings.SITE_URL)
    return Letter(
        sender=sender(),
        reply_to=settings.MAIL_REPLY_TO,
        to_name="",
        to_email=message.to_email,
        subject=f"{mark}{words.subject}",
        text=words.text,
        html=words.html,
        message_id=message.message_id,
        written_at=message.created_at,
        stop_url=stop_url,
    )
