"""The files of a programme that a coordinator has uploaded, until they are imported."""

from typing import ClassVar

from django.db import models

from accounts.models import User


class ProgrammeUpload(models.Model):
    """What one coordinator has uploaded: theirs alone, and deleted two hours after they last did
    something with it, see `booking/catalogue/importing/uploads.py`.
    """

    class State(models.TextChoices):
        """What becomes of it."""

        READING = "reading", "Being read"
        SHOWN = "shown", "Shown"
        IMPORTING = "importing", "Being imported"
        DONE = "done", "Imported"
        FAILED = "failed", "Failed"

    # What the worker has to do something for.
    DUE: ClassVar[tuple[str, ...]] = (State.READING, State.IMPORTING)

    by = models.OneToOneField(User, on_delete=models.CASCADE, related_name="programme_upload")
    at = models.DateTimeField(help_text="When its coordinator last did something with it.")
    state = models.CharField(max_length=10, choices=State, default=State.READING)
    files = models.JSONField(
        default=dict, help_text="By the name the import knows: its own name, and its bytes, sealed."
    )
    preview = models.JSONField(default=dict, help_text="What would be written, row by row.")
    digest = models.CharField(max_length=64, blank=True, help_text="Of all that would be written.")

    def __str__(self) -> str:
        return ", ".join(self.files)
