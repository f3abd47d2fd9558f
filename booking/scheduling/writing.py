"""Writing to people of a session: a coordinator or its trainer, on record, through the outbox."""

from collections.abc import Collection
from datetime import datetime, timedelta

from accounts.models import User
from booking.catalogue.models import Session, SessionEvent
from booking.outbox import posting as outbox
from booking.outbox.topics import MailTopic, register
from booking.places.lock import locked_session
from booking.places.models import Booking, BookingQuerySet
from booking.places.news.drafts import about
from booking.scheduling.models import SessionNote
from booking.site.refusals import Refused
from booking.site.wording import counted, listed

NOTE = "session.note"
register(MailTopic(NOTE, "Message to people of a session"))

# A trainer writes to whole sessions as often as this in 24 hours; coordinators as they like.
MOST_A_DAY = 5
GROUPS: dict[str, str] = {
    Booking.State.CONFIRMED: "with a place",
    Booking.State.REQUESTED: "whose place is held until somebody agrees",
    Booking.State.OFFERED: "with an offer",
    Booking.State.WAITING: "on the waiting list",
}


class NobodyToWriteTo(Refused):
    """None of the people chosen has a live booking."""

    sentence = "Nobody of these has a live booking, so there is nobody to write to."


class OthersByNow(Refused):
    """Who would get it has changed since it was shown."""

    sentence = "Somebody has booked or cancelled meanwhile. Check who gets your message now."


class EnoughForToday(Refused):
    """A trainer has written as often as they may."""

    sentence = f"You have sent {MOST_A_DAY} messages in the last 24 hours, which is the most."
    instead = "Ask a coordinator to write for you."


def recipients(
    session: Session, *, states: Collection[str], chosen: Collection[int]
) -> BookingQuerySet:
    """The live bookings in these states or with these keys, by name."""
    live = Booking.objects.for_session(session).live()
    among = live.filter(state__in=states) | live.filter(pk__in=chosen)
    return among.select_related("person").order_by("person", "pk")


def check_may_write(by: User, *, now: datetime) -> None:
    """Raises `EnoughForToday` for a trainer who has written often enough."""
    lately = SessionNote.objects.filter(by=by, at__gt=now - timedelta(days=1))
    if not by.is_coordinator and lately.count() >= MOST_A_DAY:
        raise EnoughForToday


def write_to_people(
    *,
    session: Session,
    states: Collection[str],
    chosen: Collection[int],
    shown: Collection[int] | None,
    subject: str,
    text: str,
    by: User,
    now: datetime,
) -> SessionNote:
    """Write to people of a session, one message each, and keep what was written to whom.

    `shown` are the keys of the bookings whose people were shown as those who would get it. Raises
    `NobodyToWriteTo`, `OthersByNow` or `EnoughForToday`.
    """
    with locked_session(session) as ruled:
        # Held until this one counts.
        User.objects.select_for_update(no_key=True).get(pk=by.pk)
        check_may_write(by, now=now)
        bookings = list(recipients(session, states=states, chosen=chosen))
        if not bookings:
            raise NobodyToWriteTo
        if shown is not None and {booking.pk for booking in bookings} != set(shown):
            raise OthersByNow
        note = SessionNote.objects.create(
            session=ruled.session,
            at=now,
            by=by,
            whom=_whom(bookings),
            people=len(bookings),
            subject=subject,
            text=text,
        )
        SessionEvent.objects.create(
            session=ruled.session,
            at=now,
            by=by,
            what=f"Wrote to {counted(note.people, 'person', 'people')}: {subject}"[:200],
        )
        outbox.post(
            [about(each, NOTE, note.pk, {"note_key": note.pk}) for each in bookings], now=now
        )
    return note


def _whom(bookings: Collection[Booking]) -> str:
    """How many of each state, in words."""
    numbers = [
        (sum(booking.state == state for booking in bookings), words)
        for state, words in GROUPS.items()
    ]
    return listed(
        [f"{counted(number, 'person', 'people')} {words}" for number, words in numbers if number]
    )
