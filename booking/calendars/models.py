"""Private calendar feeds."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User


class CalendarFeed(models.Model):
    """The secret address under which one person's calendar program reads their bookings.

    Only a hash of the token is kept; the address is shown once, when it is made.
    """

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="calendar_feeds")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(default=timezone.now)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["person"],
                condition=Q(revoked_at__isnull=True),
                name="one_live_feed_per_person",
            )
        ]

    def __str__(self) -> str:
        return f"Calendar feed of {self.person}"
