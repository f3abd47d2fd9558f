"""Who gets bulletins by mail: asking for them, changing what comes, and stopping.

Somebody with an account says yes there, which is proof enough. Anybody else types an address, and
nothing comes until the link in the mail to it is followed and the button pressed. Nobody is told
whether an address is known.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.urls import reverse

from accounts.addresses import as_stored, parse_address
from accounts.models import User
from booking.bulletins.models import Subscriber, SubscriberQuerySet
from booking.catalogue.models import Topic
from booking.outbox.models import Message
from booking.outbox.posting import Draft, post
from booking.outbox.topics import MailTopic, register
from booking.site.signed_links import SignedLink
from booking.site.wording import LONDON

CONFIRM = "bulletin.confirm"
register(MailTopic(CONFIRM, "Link to confirm that bulletins are wanted", holds="link"))
# After them an address that was never confirmed, or has stopped, is deleted.
UNCONFIRMED_KEPT = timedelta(days=7)
ENDED_KEPT = timedelta(days=30)
_LONGEST_FAILURE = 500


def unsubscribe_path(subscriber_id: int) -> str:
    """Where this subscriber stops, without signing in. It does not run out."""
    return reverse("unsubscribe", args=[SignedLink.UNSUBSCRIBE.token(str(subscriber_id))])


def confirm_path(subscriber_id: int, *, since: datetime) -> str:
    """Where an address says that it wants bulletins."""
    token = SignedLink.SUBSCRIBE.token(str(subscriber_id), since=since)
    return reverse("confirm_subscription", args=[token])


def of_person(person: User) -> Subscriber | None:
    """What they have chosen, if they ever have."""
    return Subscriber.objects.filter(person=person).first()


def choose(
    *,
    person: User,
    wants_bulletins: bool,
    wants_digest: bool,
    topics: Iterable[Topic],
    now: datetime,
) -> Subscriber:
    """Somebody with an account says what comes, in place of what their address had asked for."""
    with transaction.atomic():
        Subscriber.objects.filter(email=person.email).delete()
        found, _ = Subscriber.objects.get_or_create(person=person, defaults={"asked_at": now})
        found.wants_bulletins, found.wants_digest = wants_bulletins, wants_digest
        found.confirmed_at = found.confirmed_at or now
        found.ended_at = None if wants_bulletins or wants_digest else now
        found.save()
        found.topics.set(topics)
    return found


def ask_by_address(*, email: str, now: datetime) -> None:
    """Somebody without an account asks for bulletins: a mail asks whether it was them.

    One mail a day and address, however often they ask, and none to where they come already. Raises
    `ValidationError` for what is no address.
    """
    email = parse_address(email)
    with transaction.atomic():
        person = User.objects.filter(email=email, is_active=True).first()
        who = {"person": person} if person else {"email": email}
        coming = Subscriber.objects.filter(confirmed_at__isnull=False, ended_at=None)
        if coming.at(email).filter(wants_bulletins=True).exists():
            return
        subscriber, _ = Subscriber.objects.update_or_create(**who, defaults={"asked_at": now})
        key = f"subscriber:{subscriber.pk}"
        draft = Draft(
            topic=CONFIRM,
            subject_key=key,
            revision=now.astimezone(LONDON).date().isoformat(),
            stream=key,
            to_email=email,
            recipient_id=person.pk if person else None,
            payload={"subscriber": subscriber.pk},
        )
        post([draft], now=now, if_new=True)


def confirm_wish(*, subscriber: Subscriber, now: datetime) -> None:
    """It was them: bulletins come from now on."""
    subscriber.confirmed_at, subscriber.ended_at = subscriber.confirmed_at or now, None
    subscriber.wants_bulletins, subscriber.failure = True, ""
    subscriber.save(update_fields=["confirmed_at", "ended_at", "wants_bulletins", "failure"])


def stop(*, subscriber: Subscriber, now: datetime) -> None:
    """Nothing of this comes to the address any more. Stopping twice changes nothing.

    An address that is an account's may have asked for itself too, in another row.
    """
    address = subscriber.person.email if subscriber.person else subscriber.email
    same = list(Subscriber.objects.at(address).values_list("pk", flat=True))
    # What mail servers say later brings nobody back who has stopped.
    going_on = Subscriber.objects.filter(Q(ended_at=None) | ~Q(failure=""), pk__in=same)
    going_on.update(ended_at=now, wants_bulletins=False, wants_digest=False, failure="")


def end_unreachable(*, email: str, why: str, said_at: datetime, now: datetime) -> None:
    """There is no such address any more, as was said then: it gets no bulletins until somebody
    confirms it anew, unless they have asked since.

    Somebody with an account is not ended: see `accounts.failing`.
    """
    reader = Subscriber.objects.filter(person=None, email=as_stored(email), ended_at=None)
    reader.filter(asked_at__lte=said_at).update(ended_at=now, failure=why[:_LONGEST_FAILURE])


def reach_again(*, reader: Subscriber, why: str) -> None:
    """The report that ended an address is doubted; `why` is what another says of it. If none does,
    bulletins come to it as before."""
    changes: dict[str, Any] = {"failure": why} if why else {"failure": "", "ended_at": None}
    Subscriber.objects.filter(pk=reader.pk).exclude(failure="").update(**changes)


def unreachable() -> SubscriberQuerySet:
    """Addresses without an account that mail does not reach, the newest first."""
    return Subscriber.objects.exclude(failure="").order_by("-ended_at", "pk")


def take_over(*, kept: User, ended: User) -> None:
    """Of two accounts of one person that are made one, the choice of the one that stays counts."""
    if Subscriber.objects.filter(person=kept).exists():
        Subscriber.objects.filter(person=ended).delete()


def forget_addresses(*, now: datetime) -> int:
    """Delete addresses without an account that never said yes, or stopped. Returns how many."""
    strangers = Subscriber.objects.filter(person=None)
    unconfirmed = strangers.filter(confirmed_at=None, asked_at__lt=now - UNCONFIRMED_KEPT)
    # Who asks again has as long to confirm.
    ended = strangers.filter(ended_at__lt=now - ENDED_KEPT, asked_at__lt=now - UNCONFIRMED_KEPT)
    number = 0
    for due in (unconfirmed, ended):
        with transaction.atomic():
            keys = [f"subscriber:{each}" for each in due.values_list("pk", flat=True)]
            Message.objects.filter(subject_key__in=keys).forget_text(now=now)
            number += due.delete()[1].get("booking.Subscriber", 0)
    return number
