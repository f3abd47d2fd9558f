"""Who comes: lists, and who looked at them."""

from django.db import models

from accounts.models import User
from booking.catalogue.models import Session


class AttendeeListAccess(models.Model):
    """Somebody looked at, printed or downloaded a session's attendee list.

    Kept because the list shows many people's names, employers and needs at once
    (UK GDPR, article 5(1)(f): integrity and confidentiality, and 5(2): accountability).
    """

    class Form(models.TextChoices):
        """How it was seen."""

        PAGE = "page", "On screen"
        PRINT = "print", "Printable page"
        CSV = "csv", "Downloaded as CSV"

    session = models.ForeignKey(Session, on_delete=models.PROTECT, related_name="list_accesses")
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    form = models.CharField(max_length=10, choices=Form)
    rows = models.PositiveIntegerField(help_text="How many people it showed.")

    class Meta:
        ordering = ["-at", "-id"]
        verbose_name_plural = "attendee list accesses"

    def __str__(self) -> str:
        return f"{self.by} saw {self.session} at {self.at:%Y-%m-%d %H:%M}"
