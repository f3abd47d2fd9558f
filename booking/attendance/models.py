"""Who came to a meeting by their own link."""

from datetime import timedelta
from typing import Self

from django.db import models
from django.db.models import F
from django.utils.crypto import get_random_string

from booking.catalogue.models import Sitting
from booking.places.models import Booking

DEVICE_LENGTH = 12
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
