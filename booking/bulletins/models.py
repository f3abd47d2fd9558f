"""Bulletins, what stands in them, and who gets them by mail."""

from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, NullIf
from django.http import QueryDict
from django.urls import reverse

from accounts.models import User
from booking.bulletins.blocks import BlockKind
from booking.catalogue.models import Topic


class BulletinQuerySet(models.QuerySet["Bulletin"]):
    """Ways to choose bulletins."""

    def published(self) -> Self:
        """Those that everybody may read, the newest first."""
        return self.filter(published_at__isnull=False).order_by("-published_at", "-id")


class Bulletin(models.Model):
    """One issue of the partnership's newsletter, or the digest made by itself each month."""

    class State(models.TextChoices):
        """How far it has come."""

        DRAFT = "draft", "Draft"
        SENDING = "sending", "Being sent"
        PAUSED = "paused", "Paused"
        STOPPED = "stopped", "Stopped"
        SENT = "sent", "Sent"

    title = models.CharField(max_length=150)
    opening = models.TextField(blank=True)
    topics = models.ManyToManyField(
        Topic,
        blank=True,
        related_name="bulletins",
        help_text="It goes to people who chose one of these, or none at all.",
    )
    month = models.DateField(
        null=True, unique=True, help_text="Of a digest: the first day of its month."
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    revision = models.PositiveIntegerField(
        default=0, help_text="Raised by every change of what it says."
    )
    created_at = models.DateTimeField()
    published_at = models.DateTimeField(null=True)
    posted_up_to = models.PositiveBigIntegerField(
        default=0, help_text="The key of the last subscriber whose copy was posted."
    )

    objects = BulletinQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(state="draft") | Q(published_at__isnull=False),
                name="only_what_is_published_is_sent",
            ),
        ]

    def __str__(self) -> str:
        return self.title

    def get_absolute_url(self) -> str:
        """Where everybody reads it."""
        return reverse("bulletin", args=[self.pk])

    @property
    def is_digest(self) -> bool:
        """Whether it was made by itself."""
        return self.month is not None

    @property
    def can_change(self) -> bool:
        """Whether what it says may change: once it is sent, people have read it."""
        return self.state == self.State.DRAFT


class BulletinPart(models.Model):
    """An article, or a block that fills itself, in the order of `position`."""

    class Kind(models.TextChoices):
        """What stands there."""

        ARTICLE = "article", "Article"
        SPACES = BlockKind.SPACES.value, BlockKind.SPACES.label
        BRIEFINGS = BlockKind.BRIEFINGS.value, BlockKind.BRIEFINGS.label
        DIARY = BlockKind.DIARY.value, BlockKind.DIARY.label

    bulletin = models.ForeignKey(Bulletin, on_delete=models.CASCADE, related_name="parts")
    position = models.PositiveIntegerField()
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.ARTICLE)
    heading = models.CharField(max_length=150, blank=True)
    text = models.TextField(blank=True, help_text="Markdown.")
    link = models.URLField(max_length=500, blank=True)
    link_words = models.CharField(max_length=150, blank=True)
    picture = models.BinaryField(default=b"")
    picture_type = models.CharField(max_length=20, blank=True, default="")
    picture_width = models.PositiveSmallIntegerField(default=0)
    picture_height = models.PositiveSmallIntegerField(default=0)
    picture_digest = models.CharField(max_length=16, blank=True, default="", db_index=True)
    picture_says = models.CharField(max_length=250, blank=True, default="")
    query = models.CharField(
        max_length=300, blank=True, help_text="What a block is narrowed by, as in an address."
    )

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(picture_digest="") | ~Q(picture_says=""),
                name="a_picture_says_what_it_shows",
            ),
        ]

    def __str__(self) -> str:
        return self.heading or self.get_kind_display()

    @property
    def is_article(self) -> bool:
        """Whether somebody wrote it."""
        return self.kind == self.Kind.ARTICLE

    @property
    def picture_url(self) -> str:
        """Where its picture is served from; empty if there is none."""
        if not self.picture_digest:
            return ""
        return reverse("bulletin_picture", args=[self.picture_digest])

    @property
    def mail_width(self) -> int:
        """How wide its picture is shown in a mail of 600 pixels."""
        return min(self.picture_width, 552)

    @property
    def asks(self) -> QueryDict:
        """What its block is narrowed by."""
        return QueryDict(self.query)


class SubscriberQuerySet(models.QuerySet["Subscriber"]):
    """Ways to choose subscribers."""

    def live(self) -> Self:
        """Those who said yes, have not stopped, and whom mail can reach."""
        reached = Q(person=None) | Q(person__is_active=True, person__mail_failing_since=None)
        return self.filter(reached, confirmed_at__isnull=False, ended_at=None)

    def of_bulletin(self, bulletin: Bulletin) -> Self:
        """Those who get this one."""
        if bulletin.is_digest:
            return self.live().filter(wants_digest=True)
        wanting = self.live().filter(wants_bulletins=True)
        slugs = [topic.pk for topic in bulletin.topics.all()]
        if not slugs:
            return wanting
        chose = Subscriber.topics.through.objects.filter(topic__in=slugs).values("subscriber")
        return wanting.filter(Q(topics=None) | Q(pk__in=chose))

    def with_address(self) -> Self:
        """With the `address` that mail goes to: the account's, or the one that was given."""
        return self.annotate(
            address=Coalesce(F("person__email"), NullIf(F("email"), models.Value("")))
        )

    def at(self, address: str) -> Self:
        """Those whose mail goes to this address."""
        return self.filter(Q(person__email=address) | Q(email=address, person=None))


class Subscriber(models.Model):
    """Somebody who wants bulletins by mail: an account holder, or an address that was confirmed."""

    person = models.OneToOneField(
        User, on_delete=models.PROTECT, null=True, related_name="subscription"
    )
    email = models.EmailField("email address", max_length=254, blank=True)
    wants_bulletins = models.BooleanField(default=True)
    wants_digest = models.BooleanField(default=False)
    topics = models.ManyToManyField(Topic, blank=True, related_name="subscribers")
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    failure = models.CharField(
        max_length=500,
        blank=True,
        default="",
        help_text="Of an address without an account: why mail to it came back, which ended it.",
    )

    objects = SubscriberQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(email="", person__isnull=False) | (~Q(email="") & Q(person=None)),
                name="a_subscriber_has_an_account_or_an_address",
            ),
            models.UniqueConstraint(
                fields=["email"], condition=~Q(email=""), name="one_subscriber_an_address"
            ),
        ]

    def __str__(self) -> str:
        return f"Subscriber {self.pk}"

    @property
    def is_live(self) -> bool:
        """Whether bulletins go to them."""
        return self.confirmed_at is not None and self.ended_at is None
