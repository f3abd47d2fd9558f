"""What coordinators note about people."""

from django.db import models

from accounts.models import User


class PersonNote(models.Model):
    """What a coordinator wrote down about a person, or did to their account and why."""

    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="notes")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    text = models.CharField(max_length=1000)

    class Meta:
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return f"A note about {self.person} of {self.at:%Y-%m-%d}"
