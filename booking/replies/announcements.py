"""What people are told about their answer in the calendar, as drafts for the outbox."""

from booking.catalogue.models import Sitting
from booking.outbox.posting import Draft
from booking.places.models import Booking

DECLINED_TOPIC = "booking.declined_in_calendar"


def still_booked(booking: Booking, sitting: Sitting | None, *, reply_key: int) -> Draft:
    """They declined an entry in their calendar, and the place is kept; once for each reply."""
    payload = {}
    if sitting is not None:
        payload = {"starts": sitting.starts_at.isoformat(), "ends": sitting.ends_at.isoformat()}
    return Draft(
        topic=DECLINED_TOPIC,
        subject_key=f"booking:{booking.pk}",
        revision=str(reply_key),
        stream=f"booking:{booking.pk}",
        to_email=booking.person.email,
        recipient_id=booking.person_id,
        booking_id=booking.pk,
        payload=payload,
    )
