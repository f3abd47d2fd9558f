"""`manage.py reseal`: seal the addresses of meetings with the newest key."""

from typing import Any

from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from booking.catalogue.models import Session
from booking.site.sealing import Sealed

_BATCH = 500


class Command(BaseCommand):
    """Seals each address with the first of `MEETING_KEYS`; may be interrupted and run twice."""

    help = (
        "Seal the addresses of meetings with the first of MEETING_KEYS. Run it once the new key"
        " stands first everywhere; afterwards the old ones can be taken out."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal in batches, each under the lock of its sessions, and say how many there were.

        Raises `CommandError` that names those that no key opens; they stay as they are.
        """
        number, after = 0, 0
        unreadable: list[str] = []
        while True:
            with transaction.atomic():
                sealed = (
                    Session.objects.exclude(meeting=Sealed()).filter(pk__gt=after).order_by("pk")
                )
                batch = list(
                    sealed.select_for_update(no_key=True).only("meeting", "reference")[:_BATCH]
                )
                for session in batch:
                    try:
                        session.meeting = session.meeting.anew()
                    except InvalidToken:
                        unreadable.append(session.reference)
                Session.objects.bulk_update(batch, ["meeting"])
            if not batch:
                break
            number, after = number + len(batch), batch[-1].pk
        self.stdout.write(f"Sealed anew: {number - len(unreadable)}.")
        if unreadable:
            raise CommandError(f"No key opens {len(unreadable)}: {', '.join(unreadable)}.")
