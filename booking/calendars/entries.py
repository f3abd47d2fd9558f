"""Sittings and diary dates as calendar entries, written from nothing but what is stored."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial

from django.conf import settings
from django.urls import reverse

from booking.calendars.ics import AllDay, Event
from booking.catalogue.models import DiaryDate, Session
from booking.partnership.kept import the_partnership
from booking.places.links import join_path, trainer_join_path
from booking.places.models import Booking
from booking.places.news.drafts import calendar_uid
from booking.places.terms import terms_of
from booking.site.environment import name_and_address
from booking.site.wording import counted, deadline


def session_events(sessions: Iterable[Session]) -> Iterator[Event]:
    """What the public may know of sessions: no join link, nobody's name.

    UIDs differ from those of a person's own booking, so that keeping both does not mix them up.
    """
    for session in sessions:
        page = settings.SITE_URL + session.get_absolute_url()
        yield from _events_of(
            session,
            uid=partial(_uid, "session", session.pk),
            is_off=_is_off(session),
            description=f"{session.course.summary}\n\nDetails and booking: {page}".strip(),
            page=page,
        )


def led_session_events(sessions: Iterable[Session], trainer_id: int) -> Iterator[Event]:
    """What a session's trainer sees: how many come, never who; their join link, if online."""
    for session in sessions:
        page = settings.SITE_URL + reverse("attendees", args=[session.pk])
        waiting = f", {session.waiting_count} waiting" if session.waiting_count else ""
        taken = f"{session.places_taken} of {counted(session.capacity, 'place')} taken{waiting}."
        is_joined = session.is_online and not _is_off(session)
        path = trainer_join_path(session.pk, trainer_id)
        join_url = f"{settings.SITE_URL}{path}" if is_joined else ""
        yield from _events_of(
            session,
            uid=partial(_uid, "led", session.pk),
            is_off=_is_off(session),
            location=join_url,
            description=_described(
                taken,
                f"Join: {join_url}" if join_url else "",
                f"Who is coming: {page}",
                instructions=session.joining_instructions,
            ),
            page=page,
        )


def booking_events(bookings: Iterable[Booking]) -> Iterator[Event]:
    """A person's own bookings: the same UIDs as in the invitations they were sent."""
    for booking in bookings:
        session = booking.session
        page = settings.SITE_URL + booking.get_absolute_url()
        stamp = max(filter(None, (session.changed_at, booking.confirmed_at, booking.ended_at)))
        is_certain = booking.state == Booking.State.CONFIRMED
        is_joined = is_certain and session.is_online
        join_url = f"{settings.SITE_URL}{join_path(booking.join_key)}" if is_joined else ""
        # The way in is for people whose place is certain, and for nobody else.
        if is_certain:
            description = entry_description(
                join_url=join_url,
                booking_url=page,
                # As they were told when the entry was last changed.
                cancelling=terms_of(booking).sentence(now=stamp),
                instructions=session.joining_instructions,
            )
        elif booking.offered_until:
            description = (
                "This place is not yours yet. It is held for you until"
                f" {deadline(booking.offered_until)}. Accept or decline it here: {page}"
            )
        else:
            description = cancelled_description(page)
        yield from _events_of(
            session,
            uid=partial(calendar_uid, booking),
            sequence=booking.calendar_sequence,
            stamp=stamp,
            location=join_url,
            description=description,
            page=page,
            is_off=booking.state == Booking.State.CANCELLED,
            is_offered=booking.state == Booking.State.OFFERED,
        )


def _events_of(
    session: Session,
    *,
    uid: Callable[[int], str],
    description: str,
    page: str,
    is_off: bool,
    is_offered: bool = False,
    location: str = "",
    sequence: int | None = None,
    stamp: datetime | None = None,
) -> Iterator[Event]:
    """One event for each sitting. Its title says whether it is off or only offered, as not every
    calendar shows an entry's STATUS; without a location of its own it is where the session is."""
    name, address = _organizer()
    sittings = session.sittings.all()
    mark = "Cancelled: " if is_off else "Offered: " if is_offered else ""
    for number, sitting in enumerate(sittings, start=1):
        yield Event(
            uid=uid(sitting.pk),
            sequence=session.revision if sequence is None else sequence,
            stamp=stamp or session.changed_at,
            starts=sitting.starts_at,
            ends=sitting.ends_at,
            summary=mark + entry_title(session.course.title, number=number, of=len(sittings)),
            location=location or _location(session),
            description=cancelled_description(page) if is_off else description,
            url=page,
            organizer_name=name,
            organizer_email=address,
            cancelled=is_off,
            tentative=is_offered,
        )


def diary_entries(dates: Iterable[DiaryDate]) -> Iterator[AllDay]:
    """Awareness days and weeks as whole days."""
    for each in dates:
        yield AllDay(
            uid=_uid("diary", each.pk),
            stamp=each.changed_at,
            first=each.starts,
            last=each.ends,
            summary=each.title,
        )


def entry_title(title: str, *, number: int, of: int) -> str:
    """The session's title, with which date it is when there are several."""
    return title if of == 1 else f"{title} (date {number} of {of})"


def cancelled_description(page: str) -> str:
    """What an entry says that is off, whoever had it."""
    return f"This has been cancelled. Details: {page}"


def entry_description(
    *, join_url: str, booking_url: str, cancelling: str, instructions: str = ""
) -> str:
    """What a person reads in their own entry, in plain text.

    `cancelling` says until when giving up the place is free and what it costs after that.
    """
    return _described(
        f"Join: {join_url}" if join_url else "",
        f"Your booking: {booking_url}",
        "Deleting or declining this entry does not cancel your place. "
        f"To cancel, use {booking_url}",
        cancelling,
        instructions=instructions,
    )


def _described(*lines: str, instructions: str) -> str:
    return "\n".join(filter(None, lines)) + f"\n\n{instructions.strip()}".rstrip()


def _is_off(session: Session) -> bool:
    return session.state == Session.State.CANCELLED


def _location(session: Session) -> str:
    venue = None if session.is_online else session.venue
    return f"{venue.name}, {venue.address}" if venue else session.where


def _organizer() -> tuple[str, str]:
    name, address = name_and_address(settings.MAIL_REPLY_TO)
    return name or the_partnership().name, address


def _uid(kind: str, *keys: int) -> str:
    """The UID of an entry that is nobody's booking."""
    return f"{'-'.join((kind, *map(str, keys)))}@{_organizer()[1].rpartition('@')[2]}"
