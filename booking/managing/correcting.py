"""Correcting an address, with all that hangs on the one before."""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from booking.calendars.actions import revoke_all_feeds
from booking.outbox import remedies
from booking.outbox.models import Message
from booking.outbox.remedies import Corrected


def correct_address(
    *, message: Message, to_email: str, by: User, why: str, now: datetime
) -> Corrected:
    """Send a message to another address, as `booking.outbox.remedies.correct_address` does.

    With the account's address its private calendar addresses end as well: somebody at the wrong
    address may have taken one. Raises what that raises.
    """
    with transaction.atomic():
        done = remedies.correct_address(message=message, to_email=to_email, by=by, why=why, now=now)
        if done.with_account and message.recipient is not None:
            revoke_all_feeds(person=message.recipient, now=now)
    return done
