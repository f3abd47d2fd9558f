"""Files between their upload and the import: kept for their coordinator, read by the worker.

An upload waits in a row of its own. The worker reads it and keeps what would be written, row by
row, for the page to show. One press later it reads it again, under the locks of an import: what it
finds then is written only if it is all that was shown.
"""

import base64
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import IntegrityError, OperationalError, transaction

from accounts.models import User
from booking.catalogue.importing.lettering import SAVE_AS, other_file
from booking.catalogue.importing.programme import FILES, Given, ImportPlan, Report
from booking.catalogue.importing.sheets import Sheet, best_header
from booking.catalogue.models import ProgrammeUpload
from booking.site.caching import count, remark, remarked
from booking.site.refusals import Refused
from booking.site.sealing import Sealed
from booking.site.wording import listed

log = structlog.get_logger(__name__)

MOST_BYTES = 5_000_000
KEPT = timedelta(hours=2)
_LONGEST_CELL = 200
# A failure that may pass: the next try comes 2, 4, 8 and so on seconds later, then no more.
_LONGEST_WAIT, _TRIES_SECONDS = 64, 600
# Where the header is found, in bytes.
_TOP = 50_000
State = ProgrammeUpload.State


class StillBusy(Refused):
    """The worker has these files in hand."""

    sentence = "Your files are being read or imported just now. Wait until that is done."


class NotAsShown(Refused):
    """What the press was about is not what is there."""

    sentence = "These files are not as they were shown. Look at what would change now."


def kind_of(given: Given) -> str:
    """Which of the files it is: by the names of its columns, else by its own name; or nothing."""
    name = given.name.lower()
    by_name = [kind for kind in FILES if kind.removesuffix(".csv") in name]
    # The names of columns are ASCII in every encoding that is read, but for NULs and a mark.
    top = given.content[:_TOP].replace(b"\0", b"").decode("latin-1").lstrip("ï»¿ÿþ")
    found = {
        kind: best_header(top, columns) / len(columns.required.split(","))
        for kind, columns in FILES.items()
    }
    best = max(FILES, key=lambda kind: (found[kind], kind in by_name))
    return best if found[best] > 0.5 else next(iter(by_name), "")


def upload_of(person: User, *, now: datetime) -> ProgrammeUpload | None:
    """What the person has uploaded and is still kept. The files themselves are not read."""
    mine = ProgrammeUpload.objects.filter(by=person, at__gt=now - KEPT)
    return mine.defer("files").first()


def add_files(*, files: Sequence[Given], by: User, now: datetime) -> list[str]:
    """Keep these files, each in place of the one of its kind, and have all of them read.

    Returns a sentence about each that is not taken; the others are. Raises `StillBusy`.
    """
    if len(files) > len(FILES):
        return [f"These are {len(files)} files. Upload {len(FILES)} at most, one of a kind."]
    refused: list[str] = []
    with transaction.atomic():
        upload = _lock_upload(by) or ProgrammeUpload(by=by, at=now)
        if upload.at <= now - KEPT or upload.state in (State.DONE, State.FAILED):
            upload.files = {}
        kept, taken = dict(upload.files), set()
        for given in files:
            kind = kind_of(given)
            if what := other_file(given.content):
                refused.append(f"{given.name} {what}, not a CSV file; {SAVE_AS}.")
            elif not kind:
                refused.append(
                    f"{given.name} is none of the files {listed(list(FILES))}: its first line must"
                    " have the names of their columns. Export one to see them."
                )
            elif kind in taken:
                refused.append(f"{given.name} is a second file of {kind}. Upload one of a kind.")
            else:
                taken.add(kind)
                content = Sealed.of(base64.b64encode(given.content).decode()).token
                kept[kind] = {"name": given.name, "content": content}
        if sum(len(each["content"]) for each in kept.values()) * 9 / 16 > MOST_BYTES:
            return [
                f"Together the files are larger than {MOST_BYTES // 1_000_000} MB. Divide them."
            ]
        if taken:
            upload.files, upload.at, upload.state = kept, now, State.READING
            upload.preview, upload.digest = {}, ""
            try:
                with transaction.atomic():
                    upload.save()
            except IntegrityError as pressed_twice:
                raise StillBusy from pressed_twice
            _say(upload, "Waiting to be read")
    return refused


def confirm(*, by: User, digest: str, now: datetime) -> None:
    """Have the worker import what was shown. Raises `NotAsShown` or `StillBusy`."""
    with transaction.atomic():
        upload = _lock_upload(by)
        if upload is None or upload.at <= now - KEPT or upload.state != State.SHOWN:
            raise NotAsShown
        if upload.digest != digest or upload.preview["problems"]:
            raise NotAsShown
        upload.state, upload.at = State.IMPORTING, now
        upload.save(update_fields=["state", "at"])
        _say(upload, "Waiting to be imported")


def discard(*, by: User) -> None:
    """Forget the files. Raises `StillBusy`."""
    with transaction.atomic():
        upload = _lock_upload(by)
        if upload:
            upload.delete()


def _lock_upload(by: User) -> ProgrammeUpload | None:
    """The person's upload, locked. Raises `StillBusy` rather than wait for the worker."""
    mine = ProgrammeUpload.objects.filter(by=by)
    upload = mine.select_for_update(skip_locked=True).first()
    if mine.exists() if upload is None else upload.state == State.IMPORTING:
        raise StillBusy
    return upload


