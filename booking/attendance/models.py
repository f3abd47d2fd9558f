"""Who came: arrivals by join links, the register with its marks, and cases of absence."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import F
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts.models import User
from booking.catalogue.models import Session, Sitting
from booking.places.models import Booking

DEVICE_LENGTH = 12
MARK_KEY_LENGTH = 36
# No meeting is open for longer before it begins or after it ends: see the partnership's settings.
LONGEST_OPEN = timedelta(hours=4)


def new_device() -> str:
    """A random name for a browser."""
    return get_random_string(DEVICE_LENGTH)


class ArrivalQuerySet(models.QuerySet["Arrival"]):
    """Ways to choose arrivals."""

    def counting(self) -> Self:
        """Those at their sitting as it was held: it may have been moved once people had come."""
        return self.filter(
            at__gte=F("sitting__starts_at") - LONGEST_OPEN,
            at__lte=F("sitting__ends_at") + LONGEST_OPEN,
        )


class Arrival(models.Model):
    """Somebody pressed Join at a sitting, the first time in one browser."""

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="arrivals")
    sitting = models.ForeignKey(Sitting, on_delete=models.CASCADE, related_name="arrivals")
    at = models.DateTimeField()
    device = models.CharField(max_length=DEVICE_LENGTH, help_text="A random name of the browser.")

    objects = ArrivalQuerySet.as_manager()

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["booking", "sitting", "device"], name="one_arrival_in_a_browser"
            )
        ]

    def __str__(self) -> str:
        return f"{self.booking} at {self.at:%Y-%m-%d %H:%M}"


class Register(models.Model):
    """The register of a session, from its first mark on. Once closed, outcomes are decided."""

    session = models.OneToOneField(Session, on_delete=models.PROTECT, related_name="register")
    opened_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Register of {self.session_id}"

    @property
    def is_closed(self) -> bool:
        """Whether it is closed: then marks change nothing any more, but outcomes are corrected."""
        return self.closed_at is not None


class MarkQuerySet(models.QuerySet["Mark"]):
    """Ways to choose marks."""

    def current(self) -> Self:
        """The last of each booking and sitting: the later press wins."""
        newest = self.order_by("booking_id", "sitting_id", "-at", "-id")
        return newest.distinct("booking_id", "sitting_id")


class Mark(models.Model):
    """What somebody noted of one booking at one sitting. Rows are never changed."""

    class What(models.TextChoices):
        """What was seen; nothing if a mark was taken back."""

        ATTENDED = "attended", "Attended"
        PART = "part", "Part"
        ABSENT = "absent", "Absent"
        APOLOGIES = "apologies", "Apologies"
        NOTHING = "nothing", "Not marked"

    CAME = (What.ATTENDED, What.PART)

    class Source(models.TextChoices):
        """How it came to be noted."""

        PRESS = "press", "On the register"
        EVERYBODY = "everybody", "With everybody else"
        REPORT = "report", "From the report of the meeting"
        ROOM = "room", "With the code in the room"

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="marks")
    sitting = models.ForeignKey(Sitting, on_delete=models.CASCADE, related_name="marks")
    what = models.CharField(max_length=10, choices=What)
    minutes_late = models.PositiveSmallIntegerField(null=True)
    minutes_early = models.PositiveSmallIntegerField("minutes left early", null=True)
    minutes_there = models.PositiveSmallIntegerField(
        null=True, help_text="In all, as a report of the meeting says."
    )
    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(help_text="When it was pressed, by our clock.")
    noted_at = models.DateTimeField(help_text="When it reached us.")
    source = models.CharField(max_length=10, choices=Source, default=Source.PRESS)
    key = models.CharField(
        max_length=MARK_KEY_LENGTH,
        unique=True,
        null=True,
        help_text="A random name of the press, so that it counts once if it is sent again.",
    )

    objects = MarkQuerySet.as_manager()

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["sitting", "booking", "-at", "-id"], name="marks_of_sitting")
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()} at {self.at:%Y-%m-%d %H:%M}"


def new_absence_key() -> str:
    """A random key of 190 bits for the link that a manager is sent."""
    return get_random_string(32)


class AbsenceCase(models.Model):
    """Somebody with a place did not come: why, and what follows from it."""

    class State(models.TextChoices):
        """Where it stands."""

        OPEN = "open", "To decide"
        ACCEPTED = "accepted", "The reason was accepted"
        DECLINED = "declined", "The reason was not accepted"
        CHARGED = "charged", "Charged"
        CLOSED = "closed", "Closed by itself"

    booking = models.OneToOneField(Booking, on_delete=models.PROTECT, related_name="absence")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    opened_at = models.DateTimeField(default=timezone.now)
    key = models.CharField(max_length=32, unique=True, default=new_absence_key)
    manager_email = models.EmailField(
        max_length=254, blank=True, help_text="Who is asked beside the person; empty if nobody is."
    )
    pence = models.PositiveIntegerField(
        "charge in pence",
        default=0,
        help_text="By the rules that were promised when it was booked.",
    )
    reason = models.CharField("the person’s reason", max_length=500, blank=True)
    reason_at = models.DateTimeField(null=True)
    manager_reason = models.CharField("the manager’s reason", max_length=500, blank=True)
    manager_reason_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Nobody if it closed by itself.",
    )
    why = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["id"]
        indexes = [
            models.Index(
                fields=["opened_at"],
                condition=models.Q(state="open"),
                name="absences_to_decide",
            )
        ]

    def __str__(self) -> str:
        return f"Absence of {self.booking}"
