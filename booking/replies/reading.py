"""Reading the reply mailbox: one round, as often as the schedule says."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.utils import timezone

from booking.replies import actions
from booking.replies.intake import take_in
from booking.replies.mailbox import MailboxTrouble, ReplyMailbox
from booking.site.environment import ImapServer

log = structlog.get_logger(__name__)

# How long one round goes on; what is left is for the next.
_SECONDS = 60


@dataclass(frozen=True)
class Round:
    """What one round did. `trouble` says why the mailbox could not be read, if it could not."""

    done: int = 0
    listed: int = 0
    trouble: str = ""


def is_read_here() -> bool:
    """Whether this site reads a reply mailbox at all."""
    return settings.REPLIES_MAILBOX is not None


def read_replies(
    *, server: ImapServer | None = None, clock: Callable[[], datetime] = timezone.now
) -> Round:
    """Read what waits in the mailbox of the settings, if there is one.

    Each mail is acted on first and moved or flagged afterwards: whoever stops in between finds
    it again, and that it was acted on.
    """
    server = server or settings.REPLIES_MAILBOX
    if server is None:
        return Round()
    done = listed = 0
    trouble = ""
    try:
        with ReplyMailbox(server) as mailbox:
            until = time.monotonic() + _SECONDS
            for uid in mailbox.waiting():
                fetched = mailbox.fetch(uid)
                if fetched is None:
                    continue
                if take_in(fetched, now=clock()):
                    mailbox.put_away(uid)
                    done += 1
                else:
                    mailbox.leave_for_people(uid)
                    listed += 1
                if time.monotonic() > until:
                    break
    except MailboxTrouble as met:
        trouble = str(met)
        log.warning("reply_mailbox_trouble", trouble=trouble)
    actions.note_mailbox(trouble=trouble, now=clock())
    return Round(done=done, listed=listed, trouble=trouble)
