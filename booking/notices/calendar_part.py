"""The calendar entry of a notice."""

from datetime import datetime
from email.utils import parseaddr

from django.conf import settings

from booking.calendars.entries import cancelled_description, entry_description, entry_title
from booking.calendars.ics import Event, cancellation, invitation
from booking.notices.notice import CalendarChange, Notice
from booking.partnership.kept import the_partnership


def calendar_part(
    notice: Notice, change: CalendarChange, *, to_name: str, to_email: str, decided_at: datetime
) -> bytes:
    """The iCalendar object that puts the entry into the recipient's calendar, or takes it out.

    Its organizer is the mailbox that answers are sent to: somebody reads it. DTSTAMP is when the
    message was decided, so that composing again gives the same bytes. Raises `ValueError` for an
    entry that cannot be.
    """
    name, email = parseaddr(settings.MAIL_REPLY_TO)
    description = entry_description(
        join_url=notice.join_url,
        booking_url=notice.booking_url,
        cancelling=notice.cancelling,
        instructions=notice.instructions,
    )
    if change.method == "CANCEL":
        description = cancelled_description(notice.booking_url)
    event = Event(
        uid=change.uid,
        sequence=change.sequence,
        stamp=decided_at,
        starts=change.starts,
        ends=change.ends,
        summary=entry_title(notice.title, number=notice.number, of=notice.of),
        location=notice.join_url or notice.where,
        description=description,
        url=notice.booking_url,
        organizer_name=name or the_partnership().name,
        organizer_email=email,
        attendee_name=to_name,
        attendee_email=to_email,
    )
    return cancellation(event) if change.method == "CANCEL" else invitation(event)
