"""Changing what coordinators decide about the whole site."""

from collections.abc import Mapping

import structlog
from django.db import transaction

from booking.partnership import kept
from booking.partnership.models import ONLY_KEY, Partnership
from booking.site.refusals import Refused

log = structlog.get_logger(__name__)


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
    kept.forget()
    if changed:
        log.info("partnership_changed", by=by, columns=changed, revision=row.revision)
