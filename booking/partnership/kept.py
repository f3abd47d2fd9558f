"""The partnership's row: as this process last read it, and how it is changed.

Every page and mail needs it, so it is not asked for each time: a process keeps it for a second.
A change is seen by every web server and worker within that second; pages that are themselves kept
for visitors without a session (`booking.site.two_parts`) may show the old one for ten seconds more.
The foot of a page is kept by the row's revision, which every change of it raises.
"""

import time
from collections.abc import Mapping
from email.utils import quote

import structlog
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

from booking.partnership.models import ONLY_KEY, Partnership
from booking.site.environment import name_and_address
from booking.site.refusals import Refused

log = structlog.get_logger(__name__)

KEPT_SECONDS = 1.0

# The row, and until when it is good, by the clock of `time.monotonic`.
_kept: tuple[Partnership, float] | None = None


def the_partnership() -> Partnership:
    """The partnership, at most a second old. Shared by the whole process: do not change it."""
    found = _kept
    if found is None or time.monotonic() >= found[1]:
        return read_again()
    return found[0]


def in_templates(request: HttpRequest) -> dict[str, Partnership]:
    """What every page's template may count on."""
    return {"partnership": the_partnership()}


def read_again() -> Partnership:
    """The partnership as it is now, for one statement. The bytes of its logo are not read."""
    row = Partnership.objects.defer("logo").first() or Partnership()
    keep(row)
    return row


def sender() -> str:
    """Who our mail is from: the partnership by its name, at the address of `MAIL_FROM`."""
    name = quote(" ".join(the_partnership().name.split()))
    return f'"{name}" <{name_and_address(settings.MAIL_FROM)[1]}>'


def keep(row: Partnership, *, seconds: float = KEPT_SECONDS) -> None:
    """Answer with this row for so long."""
    global _kept
    _kept = row, time.monotonic() + seconds


def forget() -> None:
    """Read the row when it is next asked for."""
    global _kept
    _kept = None


class SettingsChangedMeanwhile(Refused):
    """Somebody else changed the partnership since it was shown."""

    sentence = (
        "Somebody else has changed these settings meanwhile. What you typed is still here: save"
        " it again to put it in place of theirs."
    )


def change(
    *, values: Mapping[str, object], by: int | None, expected_revision: int | None = None
) -> None:
    """Write these columns of the partnership's row, which is made if there is none yet.

    `by` is the key of the person who changes it; the log says who changed which columns.
    Raises `SettingsChangedMeanwhile` if `expected_revision` is not the stored one.
    """
    with transaction.atomic():
        rows = Partnership.objects.select_for_update()
        row, _ = rows.get_or_create(pk=ONLY_KEY)
        if expected_revision not in (None, row.revision):
            raise SettingsChangedMeanwhile
        changed = [name for name, value in values.items() if getattr(row, name) != value]
        if changed:
            for name in changed:
                setattr(row, name, values[name])
            row.revision += 1
            row.save(update_fields=[*changed, "revision"])
    forget()
    if changed:
        log.info("partnership_changed", by=by, columns=changed, revision=row.revision)
