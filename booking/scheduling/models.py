"""What was written to the people of a session, who comes besides them, and who is to stand in."""

from datetime import datetime
from typing import Self

from django.db import models
from django.db.models import Q

from accounts.fields import AddressField, NameField
from accounts.models import User
from booking.catalogue.models import Session


class SessionNote(models.Model):
    """What a coordinator or trainer wrote to people of a session. Rows are never changed."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="notes")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    whom = models.CharField(max_length=200, help_text="To whom it went, in words.")
    people = models.PositiveIntegerField(help_text="How many people it went to.")
    subject = models.CharField(max_length=120)
    text = models.TextField()

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["by", "at"], name="notes_by_author")]

    def __str__(self) -> str:
        return self.subject


class SessionGuestQuerySet(models.QuerySet["SessionGuest"]):
    """Ways to choose guests."""

    def coming(self) -> Self:
        """Those that are to come, by name."""
        return self.filter(ended_at=None).order_by("name", "pk")


class SessionGuest(models.Model):
    """Somebody who comes to a session without a place: an interpreter or a guest speaker."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="guests")
    name = NameField(max_length=150)
    email = AddressField()
    purpose = models.CharField(max_length=100, help_text="What they come for.")
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, help_text="When they were told not to come.")

    objects = SessionGuestQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "email"],
                condition=Q(ended_at__isnull=True),
                name="one_guest_of_an_address_per_session",
            )
        ]

    def __str__(self) -> str:
        return str(self.name)


class CoverRequestQuerySet(models.QuerySet["CoverRequest"]):
    """Ways to choose requests."""

    def open(self, *, now: datetime) -> Self:
        """Those that wait for an answer, of sessions that have not begun."""
        return self.filter(answered_at=None, session__starts_at__gt=now)


class CoverRequest(models.Model):
    """A trainer is asked to stand in for another, who leads the session until they agree."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="cover_requests")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    instead_of = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    tells_people = models.BooleanField(help_text="People of the session hear of it once agreed.")
    answered_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(null=True)

    objects = CoverRequestQuerySet.as_manager()

    class Meta:
        ordering = ["asked_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "person"],
                condition=Q(answered_at__isnull=True),
                name="asked_once_to_stand_in",
            )
        ]

    def __str__(self) -> str:
        return f"{self.person} for {self.instead_of}"
