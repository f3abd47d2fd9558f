"""Europe/London as calendar programs are told it, and as they must not be told it.

Pure: no database, no clock, no Django.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

TZID = "Europe/London"
LONDON = ZoneInfo(TZID)

# RFC 5545 section 3.6.5. Two yearly rules instead of the list of single changes that icalendar
# generates: ical.js and vobject read such a list's winters an hour early, and Exchange refuses it.
# Each DTSTART is a local time under the offset *before* the change, and itself the last Sunday of
# its month, as the rule demands. Both changes happen at 01:00 UTC. The rule is right from 1996 on;
# a test compares it with the system's own zone for every hour this site will offer.
VTIMEZONE = (
    "BEGIN:VTIMEZONE",
    f"TZID:{TZID}",
    "BEGIN:DAYLIGHT",
    "DTSTART:19700329T010000",
    "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU",
    "TZOFFSETFROM:+0000",
    "TZOFFSETTO:+0100",
    "TZNAME:BST",
    "END:DAYLIGHT",
    "BEGIN:STANDARD",
    "DTSTART:19701025T020000",
    "RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU",
    "TZOFFSETFROM:+0100",
    "TZOFFSETTO:+0000",
    "TZNAME:GMT",
    "END:STANDARD",
    "END:VTIMEZONE",
)


def utc(moment: datetime, *, called: str) -> datetime:
    """The same instant in UTC, to the second, which is as fine as iCalendar goes.

    `called` names the value in the refusal. Raises `ValueError` if `moment` has no time zone.
    """
    if moment.utcoffset() is None:
        raise ValueError(f"The {called} needs a time zone, and {moment.isoformat()} has none.")
    return moment.astimezone(UTC).replace(microsecond=0)


def is_repeated(moment: datetime) -> bool:
    """Whether the London clock shows this moment's time twice, as between 1am and 2am on the last
    Sunday of October."""
    local = moment.astimezone(LONDON)
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
