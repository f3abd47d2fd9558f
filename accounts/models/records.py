"""What signing in remembers for a while, and who looked at whom."""

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Concat

from accounts.finding import Folded
from accounts.models.people import User


class Remembered(models.Model):
    """What signing in remembers for a while: see `accounts/remembered.py`."""

    key = models.CharField(max_length=255, primary_key=True)
    value = models.JSONField()
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name_plural = "remembered"

    def __str__(self) -> str:
        return self.key


class AccessRecord(models.Model):
    """Somebody looked at, printed or downloaded a list of people or what is held of one person.

    Kept because names, employers and needs are seen there (UK GDPR, article 5(1)(f): integrity and
    confidentiality, and 5(2): accountability).
    """

    class Form(models.TextChoices):
        """How it was seen."""

        PAGE = "page", "On screen"
        PRINT = "print", "Printable page"
        CSV = "csv", "Downloaded as CSV"
        FILE = "file", "Downloaded as a file"

    by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Nobody stands here for a line manager who opened the link in a mail.",
    )
    at = models.DateTimeField()
    form = models.CharField(max_length=10, choices=Form)
    what = models.CharField(max_length=40, help_text="What was seen: attendees, booking.")
    whom = models.ForeignKey(
        User,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        help_text="Whose data it was, if one person's.",
    )
    about = models.CharField(max_length=200, help_text="Whose list it was, in words.")
    about_id = models.BigIntegerField(help_text="The key of what it belongs to.")
    rows = models.PositiveIntegerField(help_text="How many people it showed.")
    words = models.GeneratedField(
        expression=Folded(Concat("about", models.Value(" "), "what")),
        output_field=models.TextField(),
        db_persist=True,
    )

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["what", "about_id", "-at"], name="access_by_list"),
            models.Index(fields=["-at", "-id"], name="access_newest_first"),
            GinIndex(fields=["words"], opclasses=["gin_trgm_ops"], name="access_by_words"),
        ]

    def __str__(self) -> str:
        whose = self.whom or self.about
        return f"{self.by} saw the {self.what} of {whose} at {self.at:%Y-%m-%d %H:%M}"
