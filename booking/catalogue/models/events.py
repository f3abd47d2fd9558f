"""Who wants to hear of new dates of a course, and what was done to a session."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import User
from booking.catalogue.models.programme import Course
from booking.catalogue.models.sessions import Session


class CourseInterest(models.Model):
    """Somebody who wants to hear of new dates of a course."""

    course = models.ForeignKey(Course, on_delete=models.PROTECT, related_name="interests")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="interests")
    since = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["since", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["course", "person"],
                condition=Q(ended_at__isnull=True),
                name="one_live_interest_in_a_course",
            ),
        ]

    def __str__(self) -> str:
        return f"Interest in {self.course}"


class SessionEvent(models.Model):
    """One thing that a coordinator did to a session: who, what, why. Rows are never changed."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField()
    by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")
    what = models.CharField(max_length=200)
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.what} at {self.at:%Y-%m-%d %H:%M}"