def progress_of(upload: ProgrammeUpload) -> str:
    """How far the worker is, in words, or nothing."""
    return remarked(f"import:{upload.pk}")


def _say(upload: ProgrammeUpload, words: str) -> None:
    remark(f"import:{upload.pk}", words, seconds=int(KEPT.total_seconds()))


def work_on_uploads(*, now: datetime) -> None:
    """Read or import what waits for it, and forget what is old. May run twice, or be cut off."""
    ProgrammeUpload.objects.filter(at__lte=now - KEPT).delete()
    due = ProgrammeUpload.objects.filter(state__in=ProgrammeUpload.DUE).order_by("at")
    for key in list(due.values_list("pk", flat=True)):
        if not remarked(_waits(key)):
            _work_on(key, now=now)


def _work_on(key: int, *, now: datetime) -> None:
    """One upload, with its row locked: what is written and that it is written are one."""
    with transaction.atomic():
        due = ProgrammeUpload.objects.filter(pk=key, state__in=ProgrammeUpload.DUE)
        upload = due.select_for_update(skip_locked=True).first()
        if upload is None:
            return
        try:
            with transaction.atomic():
                _go_on(upload, now=now)
                upload.save()
        except OperationalError:
            # The database is away, or let somebody else go first.
            if not _try_later(upload):
                _give_up(upload)
        except Exception:  # noqa: BLE001 - logged, and said on the page
            _give_up(upload)


def _try_later(upload: ProgrammeUpload) -> bool:
    """Have the worker wait longer each time, and say so; whether it may be tried once more."""
    seconds = 2 ** count(f"import-failed:{upload.pk}", seconds=_TRIES_SECONDS)
    if seconds > _LONGEST_WAIT:
        return False
    log.warning("import_put_off", by=upload.by_id, seconds=seconds, exc_info=True)
    remark(_waits(upload.pk), "waits", seconds=seconds)
    _say(upload, f"That failed, and is tried again in {seconds} seconds")
    return True


def _waits(key: int) -> str:
    return f"import-waits:{key}"


def _give_up(upload: ProgrammeUpload) -> None:
    log.exception("import_failed", by=upload.by_id)
    upload.state, upload.preview, upload.digest = State.FAILED, {}, ""
    upload.save(update_fields=["state", "preview", "digest"])


def _go_on(upload: ProgrammeUpload, *, now: datetime) -> None:
    files = {
        kind: Given(each["name"], base64.b64decode(Sealed(each["content"]).opened()))
        for kind, each in upload.files.items()
    }
    writes = upload.state == State.IMPORTING
    plan = ImportPlan(
        files, now=now, by=upload.by, tell=lambda words: _say(upload, words), locks=writes
    )
    if writes and plan.digest == upload.digest:
        report = plan.write()
        upload.state, upload.files = State.DONE, {}
        upload.preview = {"report": _told(report), "notes": report.notes[:100]}
        log.info("programme_imported", by=upload.by_id, wrote=upload.preview["report"])
        return
    upload.state, upload.digest = State.SHOWN, plan.digest
    upload.preview = {**preview_of(plan), "meanwhile": writes}


def _told(report: Report) -> list[list[str]]:
    return [[table, str(tally)] for table, tally in report.tallies.items() if sum(tally.all)]


def preview_of(plan: ImportPlan) -> dict[str, Any]:
    """What would be written: each row with its file, line, name, what becomes of it, and why."""
    there = [sheet for sheet in plan.sheets.values() if sheet.is_there]
    rows = [row for sheet in there for row in _rows_of(sheet)]
    files = [
        {
            "name": sheet.name,
            "counts": {
                status: sum(row[0] == sheet.name and row[3] == status for row in rows)
                for status in ("new", "changed", "unchanged", "wrong")
            },
        }
        for sheet in there
    ]
    return {
        "files": files,
        "rows": rows,
        "problems": len(plan.problems),
        "notes": plan.notes[:100],
    }


def _rows_of(sheet: Sheet) -> Iterator[list[Any]]:
    wrong: dict[int, list[str]] = defaultdict(list)
    for problem in sheet.in_order:
        wrong[problem.line].append(f"{problem.column} {problem.reason}".strip()[:500])
    names = {row.line: row.outcome.name for row in sheet.rows}
    for line, reasons in wrong.items():
        yield [sheet.name, line, names.get(line, "")[:_LONGEST_CELL], "wrong", reasons]
    for row in sheet.rows:
        if row.line in wrong:
            continue
        outcome = row.outcome
        changes = [_cut(each) for each in outcome.says] + [
            f"{column}: {_cut(before) or 'empty'} becomes {_cut(after) or 'empty'}"
            for column, (before, after) in outcome.changes.items()
            if not outcome.is_new
        ]
        status = "new" if outcome.is_new else "changed" if outcome.changes else "unchanged"
        yield [sheet.name, row.line, _cut(outcome.name), status, changes]
    for line, column, cell in sheet.guessed:
        yield [sheet.name, line, _cut(names.get(line, "")), "letters", [f"{column}: {_cut(cell)}"]]


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[:_LONGEST_CELL]}…"
