"""Four calendar parsers, none of them ours and none sharing code, made to answer alike."""

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import icalendar
import pytest
import vobject

from tests.calendars import libical

_ICAL_JS = Path(__file__).parent / "ical_js"
_CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
_SECONDS = 120


@dataclass(frozen=True)
class Seen:
    """A VEVENT as a parser sees it: instants in UTC, or dates."""

    uid: str
    sequence: int
    summary: str
    starts: datetime | date
    ends: datetime | date
    status: str
    people: int

    @property
    def length(self) -> timedelta:
        """How long it lasts; fails for whole days."""
        assert isinstance(self.starts, datetime)
        assert isinstance(self.ends, datetime)
        return self.ends - self.starts


@dataclass(frozen=True)
class SeenCalendar:
    """A VCALENDAR as a parser sees it."""

    method: str | None
    events: tuple[Seen, ...]


Read = Callable[[bytes], SeenCalendar]


def read_with_icalendar(sent: bytes) -> SeenCalendar:
    """icalendar, in Python: Plone's and Home Assistant's."""
    calendar: Any = icalendar.Calendar.from_ical(sent)
    assert calendar.errors == []
    return SeenCalendar(
        method=calendar.get("METHOD"),
        events=tuple(
            Seen(
                uid=str(found["UID"]),
                sequence=int(found["SEQUENCE"]),
                summary=str(found["SUMMARY"]),
                starts=_in_utc(found.decoded("DTSTART")),
                ends=_in_utc(found.decoded("DTEND")),
                status=str(found["STATUS"]),
                people=len(found.attendees),
            )
            for found in calendar.walk("VEVENT")
        ),
    )


def read_with_vobject(sent: bytes) -> SeenCalendar:
    """vobject, in Python: Radicale's."""
    calendar: Any = vobject.readOne(sent.decode())
    return SeenCalendar(
        method=calendar.method.value if "method" in calendar.contents else None,
        events=tuple(
            Seen(
                uid=found.uid.value,
                sequence=int(found.sequence.value),
                summary=found.summary.value,
                starts=_in_utc(found.dtstart.value),
                ends=_in_utc(found.dtend.value),
                status=found.status.value,
                people=len(found.contents.get("attendee", [])),
            )
            for found in calendar.contents.get("vevent", [])
        ),
    )


def read_with_libical(sent: bytes) -> SeenCalendar:
    """libical, in C: Evolution's and KDE's. It also checks the rules of invitations (RFC 5546)."""
    try:
        seen = libical.read(sent)
    except libical.LibicalMissing as missing:
        cannot_run(str(missing))
    assert seen.errors == 0
    # A calendar to keep has no METHOD, and then there are no rules to check.
    assert seen.is_allowed or seen.method is None
    return SeenCalendar(
        method=seen.method,
        events=tuple(
            Seen(
                uid=each.uid,
                sequence=each.sequence,
                summary=each.summary,
                starts=each.starts,
                ends=each.ends,
                status=each.status,
                people=each.people,
            )
            for each in seen.events
        ),
    )


def read_with_ical_js(sent: bytes) -> SeenCalendar:
    """ical.js, in JavaScript: Thunderbird's and Nextcloud's.

    It knows no time zones but the one it is sent.
    """
    [seen] = read_all_with_ical_js([sent])
    return seen


def read_all_with_ical_js(calendars: Sequence[bytes]) -> list[SeenCalendar]:
    """What ical.js sees in each, with one run of Node or, where there is none, of Chromium."""
    texts = json.dumps([sent.decode() for sent in calendars])
    told = told_by_node(texts) or told_by_chromium(texts)
    if told is None:
        cannot_run("Neither Node nor Chromium is installed, so there is nothing to run ical.js.")
    return [
        SeenCalendar(
            method=calendar["method"] and calendar["method"].upper(),
            events=tuple(
                Seen(**found | {name: _parsed(found[name]) for name in ("starts", "ends")})
                for found in calendar["events"]
            ),
        )
        for calendar in json.loads(told)
    ]


EVERY_READER: tuple[Read, ...] = (
    read_with_icalendar,
    read_with_vobject,
    read_with_libical,
    read_with_ical_js,
)
every_parser = pytest.mark.parametrize("read", EVERY_READER)


def told_by_node(texts: str) -> str | None:
    """The JSON that ical.js answers to a JSON list of calendars; none without Node."""
    node = shutil.which("node")
    return node and _run([node, str(_ICAL_JS / "read.mjs")], texts)


def told_by_chromium(texts: str) -> str | None:
    """The same from a page, whose text goes in and out in base64; none without Chromium."""
    chromium = next(filter(None, map(shutil.which, _CHROMIUM_NAMES)), None)
    if chromium is None:
        return None
    page = f"""<!doctype html><meta charset="utf-8"><pre id="seen"></pre><script type="module">
      import ICAL from "{_as_address(_ICAL_JS / "ical.min.js")}";
      import {{ seen }} from "{_as_address(_ICAL_JS / "seen.mjs")}";
      const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      const texts = new TextDecoder().decode(bytes("{_in_base64(texts.encode())}"));
      const told = new TextEncoder().encode(JSON.stringify(seen(ICAL, JSON.parse(texts))));
      document.getElementById("seen").textContent =
        btoa(Array.from(told, (octet) => String.fromCharCode(octet)).join(""));
    </script>"""
    with tempfile.TemporaryDirectory() as folder:
        written = Path(folder) / "page.html"
        written.write_text(page, encoding="utf-8")
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/user"]
        shown = _run([chromium, *quiet, "--dump-dom", written.as_uri()], "")
    found = re.search(r'<pre id="seen">([^<]+)</pre>', shown)
    assert found, f"The page did not answer:\n{shown[-2000:]}"
    return base64.b64decode(found.group(1)).decode()


@cache
def _as_address(script: Path) -> str:
    return f"data:text/javascript;base64,{_in_base64(script.read_bytes())}"


def _in_base64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _run(command: list[str], told: str) -> str:
    run = subprocess.run(
        command, input=told, capture_output=True, encoding="utf-8", check=True, timeout=_SECONDS
    )
    return run.stdout


def cannot_run(why: str) -> NoReturn:
    """Skip, or fail where every test must run (`REQUIRE_BROWSER`, as `.ci/run` sets it)."""
    if os.environ.get("REQUIRE_BROWSER"):
        pytest.fail(why)
    pytest.skip(why)


def _in_utc(moment: datetime | date) -> datetime | date:
    return moment.astimezone(UTC) if isinstance(moment, datetime) else moment


def _parsed(text: str) -> datetime | date:
    return datetime.fromisoformat(text) if "T" in text else date.fromisoformat(text)
