"""Messages that must reach somebody, and what was done about each."""

from collections.abc import Collection
from datetime import datetime
from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.utils import timezone

from accounts.finding import Folded
from booking.outbox.topics import MailTopic, register, topic_of

# A sign-in code, or another mail about an account.
ACCOUNT_MAIL = "account.mail"
register(
    MailTopic(ACCOUNT_MAIL, "Sign-in code or account mail", is_urgent=True, holds="code"),
)


class MessageQuerySet(models.QuerySet["Message"]):
    """Ways to choose messages."""

    def unsettled(self) -> Self:
        """Those not yet accepted by a mail server, superseded or dropped."""
        return self.filter(state__in=Message.UNSETTLED)

    def doubted(self) -> Self:
        """Those that may have come back, as far as nobody has done anything about it since and
        it is not known that they did."""
        did = MessageEvent.What
        about_it = [did.MAY_HAVE_COME_BACK, did.SENT_AGAIN, did.ADDRESS_CORRECTED]
        events = MessageEvent.objects.filter(
            message=OuterRef("pk"), what__in=[*about_it, did.ADDRESS_WORKS]
        )
        last = Subquery(events.order_by("-at", "-id").values("what")[:1])
        noted = MessageEvent.objects.filter(what=did.MAY_HAVE_COME_BACK).values("message")
        doubted = self.filter(pk__in=noted, state=Message.State.SENT, bounced_at=None)
        return doubted.alias(did_last=last).filter(did_last=did.MAY_HAVE_COME_BACK)

    def with_doubts(self) -> Self:
        """Each with whether it is `doubted`, as `may_have_come_back`, and what was said last of
        that, as `doubt`."""
        doubted = Message.objects.filter(pk=OuterRef("pk")).doubted()
        said = MessageEvent.objects.filter(
            message=OuterRef("pk"), what=MessageEvent.What.MAY_HAVE_COME_BACK
        )
        return self.annotate(
            may_have_come_back=Exists(doubted),
            doubt=Subquery(said.order_by("-at", "-id").values("why")[:1]),
        )

    def last_sent_to(self, emails: Collection[str]) -> Self:
        """The last mail sent to each of these addresses, which are as they are stored."""
        sent = self.filter(state=Message.State.SENT, to_email__in=emails)
        return sent.order_by("to_email", "-id").distinct("to_email")

    def forget_text(self, *, now: datetime) -> int:
        """Forget what settled messages say; topic, person and times stay. Returns how many."""
        settled = self.exclude(state__in=Message.UNSETTLED)
        return settled.update(mime=None, payload={}, forgotten_at=now)

    def claimable(self, *, now: datetime) -> Self:
        """Those a worker may take at this moment, urgent ones first and what goes to
        many last, each the longest due first.

        Each is the first unsettled one of its stream, which PostgreSQL looks up by the stream. A
        join with what is earlier, planned while little was unsettled, would compare all with all
        once thousands are posted.
        """
        of_stream = Message.objects.unsettled().filter(stream=OuterRef("stream"))
        return (
            self.unsettled()
            .filter(pk=Subquery(of_stream.order_by("pk").values("pk")[:1]))
            .filter(
                Q(state=Message.State.WAITING, due_at__lte=now)
                | Q(state=Message.State.SENDING, lease_until__lte=now)
            )
            .order_by("-is_urgent", "is_bulk", "due_at", "id")
        )


