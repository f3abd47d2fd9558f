"""Sending a bulletin to many: in batches behind everything else, paused, stopped, and never twice.

A batch is posted in one transaction with how far it came, so whoever is killed leaves neither a
gap nor a second copy: an address has one copy of a bulletin in the outbox, whatever is tried again.
Only so many wait in the outbox at a time, so that pausing takes hold at once.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import transaction
from django.db.models import BigIntegerField, Count, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from booking.bulletins.models import Bulletin, Subscriber, SubscriberQuerySet
from booking.bulletins.rendering import MOST_BYTES, rendered
from booking.outbox.models import Message, MessageQuerySet
from booking.outbox.posting import Draft, post, recall
from booking.outbox.topics import MailTopic, register
from booking.site.refusals import Refused

ISSUE = "bulletin.issue"
register(MailTopic(ISSUE, "Bulletin", is_bulk=True, holds="link"))
BATCH = 500
# How many may wait in the outbox at a time.
MOST_WAITING = 1000
# Why a copy was not sent that a worker held when its bulletin was paused or stopped.
HELD = "The bulletin is paused or stopped."
_ABOUT_IT, _ABOUT_A_TEST = "bulletin:", "bulletin-test:"
log = structlog.get_logger(__name__)


class SendingRefused(Refused):
    """The bulletin is not sent."""


class NothingToSend(SendingRefused):
    """It says nothing."""

    sentence = "There is nothing in this bulletin yet. Write an article or add a block first."


class DoneMeanwhile(SendingRefused):
    """Somebody else was quicker."""

    sentence = "This has been done or changed meanwhile. Look at it again."


class TooLarge(SendingRefused):
    """Mail programs cut off what is longer."""

    sentence = (
        f"The mail would be larger than {MOST_BYTES // 1000} kB, which mail programs cut off."
        " Shorten an article and lead on to a page with a link."
    )


@dataclass(frozen=True)
class Progress:
    """How far a bulletin has come, in people."""

    all: int
    accepted: int
    waiting: int
    failed: int

    @property
    def left(self) -> int:
        """How many it has yet to leave for."""
        return max(0, self.all - self.accepted - self.failed)


def progress(bulletin: Bulletin) -> Progress:
    """How far it has come. Costs two statements, and one for its topics.

    Of a copy that was sent again, the last one counts.
    """
    state = Message.State
    last = _copies(bulletin).order_by("stream", "-pk").distinct("stream").values("pk")
    copies = Message.objects.filter(pk__in=last).order_by()
    by_state = dict(copies.values_list("state").annotate(number=Count("pk")))
    failed = sum(by_state.get(each, 0) for each in (state.PARKED, *Message.GIVEN_UP, state.LETTER))
    waiting = by_state.get(state.WAITING, 0) + by_state.get(state.SENDING, 0)
    is_over = bulletin.state in (Bulletin.State.STOPPED, Bulletin.State.SENT)
    in_all = sum(by_state.values()) + (0 if is_over else _to_come(bulletin).count())
    return Progress(
        all=in_all, accepted=by_state.get(state.SENT, 0), waiting=waiting, failed=failed
    )


def check_ready(bulletin: Bulletin, *, expected_revision: int | None, now: datetime) -> None:
    """Raises `DoneMeanwhile`, `NothingToSend` or `TooLarge` if it is not to be sent."""
    if bulletin.state != Bulletin.State.DRAFT or bulletin.revision != expected_revision:
        raise DoneMeanwhile
    if not bulletin.parts.exists():
        raise NothingToSend
    if rendered(bulletin, now=now).size > MOST_BYTES:
        raise TooLarge


def send(*, bulletin: Bulletin, expected_revision: int | None, now: datetime) -> None:
    """Publish it, and begin to send. Raises what `check_ready` raises."""
    with transaction.atomic():
        locked = Bulletin.objects.select_for_update().get(pk=bulletin.pk)
        check_ready(locked, expected_revision=expected_revision, now=now)
        locked.state, locked.published_at = Bulletin.State.SENDING, now
        locked.save(update_fields=["state", "published_at"])
    log.info("bulletin_sending", bulletin=bulletin.pk)


def pause(*, bulletin: Bulletin) -> None:
    """Hold what has not left. Raises `DoneMeanwhile`."""
    _hold(bulletin, Bulletin.State.PAUSED, (Bulletin.State.SENDING,))


def stop_sending(*, bulletin: Bulletin) -> None:
    """Send no further copy, for good. Raises `DoneMeanwhile`."""
    _hold(bulletin, Bulletin.State.STOPPED, (Bulletin.State.SENDING, Bulletin.State.PAUSED))


def resume(*, bulletin: Bulletin) -> None:
    """Go on. Who has a copy gets no second one. Raises `DoneMeanwhile`."""
    paused = Bulletin.objects.filter(pk=bulletin.pk, state=Bulletin.State.PAUSED)
    if not paused.update(state=Bulletin.State.SENDING):
        raise DoneMeanwhile


def can_be_draft_again(bulletin: Bulletin) -> bool:
    """Whether it is over without a copy that may have left, or may leave yet."""
    is_over = bulletin.state in (Bulletin.State.STOPPED, Bulletin.State.SENT)
    kept = ~Q(state=Message.State.SUPERSEDED) | Q(handed_over=True) | Q(events__isnull=False)
    return is_over and not _of(bulletin).filter(kept).exists()


def draft_again(*, bulletin: Bulletin) -> None:
    """Take down one that nobody was sent, so that it can be changed. Raises `DoneMeanwhile`."""
    with transaction.atomic():
        locked = Bulletin.objects.select_for_update().get(pk=bulletin.pk)
        if not can_be_draft_again(locked):
            raise DoneMeanwhile
        _of(locked).delete()
        locked.state, locked.published_at, locked.posted_up_to = Bulletin.State.DRAFT, None, 0
        locked.revision += 1
        locked.save(update_fields=["state", "published_at", "posted_up_to", "revision"])
    log.info("bulletin_draft_again", bulletin=bulletin.pk)


def _hold(bulletin: Bulletin, to: Bulletin.State, states: tuple[Bulletin.State, ...]) -> None:
    """Take back copies that no worker has begun with; they are posted anew if it goes on."""
    with transaction.atomic():
        locked = Bulletin.objects.select_for_update().get(pk=bulletin.pk)
        if locked.state not in states:
            raise DoneMeanwhile
        recall(topic=ISSUE, subject_key=_key(bulletin))
        locked.state, locked.posted_up_to = to, 0
        locked.save(update_fields=["state", "posted_up_to"])
    log.info("bulletin_held", bulletin=bulletin.pk, state=to.value)


def send_test(*, bulletin: Bulletin, to_email: str, recipient_id: int, now: datetime) -> None:
    """Send a copy to a coordinator, at most one a revision and second. Raises `TooLarge`."""
    if rendered(bulletin, now=now).size > MOST_BYTES:
        raise TooLarge
    key = f"{_ABOUT_A_TEST}{bulletin.pk}"
    draft = Draft(
        topic=ISSUE,
        subject_key=key,
        revision=f"{recipient_id}.{int(now.timestamp())}",
        stream=f"{key}:{recipient_id}",
        to_email=to_email,
        recipient_id=recipient_id,
        payload={"bulletin": bulletin.pk, "is_test": True},
    )
    with transaction.atomic():
        post([draft], now=now, if_new=True)


def post_bulletins(*, now: datetime) -> int:
    """Post what may be posted of every bulletin that is being sent. Returns how many copies.

    Another worker at the same bulletin is passed over.
    """
    number = 0
    sending = Bulletin.objects.filter(state=Bulletin.State.SENDING).order_by("published_at", "id")
    for key in list(sending.values_list("pk", flat=True)):
        while posted := _post_some(key, now=now):
            number += posted
    return number


def _post_some(key: int, *, now: datetime) -> int:
    with transaction.atomic():
        sending = Bulletin.objects.filter(pk=key, state=Bulletin.State.SENDING)
        bulletin = sending.select_for_update(skip_locked=True).first()
        if bulletin is None:
            return 0
        unsettled = _copies(bulletin).filter(
            state__in=[Message.State.WAITING, Message.State.SENDING]
        )
        waiting = unsettled.aggregate(all=Count("pk"), fresh=Count("pk", filter=Q(attempts=0)))
        # A mail server that says "not now" to some does not hold back the others.
        room = MOST_WAITING - waiting["fresh"]
        if room <= 0:
            return 0
        # Only now: what a worker still has is among those that wait.
        if _of(bulletin).filter(state=Message.State.SUPERSEDED, last_error=HELD).delete()[0]:
            bulletin.posted_up_to = 0
        recipients = _to_come(bulletin).with_address().prefetch_related("topics").order_by("pk")
        batch = list(recipients[: min(room, BATCH)])
        if not batch:
            if not waiting["all"]:
                bulletin.state = Bulletin.State.SENT
                bulletin.save(update_fields=["state"])
                log.info("bulletin_sent", bulletin=bulletin.pk)
            return 0
        drafts = [_draft(bulletin, each) for each in batch]
        post(drafts, now=now, if_new=True)
        bulletin.posted_up_to = batch[-1].pk
        bulletin.save(update_fields=["posted_up_to"])
    return len(batch)


def _draft(bulletin: Bulletin, subscriber: Subscriber) -> Draft:
    address: str = subscriber.address  # type: ignore[attr-defined]
    payload: dict[str, Any] = {
        "bulletin": bulletin.pk,
        "revision": bulletin.revision,
        "subscriber": subscriber.pk,
    }
    if bulletin.is_digest:
        payload["topics"] = sorted(topic.slug for topic in subscriber.topics.all())
    digest = hashlib.sha256(address.lower().encode()).hexdigest()[:32]
    return Draft(
        topic=ISSUE,
        subject_key=_key(bulletin),
        # One copy an address, whoever asked for it.
        revision=digest,
        stream=f"{_key(bulletin)}:{digest}",
        to_email=address,
        recipient_id=subscriber.person_id,
        payload=payload,
    )


def bulletin_of(message: Message) -> Bulletin | None:
    """Which bulletin a message brings or tries, if it does and there still is one."""
    key = message.subject_key.removeprefix(_ABOUT_A_TEST).removeprefix(_ABOUT_IT)
    return Bulletin.objects.filter(pk=key).first() if message.topic == ISSUE else None


def subject_keys(bulletins: Iterable[int]) -> list[str]:
    """What messages that bring or try these bulletins are about."""
    return [f"{about}{key}" for key in bulletins for about in (_ABOUT_IT, _ABOUT_A_TEST)]


def _key(bulletin: Bulletin) -> str:
    return f"{_ABOUT_IT}{bulletin.pk}"


def _of(bulletin: Bulletin) -> MessageQuerySet:
    return Message.objects.filter(subject_key=_key(bulletin), topic=ISSUE)


def _copies(bulletin: Bulletin) -> MessageQuerySet:
    """Those that have left, will, or cannot: not those that were held."""
    return _of(bulletin).exclude(state=Message.State.SUPERSEDED, last_error=HELD)


def _to_come(bulletin: Bulletin) -> SubscriberQuerySet:
    """Those whose copy is yet to be posted. Who has one gets no other at a new address."""
    whose = Cast(KT("payload__subscriber"), BigIntegerField())
    copied = _copies(bulletin).filter(payload__has_key="subscriber").values_list(whose)
    later = Subscriber.objects.of_bulletin(bulletin).filter(pk__gt=bulletin.posted_up_to)
    return later.exclude(pk__in=copied)
