"""Keeping a record of who looked at lists of people."""

from datetime import datetime

from accounts.models import User
from booking.attendance.models import AttendeeListAccess
from booking.catalogue.models import Session


def record_access(
    *, session: Session, by: User, form: AttendeeListAccess.Form, rows: int, now: datetime
) -> None:
    """Note that somebody saw, printed or downloaded a session's list of `rows` people."""
    AttendeeListAccess.objects.create(session=session, by=by, at=now, form=form, rows=rows)
