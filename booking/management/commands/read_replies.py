"""`manage.py read_replies`: reads the reply mailbox once, as the worker does every minute."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from booking.replies.reading import read_replies
from booking.site.wording import counted


class Command(BaseCommand):
    """Says how many mails were dealt with and how many somebody must read."""

    help = "Read answers of calendars and reports of mail servers from REPLIES_IMAP_URL, once."

    def handle(self, *args: Any, **options: Any) -> None:
        """Read and report; an unreadable mailbox is an error."""
        if settings.REPLIES_MAILBOX is None:
            self.stdout.write("REPLIES_IMAP_URL is not set: no mailbox is read.")
            return
        found = read_replies()
        self.stdout.write(f"{counted(found.done, 'mail')} dealt with, {found.listed} to be read.")
        if found.trouble:
            raise CommandError(f"The mailbox could not be read: {found.trouble}")
