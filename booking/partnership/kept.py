"""The partnership's row as this process last read it.

Every page and mail needs it, so it is not asked for each time: a process keeps it for a second.
A change is seen by every web server and worker within that second; pages that are themselves kept
for visitors without a session (`booking.site.caching`) may show the old one for ten seconds more.
"""

import time
from email.utils import parseaddr, quote

from django.conf import settings

from booking.partnership.models import Partnership

KEPT_SECONDS = 1.0

# The row, and until when it is good, by the clock of `time.monotonic`.
_kept: tuple[Partnership, float] | None = None


def the_partnership() -> Partnership:
    """The partnership, at most a second old. Shared by the whole process: do not change it."""
    found = _kept
    if found is None or time.monotonic() >= found[1]:
        return read_again()
    return found[0]


def read_again() -> Partnership:
    """The partnership as it is now, for one statement. The bytes of its logo are not read."""
    row = Partnership.objects.defer("logo").first() or Partnership()
    keep(row)
    return row


def sender() -> str:
    """Who our mail is from: the partnership by its name, at the address of `MAIL_FROM`."""
    name = quote(" ".join(the_partnership().name.split()))
    return f'"{name}" <{parseaddr(settings.MAIL_FROM)[1]}>'


def keep(row: Partnership, *, seconds: float = KEPT_SECONDS) -> None:
    """Answer with this row for so long."""
    global _kept
    _kept = row, time.monotonic() + seconds


def forget() -> None:
    """Read the row when it is next asked for."""
    global _kept
    _kept = None