class Message(models.Model):
    """One email that must reach one person: written in the transaction that decided it.

    The stream orders messages that must not overtake one another (one recipient and one calendar
    entry). The revision tells apart messages on one topic about one subject.
    """

    class State(models.TextChoices):
        """Where a message is on its way."""

        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Accepted by the mail server"
        PARKED = "parked", "Parked: it needs a coordinator"
        LETTER = "letter", "To go out by post"
        DROPPED = "dropped", "Dropped by a coordinator"
        SUPERSEDED = "superseded", "Not needed any more"

    UNSETTLED = (State.WAITING, State.SENDING, State.PARKED)
    GIVEN_UP = (State.DROPPED, State.SUPERSEDED)
    # In a revision, between that of the message that is sent again and how often it was.
    AGAIN = "#"

    topic = models.CharField(max_length=60)
    subject_key = models.CharField(
        max_length=80,
        help_text="What the message is about, such as booking:17 or sign-in:<random>.",
    )
    revision = models.CharField(max_length=60, default="0")
    stream = models.CharField(max_length=160)
    recipient = models.ForeignKey(
        "accounts.User", on_delete=models.PROTECT, null=True, related_name="messages"
    )
    to_email = models.EmailField(max_length=254)
    # As it is searched, which is told apart from what is only like it without folding it again.
    to_words = models.GeneratedField(
        expression=Folded("to_email"), output_field=models.TextField(), db_persist=True
    )
    booking = models.ForeignKey(
        "booking.Booking", on_delete=models.PROTECT, null=True, related_name="messages"
    )
    payload = models.JSONField(default=dict)
    is_urgent = models.BooleanField(default=False, help_text="Somebody is waiting for it: a code.")
    is_bulk = models.BooleanField(default=False, help_text="It goes to many, after all else.")

    state = models.CharField(max_length=10, choices=State, default=State.WAITING)
    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField()
    attempts = models.PositiveIntegerField(default=0)
    claim_number = models.PositiveBigIntegerField(
        default=0, help_text="Fences off a worker whose lease ran out: raised at every claim."
    )
    silent_claims = models.PositiveIntegerField(
        default=0, help_text="Claims since anything was heard of it: a worker died, or is at work."
    )
    lease_until = models.DateTimeField(null=True)
    message_id = models.CharField(max_length=120, unique=True)
    mime = models.BinaryField(null=True, help_text="The bytes as sent, frozen when first composed.")
    handed_over = models.BooleanField(
        default=False,
        help_text="A mail server may have it: an attempt began, and did not end with a refusal.",
    )
    refused_since = models.DateTimeField(
        null=True, help_text="When a mail server first said not now, since it was last put back."
    )
    break_offs = models.PositiveIntegerField(
        default=0, help_text="Attempts that ended without an answer once it had been handed over."
    )
    sent_at = models.DateTimeField(null=True)
    bounced_at = models.DateTimeField(
        null=True, help_text="When a mail server told us that it did not arrive after all."
    )
    last_error = models.TextField(blank=True)
    forgotten_at = models.DateTimeField(
        null=True, help_text="When its text was forgotten for its age, or because a person left."
    )

    objects = MessageQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject_key", "topic", "revision"], name="no_message_posted_twice"
            ),
        ]
        indexes = [
            models.Index(
                F("stream"),
                F("id"),
                condition=Q(state__in=["waiting", "sending", "parked"]),
                name="unsettled_by_stream",
            ),
            models.Index(
                F("is_urgent").desc(),
                F("is_bulk"),
                F("due_at"),
                F("id"),
                condition=Q(state__in=["waiting", "sending"]),
                name="messages_to_claim",
            ),
            models.Index(
                fields=["created_at"],
                condition=Q(forgotten_at__isnull=True),
                name="messages_with_text",
            ),
            models.Index(F("to_email"), F("id").desc(), name="messages_by_address"),
            GinIndex(
                fields=["to_words"], opclasses=["gin_trgm_ops"], name="messages_by_words_of_address"
            ),
            models.Index(F("topic"), F("id").desc(), name="messages_by_topic"),
            models.Index(F("id"), condition=Q(state="letter"), name="letters_to_go_out"),
            models.Index(
                F("id"),
                condition=Q(state__in=["dropped", "superseded"]),
                name="messages_given_up",
            ),
            models.Index(
                F("bounced_at"), condition=Q(bounced_at__isnull=False), name="messages_sent_back"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.topic} to {self.to_email}"

    @property
    def is_settled(self) -> bool:
        """Whether it was sent, or never will be."""
        return self.state not in (*self.UNSETTLED, self.State.LETTER)

    @property
    def first_revision(self) -> str:
        """The revision, whether it is sent again or not."""
        return self.revision.partition(self.AGAIN)[0]

    @property
    def holds_a_code(self) -> bool:
        """Whether it may hold a code, which cannot be written a second time."""
        return topic_of(self.topic).holds == "code"

    @property
    def is_secret(self) -> bool:
        """Whether its text is only for its recipient: a code, or a link by which to answer.

        It is forgotten once it is sent.
        """
        return topic_of(self.topic).holds is not None

    @property
    def is_forgotten(self) -> bool:
        """Whether nobody can read what it says, or send it again."""
        return self.forgotten_at is not None

    @property
    def came_back(self) -> bool:
        """Whether it was accepted and did not arrive after all."""
        return self.state == self.State.SENT and self.bounced_at is not None

    @property
    def may_have_arrived(self) -> bool:
        """Whether a mail server may hold it, after whichever attempt."""
        if self.state == self.State.SENT:
            return self.bounced_at is None
        return self.handed_over


class MessageEvent(models.Model):
    """Something that happened to a message after it was written. Rows are never changed."""

    class What(models.TextChoices):
        """What happened."""

        SENT_AGAIN = "sent again", "Sent again"
        ADDRESS_CORRECTED = "address corrected", "Address corrected"
        DROPPED = "dropped", "Dropped"
        WENT_BY_POST = "by post", "Went out by post"
        CAME_BACK = "came back", "Came back"
        MAY_HAVE_COME_BACK = "may be back", "May have come back"
        TAKEN_BACK = "taken back", "The report that it came back is to be read"
        DELAYED = "delayed", "Delayed on the way"
        ADDRESS_WORKS = "address works", "The address was said to work"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    by = models.ForeignKey(
        "accounts.User",
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Nobody when a mail server said so.",
    )
    what = models.CharField(max_length=20, choices=What)
    why = models.CharField(max_length=1100, blank=True)
    former_message_id = models.CharField(
        max_length=120, help_text="The Message-ID that the message had until then."
    )

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["former_message_id"], name="events_by_former_message_id")]

    def __str__(self) -> str:
        return f"{self.get_what_display()} at {self.at:%Y-%m-%d %H:%M}"
