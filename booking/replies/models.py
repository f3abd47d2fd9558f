"""What came back to us: answers from calendars, and mail that somebody must read."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import User
from booking.catalogue.models import Sitting
from booking.outbox.models import Message, MessageEvent
from booking.places.models import Booking


class ReceivedMailQuerySet(models.QuerySet["ReceivedMail"]):
    """Ways to choose mail that came in."""

    def with_messages(self) -> Self:
        """With the messages of ours that each speaks of and their people, without texts."""
        of = ("about", "noted__message")
        texts = [f"{each}__{text}" for each in of for text in ("mime", "payload")]
        return self.select_related(*(f"{each}__recipient" for each in of)).defer(*texts)


class ReceivedMail(models.Model):
    """One mail of the reply mailbox, so that each is acted on once.

    Sender and subject are kept so that it can be found in the mailbox: of a mail that somebody must
    read until it is settled, of one that was put away for `KEPT_DAYS`, in which a coordinator can
    bring it back.
    """

    class State(models.TextChoices):
        """What became of it."""

        READING = "reading", "Being read"
        DONE = "done", "Understood"
        LISTED = "listed", "Somebody must read it"
        SETTLED = "settled", "Settled by a coordinator"

    class Kind(models.TextChoices):
        """What it is, as far as a program can tell."""

        REPORT = "report", "Report of a mail server"
        ANSWER = "answer", "Answer from a calendar"
        RECEIPT = "receipt", "Read receipt"
        NOTICE = "notice", "Automatic reply"
        OTHER = "other", "Other mail"

    KEPT_DAYS = 30

    key = models.CharField(
        max_length=255, unique=True, help_text="Its Message-ID, if it has one, and a digest."
    )
    seen_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(
        default=0, help_text="How often reading it began: a mail that stops the reader is listed."
    )
    state = models.CharField(max_length=10, choices=State, default=State.READING)
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OTHER)
    why = models.CharField(max_length=300, blank=True, help_text="Why somebody must read it.")
    from_address = models.CharField(max_length=254, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    noted = models.ForeignKey(
        MessageEvent,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="What a report had noted on its message: undone when it is brought back.",
    )
    about = models.ForeignKey(
        Message,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        help_text="Of which message of ours a report speaks, whether it is believed or not.",
    )
    brought_back_at = models.DateTimeField(
        null=True, help_text="When somebody wanted to read it that had been put away."
    )
    settled_at = models.DateTimeField(null=True)
    settled_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    objects = ReceivedMailQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "received mail"
        indexes = [
            models.Index(fields=["id"], condition=Q(state="listed"), name="mail_to_be_read"),
            models.Index(fields=["seen_at"], condition=Q(state="done"), name="mail_put_away"),
        ]

    def __str__(self) -> str:
        return f"Mail {self.pk}: {self.get_state_display()}"

    @property
    def message(self) -> Message | None:
        """Of which message of ours it speaks, as far as a program can tell."""
        return self.noted.message if self.noted else self.about


class CalendarReply(models.Model):
    """What a person answered to an entry in their calendar. It never changes the booking."""

    class Partstat(models.TextChoices):
        """RFC 5545, section 3.2.12."""

        ACCEPTED = "accepted", "Accepted"
        DECLINED = "declined", "Declined"
        TENTATIVE = "tentative", "Tentative"

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="calendar_replies")
    sitting = models.ForeignKey(Sitting, on_delete=models.SET_NULL, null=True, related_name="+")
    partstat = models.CharField(max_length=10, choices=Partstat)
    sequence = models.PositiveIntegerField(
        default=0, help_text="SEQUENCE of the entry that was answered."
    )
    stamped_at = models.DateTimeField(
        null=True, help_text="DTSTAMP of the answer, or when it came if it has none."
    )
    at = models.DateTimeField()
    message_id = models.CharField(max_length=255)

    class Meta:
        ordering = ["id"]
        verbose_name_plural = "calendar replies"
        constraints = [
            models.UniqueConstraint(
                fields=["message_id", "booking", "sitting"],
                name="one_reply_per_mail_and_entry",
                nulls_distinct=False,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_partstat_display()} at {self.at:%Y-%m-%d %H:%M}"

    @property
    def order(self) -> tuple[int, datetime, int]:
        """The newest of several answers has the greatest (RFC 5546, section 2.1.5). None was given
        after it came, whatever its calendar's clock says."""
        return self.sequence, min(self.stamped_at or self.at, self.at), self.pk or 0


class MailboxState(models.Model):
    """When the reply mailbox was last read, and what is wrong with it. There is one row."""

    read_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=300, blank=True)
    trouble_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="one_mailbox")]

    def __str__(self) -> str:
        return "Reply mailbox"

    @classmethod
    def current(cls) -> "MailboxState":
        """The row, or an empty one if the mailbox was never read."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @staticmethod
    def is_read_here() -> bool:
        """Whether this site reads a reply mailbox at all."""
        return settings.REPLIES_MAILBOX is not None


def mail_to_read() -> ReceivedMailQuerySet:
    """Mail that somebody must read, the oldest first."""
    return ReceivedMail.objects.filter(state=ReceivedMail.State.LISTED).order_by("id")


def mail_put_away(*, now: datetime) -> ReceivedMailQuerySet:
    """Mail that was understood and put away in the last `KEPT_DAYS`, the newest first."""
    since = now - timedelta(days=ReceivedMail.KEPT_DAYS)
    put_away = ReceivedMail.objects.filter(state=ReceivedMail.State.DONE, seen_at__gte=since)
    return put_away.order_by("-seen_at", "-id")


def newest_answer(answers: Iterable[CalendarReply]) -> CalendarReply | None:
    """The one of several answers to one entry that counts, in whatever order they came."""
    return max(answers, key=lambda each: each.order, default=None)
