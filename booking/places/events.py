"""What happened to bookings, as rows that are never changed."""

from django.db import models
from django.db.models import Q

from accounts.models import User
from booking.places.models import Booking


class BookingEvent(models.Model):
    """One thing that happened to a booking: who, what, why. Rows are never changed."""

    class What(models.TextChoices):
        """What happened."""

        BOOKED = "booked", "Booked"
        OVERRIDDEN = "overridden", "Let past a rule by a coordinator"
        REQUESTED = "requested", "Asked for a place; the manager is asked"
        JOINED = "joined", "Joined the waiting list"
        PROMOTED = "promoted", "Given a place from the waiting list"
        OFFERED = "offered", "Offered a place"
        ACCEPTED = "accepted", "Accepted the offer"
        DECLINED = "declined", "Declined the offer"
        LAPSED = "lapsed", "The offer ran out"
        WITHDREW = "withdrew", "Left the waiting list"
        CANCELLED = "cancelled", "Cancelled"
        TAKEN_BACK = "taken back", "The cancellation was undone"
        APOLOGISED = "apologised", "Sent apologies"
        MANAGER_ASKED = "manager asked", "The manager is asked"
        APPROVED = "approved", "Agreed by the manager"
        REFUSED = "refused", "Not agreed by the manager"
        NOT_ANSWERED = "not answered", "The manager did not answer in time"
        AGENCY_CONFIRMED = "agency confirmed", "The agency is confirmed"
        AGENCY_REFUSED = "agency refused", "The agency is not one that the session is for"
        AGENCY_UNPROVED = "agency unproved", "The agency was not confirmed in time"
        INVITED = "invited", "Put in line for a date before others"
        PASSED_OVER = "passed over", "A place went to somebody further back"
        MOVED_UP = "moved up", "Moved up the waiting list"
        MOVED_BACK = "moved back", "Somebody was moved up the waiting list"
        HANDED_OVER = "handed over", "Given to a colleague"
        TOOK_OVER = "took over", "Took a colleague's place"
        MOVED_AWAY = "moved away", "Moved to another date"
        MOVED_HERE = "moved here", "Moved from another date"
        WALKED_IN = "walked in", "Came without a booking, and was let in"
        OUTCOME = "outcome", "The register was closed"
        OUTCOME_CORRECTED = "outcome corrected", "What the register says was corrected"
        ABSENCE_SETTLED = "absence settled", "The absence was settled"
        EARLIER_MISSING = "earlier missing", "What comes first is missing"
        EARLIER_NOT_NEEDED = "earlier not needed", "May come without what comes first"
        EARLIER_BACK = "earlier back", "What comes first is booked or done"
        SESSION_CHANGED = "session changed", "The session changed"
        SESSION_CANCELLED = "session cancelled", "The session was cancelled"

    booking = models.ForeignKey(Booking, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Nobody when the system acted by itself.",
    )
    what = models.CharField(max_length=20, choices=What)
    rule = models.CharField(
        max_length=30, blank=True, help_text="The rule that decided, where one did."
    )
    why = models.CharField(max_length=500, blank=True)
    state_after = models.CharField(max_length=10, choices=Booking.State)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(
                fields=["booking"],
                condition=Q(what="earlier missing"),
                name="told_earlier_is_missing",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_what_display()} at {self.at:%Y-%m-%d %H:%M}"
