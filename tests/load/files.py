"""2,000 sessions in, out, and in again, each by the code behind the page."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from booking.catalogue.importing import uploads
from booking.catalogue.importing.export import programme_file
from booking.catalogue.importing.programme import FILES, Given
from booking.catalogue.models import ProgrammeUpload, Session
from booking.site.wording import LONDON
from tests.factories import make_coordinator
from tests.load.report import Line, Target

_SESSIONS = 2_000
_SECONDS = 30
_HEADER = FILES["sessions.csv"].required
_COURSE = (
    "code,title,kind,level,audience,hours,sittings,capacity,per_agency_limit,renew_months,"
    "manager_approval,prerequisite,summary\nFILES,Files,training,1,,3,1,20,5,0,no,,\n"
)


def measure() -> Iterator[Line]:
    """Each way, and the whole way round; everything is taken back."""
    with transaction.atomic():
        lines = list(_measured())
        transaction.set_rollback(True)
    yield from lines


def _measured() -> Iterator[Line]:
    by = make_coordinator("files@bench.example")
    files = [Given("courses.csv", _COURSE.encode()), Given("sessions.csv", _sessions())]
    made = [
        _took("read and compared", lambda: _read(files, by)),
        _took("imported", lambda: _go(by)),
    ]
    stored = Session.objects.filter(reference__startswith="F").count()
    out: list[Given] = []
    made.append(
        _took(
            "exported", lambda: out.extend(Given(kind, programme_file(kind)[0]) for kind in FILES)
        )
    )
    made.append(_took("read and compared again", lambda: _read(out, by)))
    rows = ProgrammeUpload.objects.get(by=by).preview["rows"]
    same = all(row[3] == "unchanged" for row in rows)
    round_trip = made[2].seconds + made[3].seconds
    for each in made:
        yield Line(name=f"files: {each.name}", p50=1000 * each.seconds)
    yield Line(
        name="files: out and in again",
        p50=1000 * round_trip,
        target=Target(words=f"< {_SECONDS} s, nothing changed", met=same and round_trip < _SECONDS),
        note=f"{stored:,} sessions in {len(rows):,} rows of {len(FILES)} files.",
    )


@dataclass(frozen=True)
class _Step:
    """How long one step took."""

    name: str
    seconds: float


def _took(name: str, step: Callable[[], object]) -> _Step:
    began = time.perf_counter()
    step()
    return _Step(name, time.perf_counter() - began)


def _read(files: list[Given], by: User) -> None:
    uploads.add_files(files=files, by=by, now=timezone.now())
    uploads.work_on_uploads(now=timezone.now())


def _go(by: User) -> None:
    digest = ProgrammeUpload.objects.get(by=by).digest
    uploads.confirm(by=by, digest=digest, now=timezone.now())
    uploads.work_on_uploads(now=timezone.now())
    assert ProgrammeUpload.objects.get(by=by).state == ProgrammeUpload.State.DONE


def _sessions() -> bytes:
    first = timezone.now().astimezone(LONDON).replace(hour=9, minute=30, second=0, microsecond=0)
    lines = [_HEADER]
    for number in range(_SESSIONS):
        begins = (first + timedelta(days=30 + number % 300)).replace(tzinfo=None)
        sittings = ";".join(
            f"{day:%d/%m/%Y} 09:30/12:30" for day in (begins, begins + timedelta(days=7))
        )
        lines.append(
            f'F{number:04},FILES,"{sittings}",in person,Room {number % 40},{number % 40} Road,'
            f",20,5,trainer{number % 25}@bench.example"
        )
    return "\n".join(lines).encode()
