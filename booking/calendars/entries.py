"""Sittings and diary dates as calendar entries, written from nothing but their rows."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from email.utils import parseaddr
from itertools import groupby

from django.conf import settings
from django.urls import reverse

from accounts.models import Agency
from booking.calendars.ics import AllDay, Event
from booking.calendars.rows import BookingRow, DiaryRow, SessionRow
from booking.catalogue.models import CancellationPolicy, Session
from booking.catalogue.sittings import SittingTimes
from booking.partnership.kept import the_partnership
from booking.places.announcements import calendar_uid
from booking.places.models import Booking
from booking.places.terms import terms
from booking.site.wording import counted, deadline


def _organizer() -> tuple[str, str]:
    name, address = parseaddr(settings.MAIL_REPLY_TO)
    return name or the_partnership().name, address


def _is_online(row: SessionRow | BookingRow) -> bool:
    return row.delivery == Session.Delivery.ONLINE


def _location(row: SessionRow | BookingRow) -> str:
    if _is_online(row):
        return "Online"
    return f"{row.venue}, {row.address}" if row.venue else "To be announced"


def session_events(rows: Iterable[SessionRow]) -> Iterator[Event]:
    """What the public may know of sessions: no join link, nobody's name.

    UIDs differ from those of a person's own booking, so that keeping both does not mix them up.
    """
    for _, group in groupby(rows, key=lambda row: row.session):
        sittings = list(group)
        row = sittings[0]
        page = settings.SITE_URL + reverse("session", args=[row.session])
        yield from _events_of(
            sittings,
            prefix="session",
            location=_location(row),
            description=f"{row.summary}\n\nDetails and booking: {page}".strip(),
            page=page,
        )


def led_session_events(rows: Iterable[SessionRow]) -> Iterator[Event]:
    """What a session's trainer sees: how many come, never who; the join link, if online."""
    for _, group in groupby(rows, key=lambda row: row.session):
        sittings = list(group)
        row = sittings[0]
        page = settings.SITE_URL + reverse("attendees", args=[row.session])
        is_off = row.state == Session.State.CANCELLED
        join_url = row.join_url if _is_online(row) and not is_off else ""
        yield from _events_of(
            sittings,
            prefix="led",
            location=join_url or _location(row),
            description=_trainers_words(row, join_url=join_url, page=page),
            page=page,
        )


def _trainers_words(row: SessionRow, *, join_url: str, page: str) -> str:
    taken = f"{row.places_taken} of {counted(row.capacity, 'place')} taken"
    lines = [f"{taken}, {row.waiting_count} waiting." if row.waiting_count else f"{taken}."]
    if join_url:
        lines.append(f"Join: {join_url}")
    lines.append(f"Who is coming: {page}")
    if instructions := row.instructions.strip():
        lines += ["", instructions]
    return "\n".join(lines)


def _events_of(
    sittings: list[SessionRow], *, prefix: str, location: str, description: str, page: str
) -> Iterator[Event]:
    """One event for each sitting; the prefix keeps its UIDs apart from those of other feeds."""
    name, address = _organizer()
    domain = address.rpartition("@")[2]
    for number, row in enumerate(sittings, start=1):
        title = entry_title(row.title, number=number, of=len(sittings))
        is_off = row.state == Session.State.CANCELLED
        yield Event(
            uid=f"{prefix}-{row.session}-{row.sitting}@{domain}",
            sequence=row.revision,
            stamp=row.changed_at,
            starts=row.starts_at,
            ends=row.ends_at,
            summary=cancelled_title(title) if is_off else title,
            location=location,
            description=cancelled_description(page) if is_off else description,
            url=page,
            organizer_name=name,
            organizer_email=address,
            cancelled=is_off,
        )


