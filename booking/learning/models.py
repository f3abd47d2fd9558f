"""Courses that people did elsewhere, as they declared them."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models import Course


class PriorLearning(models.Model):
    """A course that a person says they did elsewhere; it counts until a coordinator rejects it."""

    class State(models.TextChoices):
        """Whether a coordinator has looked at it."""

        DECLARED = "declared", "Declared"
        VERIFIED = "verified", "Verified"
        REJECTED = "rejected", "Rejected"

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="prior_learning")
    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="+")
    completed_on = models.DateField()
    provider = models.CharField("who gave it", max_length=200)
    state = models.CharField(max_length=10, choices=State, default=State.DECLARED)
    declared_at = models.DateTimeField(default=timezone.now)
    checked_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    checked_at = models.DateTimeField(null=True)
    note = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-declared_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["person", "course"],
                condition=~Q(state="rejected"),
                name="one_declaration_that_counts",
            ),
        ]
        indexes = [
            models.Index(
                fields=["-declared_at", "id"],
                condition=Q(state="declared"),
                name="declarations_to_check",
            )
        ]

    def __str__(self) -> str:
        return f"{self.course} ({self.get_state_display()})"
