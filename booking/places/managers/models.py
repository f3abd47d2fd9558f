"""What a line manager is asked about a booking, and what they answered."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.models import User
from booking.places.models import Booking

_KEY_LENGTH = 32


def new_approval_key() -> str:
    """A random key of 190 bits for the link that a manager is sent."""
    return get_random_string(_KEY_LENGTH)


class ApprovalQuerySet(models.QuerySet["Approval"]):
    """Ways to choose approvals. `now` is an aware moment."""

    def open(self) -> Self:
        """Those that nobody has decided and that have not run out."""
        return self.filter(state__in=Approval.OPEN)

    def to_confirm(self, *, now: datetime) -> Self:
        """Those whose manager is asked once a coordinator has confirmed the address."""
        return self.filter(
            Q(expires_at__gt=now) | Q(booking__state=Booking.State.WAITING),
            state=Approval.State.UNCONFIRMED,
            booking__state__in=Booking.UNCERTAIN,
            booking__session__starts_at__gt=now,
        ).order_by("expires_at", "pk")

    def to_others_than_usual(self, person: User, *, now: datetime) -> Self:
        """Those about this person that somebody may answer who is not their manager by now."""
        return (
            self.open()
            .filter(
                Q(expires_at__gt=now) | Q(booking__state=Booking.State.WAITING),
                booking__person=person,
                booking__state__in=Booking.UNCERTAIN,
                booking__session__starts_at__gt=now,
            )
            .exclude(manager_email=person.manager_email)
            .select_related("booking__session__course")
            .order_by("booking__session__starts_at", "pk")
        )

    def to_ask_again(self, *, now: datetime) -> Self:
        """Those whose manager has yet to answer and should know if the session changes."""
        return self.filter(
            state=Approval.State.ASKED,
            expires_at__gt=now,
            booking__state__in=Booking.UNCERTAIN,
        )

    def run_out(self, *, now: datetime) -> Self:
        """Those whose time is over while they hold a place."""
        return self.open().filter(expires_at__lte=now, booking__state=Booking.State.REQUESTED)

    def to_remind(self, *, now: datetime) -> Self:
        """Those whose manager has not answered and is due a reminder."""
        return self.filter(
            state=Approval.State.ASKED,
            remind_at__lte=now,
            expires_at__gt=now,
            reminded_at__isnull=True,
            booking__state=Booking.State.REQUESTED,
        )


class Approval(models.Model):
    """What a line manager was asked about one booking, and what they answered."""

    class State(models.TextChoices):
        """Where it stands."""

        UNCONFIRMED = "unconfirmed", "A coordinator must confirm the manager's address"
        ASKED = "asked", "The manager has been asked"
        APPROVED = "approved", "Agreed"
        DECLINED = "declined", "Not agreed"
        LAPSED = "lapsed", "Not answered in time"
        CLOSED = "closed", "Not needed any more"

    OPEN = (State.UNCONFIRMED, State.ASKED)

    booking = models.OneToOneField(Booking, on_delete=models.PROTECT, related_name="approval")
    manager_email = models.EmailField(max_length=254)
    key = models.CharField(max_length=32, unique=True, default=new_approval_key)
    state = models.CharField(max_length=12, choices=State)
    asked_at = models.DateTimeField(default=timezone.now)
    remind_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reminded_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    confirmed_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="The coordinator who confirmed an address outside the agency's domains.",
    )

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["expires_at"],
                condition=Q(state__in=["unconfirmed", "asked"]),
                name="approvals_by_end",
            ),
        ]

    def __str__(self) -> str:
        return f"Approval {self.pk}"

    @property
    def is_open(self) -> bool:
        """Whether an answer is still awaited."""
        return self.state in self.OPEN
