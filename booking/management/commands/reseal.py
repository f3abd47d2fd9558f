"""`manage.py reseal`: seal meeting addresses and secrets of second steps with the newest key."""

from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.fernet import InvalidToken
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.db.models import Model, QuerySet

from accounts.second_step import SECRETS, seal_anew
from booking.catalogue.models import Session
from booking.site.sealing import Sealed

_BATCH = 500


class Command(BaseCommand):
    """Seals each with the first of `MEETING_KEYS`; may be interrupted and run twice."""

    help = (
        "Seal the addresses of meetings, and the secrets of authenticator apps and recovery codes,"
        " with the first of MEETING_KEYS. Run it once the new key stands first everywhere;"
        " afterwards the old ones can be taken out."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Seal in batches, each under the lock of its rows, and say how many there were.

        Raises `CommandError` that names those that no key opens; they stay as they are.
        """
        sessions = Session.objects.exclude(meeting=Sealed()).only("meeting", "reference")
        steps = Authenticator.objects.filter(type__in=SECRETS).only("type", "data", "user")
        unreadable = [
            *(each.reference for each in self._seal(sessions, "meeting", _seal_meeting)),
            *(f"person {each.user_id}" for each in self._seal(steps, "data", seal_anew)),
        ]
        if unreadable:
            raise CommandError(f"No key opens {len(unreadable)}: {', '.join(unreadable)}.")

    def _seal[Row: Model](
        self, rows: QuerySet[Row], column: str, seal: Callable[[Row], None]
    ) -> list[Row]:
        """Returns those that no key opens."""
        number, after = 0, 0
        unreadable: list[Row] = []
        while True:
            with transaction.atomic():
                found = rows.filter(pk__gt=after).order_by("pk").select_for_update(no_key=True)
                batch = list(found[:_BATCH])
                for row in batch:
                    try:
                        seal(row)
                    except InvalidToken:
                        unreadable.append(row)
                rows.model._default_manager.bulk_update(batch, [column])
            if not batch:
                break
            number, after = number + len(batch), batch[-1].pk
        words = rows.model._meta.verbose_name_plural
        self.stdout.write(f"Sealed anew, {words}: {number - len(unreadable)}.")
        return unreadable


def _seal_meeting(session: Session) -> None:
    session.meeting = session.meeting.anew()
