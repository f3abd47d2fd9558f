"""Private calendar feeds."""

from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User


class CalendarFeedQuerySet(models.QuerySet["CalendarFeed"]):
    """Ways to choose feeds."""

    def live(self) -> Self:
        """Those whose address works: neither replaced nor stopped."""
        return self.filter(revoked_at=None)

    def of(self, person: User) -> Self:
        """One person's."""
        return self.filter(person=person)


class CalendarFeed(models.Model):
    """The secret address under which one person's calendar program reads what is theirs.

    Only a hash of the token is kept; the address is shown once, when it is made.
    """

    class Kind(models.TextChoices):
        """What a feed holds."""

        BOOKINGS = "bookings", "My bookings"
        LED = "led", "Sessions I lead"

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="calendar_feeds")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.BOOKINGS)
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    last_read_on = models.DateField(
        null=True, help_text="The last day on which a calendar program read it."
    )
    revoked_at = models.DateTimeField(null=True)

    objects = CalendarFeedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person", "kind"],
                condition=Q(revoked_at__isnull=True),
                name="one_live_feed_of_a_kind_per_person",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: calendar feed of {self.person}"
