"""What came back by mail in the sample: reports, answers of calendars, notices and a question.

Each is about the confirmation of somebody's place, which counts as sent, and is read by the code
that reads a real mailbox.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from booking.local import MAIL_ADDRESS, SIGN_IN_AS
from booking.mail.composing import compose
from booking.outbox.models import Message
from booking.places.models import Booking
from booking.places.news.drafts import calendar_uid
from booking.replies.incoming import Fetched
from booking.replies.intake import take_in

# In the order in which they came.
_MAILS = sorted((Path(__file__).resolve().parent / "sample" / "replies").glob("*.eml"))
_BETWEEN = timedelta(hours=3)


def receive_sample_mail(*, now: datetime) -> None:
    """Read each mail of the sample, the last one three hours before `now`."""
    for number, (mail, message) in enumerate(zip(_MAILS, _confirmations(now), strict=False)):
        came = now - _BETWEEN * (len(_MAILS) - number)
        take_in(Fetched(_about(message, mail.read_text()), is_whole=True), now=came)


def _confirmations(now: datetime) -> Iterator[Message]:
    """Confirmations of places ahead, each of another person; each counts as sent."""
    written = Message.objects.filter(
        topic="booking.confirmed",
        state=Message.State.WAITING,
        booking__state=Booking.State.CONFIRMED,
        booking__session__starts_at__gt=now,
    ).exclude(to_email__in=SIGN_IN_AS.values())
    last = written.order_by("recipient_id", "-id").distinct("recipient_id")
    for message in last.select_related("booking__session__course", "recipient")[: len(_MAILS)]:
        mime = compose([message])[message.pk]
        if isinstance(mime, bytes):
            message.state, message.mime, message.attempts = Message.State.SENT, mime, 1
            message.handed_over, message.sent_at = True, message.created_at
            message.save()
            yield message


def _about(message: Message, text: str) -> bytes:
    """A mail of the sample with the names of a message and its person put in."""
    booking, person = message.booking, message.recipient
    assert booking is not None and person is not None  # noqa: S101, PT018 - it confirms a place
    sitting = booking.session.sittings.all()[0]
    for name, value in {
        "OURS": MAIL_ADDRESS,
        "NAME": str(person),
        "EMAIL": message.to_email,
        "MID": message.message_id,
        "COURSE": booking.session.course.title,
        "UID": calendar_uid(booking, sitting.pk),
    }.items():
        text = text.replace(f"{{{name}}}", value)
    return text.replace("\n", "\r\n").encode()