def booking_events(rows: Iterable[BookingRow]) -> Iterator[Event]:
    """A person's own bookings: the same UIDs as in the invitations they were sent.

    Costs two statements more for the policies, which never change, if they have any.
    """
    name, address = _organizer()
    rows = list(rows)
    used = {row.policy for row in rows if row.policy is not None}
    policies = CancellationPolicy.objects.prefetch_related("bands").in_bulk(used) if used else {}
    for _, group in groupby(rows, key=lambda row: row.booking):
        sittings = list(group)
        first = sittings[0]
        page = settings.SITE_URL + reverse("booking", args=[first.booking])
        is_certain = first.state == Booking.State.CONFIRMED
        join_url = first.join_url if is_certain and _is_online(first) else ""
        if is_certain:
            description = entry_description(
                join_url=join_url,
                booking_url=page,
                cancelling=_cancelling(sittings, policies.get(first.policy or 0)),
                instructions=first.instructions,
            )
        else:
            description = _uncertain_words(first, page)
        key = Booking(calendar_key=first.calendar_key, calendar_domain=first.calendar_domain)
        for number, row in enumerate(sittings, start=1):
            yield Event(
                uid=calendar_uid(key, row.sitting),
                sequence=row.sequence,
                stamp=row.stamp,
                starts=row.starts_at,
                ends=row.ends_at,
                summary=_title(row, number=number, of=len(sittings)),
                location=join_url or _location(row),
                description=description,
                url=page,
                organizer_name=name,
                organizer_email=address,
                cancelled=row.state == Booking.State.CANCELLED,
                tentative=row.state == Booking.State.OFFERED,
            )


def _title(row: BookingRow, *, number: int, of: int) -> str:
    """A title that says at once whether the place is certain."""
    title = entry_title(row.title, number=number, of=of)
    if row.state == Booking.State.CANCELLED:
        return cancelled_title(title)
    return offered_title(title) if row.state == Booking.State.OFFERED else title


def _uncertain_words(row: BookingRow, page: str) -> str:
    """Of a place that is offered or was lost: nothing that is for people with a place only."""
    if row.state == Booking.State.OFFERED and row.offered_until is not None:
        return offered_description(until=row.offered_until, booking_url=page)
    return cancelled_description(page)


def _cancelling(sittings: list[BookingRow], policy: CancellationPolicy | None) -> str:
    """The terms of cancelling as they were told when the entry was last changed."""
    first = sittings[0]
    agency = None
    if first.sector is not None:
        agency = Agency(
            sector=first.sector,
            trainers_in_kind=bool(first.gives_trainers),
            annual_turnover_pence=first.turnover_pence,
        )
    times = [SittingTimes(row.sitting, row.starts_at, row.ends_at) for row in sittings]
    return terms(policy, agency, times, until=first.free_until).sentence(now=first.stamp)


def diary_entries(rows: Iterable[DiaryRow]) -> Iterator[AllDay]:
    """Awareness days and weeks as whole days."""
    domain = _organizer()[1].rpartition("@")[2]
    for row in rows:
        yield AllDay(
            uid=f"diary-{row.key}@{domain}",
            stamp=row.changed_at,
            first=row.starts,
            last=row.ends,
            summary=row.title,
        )


def entry_title(title: str, *, number: int, of: int) -> str:
    """The session's title, with which date it is when there are several."""
    return title if of == 1 else f"{title} (date {number} of {of})"


def cancelled_title(title: str) -> str:
    """The title of an entry in a feed that is off: not every calendar shows the entry's STATUS."""
    return f"Cancelled: {title}"


def cancelled_description(page: str) -> str:
    """What an entry says that is off, whoever had it."""
    return f"This has been cancelled. Details: {page}"


def offered_title(title: str) -> str:
    """The title of an entry for a place that is only offered."""
    return f"Offered: {title}"


def offered_description(*, until: datetime, booking_url: str) -> str:
    """What the entry of an offer says: until when the place is held, and where to answer."""
    return (
        f"This place is not yours yet. It is held for you until {deadline(until)}."
        f" Accept or decline it here: {booking_url}"
    )


def entry_description(
    *, join_url: str, booking_url: str, cancelling: str, instructions: str = ""
) -> str:
    """What a person reads in their own entry, in plain text.

    `cancelling` says until when giving up the place is free and what it costs after that.
    """
    lines = [f"Join: {join_url}"] if join_url else []
    lines += [
        f"Your booking: {booking_url}",
        "Deleting or declining this entry does not cancel your place. "
        f"To cancel, use {booking_url}",
        cancelling,
    ]
    if instructions.strip():
        lines += ["", instructions.strip()]
    return "\n".join(lines)
