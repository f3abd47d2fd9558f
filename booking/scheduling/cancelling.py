"""Calling off a session, and offering other dates of its course to those who had a place."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import F

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent
from booking.outbox import posting as outbox
from booking.places import actions, history
from booking.places.changing import exchanges
from booking.places.events import BookingEvent
from booking.places.lock import RuledSession, locked, read_practitioners, sittings_of
from booking.places.managers import asking
from booking.places.managers.copies import with_copies
from booking.places.models import Booking
from booking.places.news import sessions as session_news
from booking.places.news.sessions import NextDate
from booking.places.refusals import PlaceRefused, SessionStarted
from booking.places.rules.decision import against_course, check_changeable
from booking.scheduling import guests, trainers
from booking.site.wording import day, listed, short_day

# People in line for each of several dates.
type Lines = list[tuple[Session, list[User]]]


class NextDateGone(PlaceRefused):
    """A date that was to be offered takes no bookings."""

    def __init__(self, session: Session) -> None:
        self.sentence = (
            f"{session.reference} on {short_day(session.starts_at)} cannot be offered any more."
            " Choose the next dates again."
        )


@dataclass(frozen=True)
class NextDates:
    """Other dates of the same course, the first to be filled first, and until when to answer."""

    sessions: Sequence[Session]
    until: datetime


def cancel_session(
    *,
    session: Session,
    by: User,
    now: datetime,
    why: str,
    instead: NextDates | None = None,
) -> int:
    """Call off a session, for a reason that everybody with a live booking is told.

    Whoever held a place is put in line for one of the dates `instead`, ahead of newcomers and in
    the order in which places were confirmed, and told of it in the same mail. Returns how many
    bookings ended. Raises `SessionNotOpen` if it was cancelled or is over, `SessionStarted` once
    it has begun, and `NextDateGone`.
    """
    others = list(instead.sessions) if instead else []
    with locked(session.pk, *(date.pk for date in others)) as held:
        ruled = held[session.pk]
        off = ruled.session
        check_changeable(off)
        if off.starts_at <= now:
            raise SessionStarted(off)
        dates = [held[each.pk].session for each in others]
        for date in dates:
            if not _can_be_offered(date, off, now=now):
                raise NextDateGone(date)
        invited = _put_in_line(ruled, held, dates, instead, by=by, now=now)
        off.state = Session.State.CANCELLED
        off.cancellation_reason = why
        off.revision += 1
        off.changed_at = now
        off.save(update_fields=["state", "cancellation_reason", "revision", "changed_at"])
        SessionEvent.objects.create(session=off, at=now, by=by, what=_words(dates), why=why)
        trainers.tell_of_end(off, why=why, now=now)
        guests.tell_of_end(off, why=why, now=now)
        ended = _end_all(ruled, by=by, now=now, why=why, next_dates=_next_dates(dates, invited))
    for date in dates:
        exchanges.give_in_turn(date, invited[date.pk], why=_why(off), now=now)
    return ended


def _end_all(
    ruled: RuledSession,
    *,
    by: User,
    now: datetime,
    why: str,
    next_dates: Mapping[int | None, Sequence[NextDate]],
) -> int:
    """End every live booking of a session that will not take place, and tell everybody.

    `next_dates` are told to each person by their key, to everybody else those under no key. The
    caller has marked the session cancelled.
    """
    session = ruled.session
    sittings = sittings_of(session)
    live = Booking.objects.for_session(session).live()
    bookings = list(live.select_related("person", "approval"))
    confirmed = {booking.pk for booking in bookings if booking.state == Booking.State.CONFIRMED}
    actions.take_all_back(bookings, session, now=now)
    asking.close(bookings, ruled.rules, now=now)
    history.record(bookings, BookingEvent.What.SESSION_CANCELLED, by=by, now=now, why=why)
    drafts = [
        draft
        for booking in bookings
        for draft in session_news.session_cancelled(
            booking,
            sittings,
            had_a_place=booking.pk in confirmed,
            why=why,
            next_dates=next_dates.get(booking.person_id, next_dates[None]),
        )
    ]
    outbox.post(with_copies(drafts, ruled.rules, bookings), now=now)
    return len(bookings)


def spread(off: RuledSession, dates: Sequence[Session], *, now: datetime) -> Lines:
    """Who would be put in line for which date: each date as far as it has places, then the first.

    Only those who hold a place, in the order in which it was confirmed; whoever has a live
    booking on one of the dates already, or may not book the course, is left out.
    """
    there = Booking.objects.live().filter(session__in=[date.pk for date in dates])
    holders = (
        Booking.objects.for_session(off.session)
        .holding_a_place()
        .exclude(person__in=there.values("person"))
        .select_related("person")
        .order_by(F("confirmed_at").asc(nulls_last=True), "booked_at", "pk")
    )
    left = [booking.person for booking in holders]
    who = read_practitioners((person.pk for person in left), off.rules)
    left = [person for person in left if not against_course(who[person.pk], off, now=now)]
    lines: Lines = []
    for date in dates:
        room = max(date.capacity - date.places_taken - date.waiting_count, 0)
        lines.append((date, left[:room]))
        left = left[room:]
    if lines:
        lines[0][1].extend(left)
    return lines


def _can_be_offered(date: Session, off: Session, *, now: datetime) -> bool:
    is_open = date.state == Session.State.PUBLISHED and date.starts_at > now
    return is_open and date.course_id == off.course_id and date.pk != off.pk


def _put_in_line(
    off: RuledSession,
    held: Mapping[int, RuledSession],
    dates: Sequence[Session],
    instead: NextDates | None,
    *,
    by: User,
    now: datetime,
) -> dict[int, list[Booking]]:
    if instead is None:
        return {}
    return {
        date.pk: exchanges.put_in_line(
            held[date.pk], people, until=instead.until, why=_why(off.session), by=by, now=now
        )
        for date, people in spread(off, dates, now=now)
    }


def _next_dates(
    dates: Sequence[Session], invited: dict[int, list[Booking]]
) -> dict[int | None, list[NextDate]]:
    """What each person is told of the dates; under no key, what everybody else is."""
    told: dict[int | None, list[NextDate]] = {None: [NextDate.of(date) for date in dates]}
    for date in dates:
        for booking in invited[date.pk]:
            told[booking.person_id] = [NextDate.of(date, booking)]
    return told


def _why(off: Session) -> str:
    return f"The session on {day(off.starts_at)}, on which you had a place, is cancelled."


def _words(dates: Sequence[Session]) -> str:
    offered = listed([f"{date.reference} ({short_day(date.starts_at)})" for date in dates])
    more = f" Offered instead: {offered}." if offered else ""
    return f"The session is cancelled.{more}"[:200]
