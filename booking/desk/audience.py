"""Who hears of a change, and in how many mails: counted before it is made, as it will be told."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from accounts.addresses import NO_ADDRESS_DOMAIN
from accounts.models import User
from booking.catalogue.models import Session, SessionQuerySet
from booking.places.changes import Change, for_managers, states_concerned
from booking.places.lock import sittings_of
from booking.places.managers.copies import copied_of_change
from booking.places.managers.models import Approval
from booking.places.models import Booking, BookingQuerySet
from booking.places.news.drafts import EntryChanges, entries_of
from booking.scheduling.guests import are_told
from booking.scheduling.models import SessionGuest
from booking.scheduling.trainers import are_trainers_told
from booking.site.wording import counted, in_mails, listed

# Of people without an address: what they are told goes out by post.
_BY_POST = Q(person__email__endswith=f"@{NO_ADDRESS_DOMAIN}")


@dataclass(frozen=True)
class Told:
    """How many people have a live booking, by what they are told when something changes.

    Somebody with several bookings is one person, in every group that they are in.
    """

    everybody: int = 0
    confirmed: int = 0
    held: int = 0
    waiting: int = 0
    bookings: int = 0
    # How many of the bookings are certain places: their calendar entries come one an email.
    places: int = 0
    sessions: int = 0
    # Of all these, those of people who are written to by post.
    everybody_by_post: int = 0
    bookings_by_post: int = 0
    places_by_post: int = 0


@dataclass(frozen=True)
class Managers:
    """How many line managers hear of a change, each counted once."""

    everybody: int = 0
    # Asked again, about this many bookings, since they have not answered.
    asked: int = 0
    questions: int = 0
    # Sent a copy of what people with a place are told, for this many places.
    copied: int = 0
    copies: int = 0


@dataclass(frozen=True)
class Audience:
    """Who hears of the same change to some sessions; trainers also where nobody has booked."""

    people: Told = Told()
    # Mails to people with a place: one for each calendar entry that changes, or one.
    place_mails: int = 0
    place_letters: int = 0
    corrects_calendars: bool = True
    managers: Managers = Managers()
    trainers: int = 0
    # One email for each session that a trainer leads.
    trainer_emails: int = 0
    # Interpreters and speakers.
    guests: int = 0
    # One email for each session that a guest comes to.
    guest_emails: int = 0
    # People put in line for another date, who are each told where they stand there.
    put_in_line: int = 0
    put_in_line_by_post: int = 0

    @property
    def is_anybody(self) -> bool:
        """Whether anybody is told at all."""
        return bool(self.people.everybody or self.trainers or self.guests)

    @property
    def number(self) -> int:
        """How many are told in all."""
        return self.people.everybody + self.managers.everybody + self.trainers + self.guests

    @property
    def who(self) -> str:
        """ "3 people on 2 sessions, 1 line manager and 2 trainers"; nothing if nobody is told."""
        several = f" on {self.people.sessions} sessions" if self.people.sessions > 1 else ""
        groups = [
            (self.people.everybody, "person", "people", several),
            (self.managers.everybody, "line manager", "", ""),
            (self.trainers, "trainer", "", ""),
            (self.guests, "guest", "", ""),
        ]
        return listed(
            [counted(number, one, more) + rest for number, one, more, rest in groups if number]
        )

    @property
    def letters(self) -> int:
        """How many letters have to go out to people without an address."""
        others = self.people.bookings_by_post - self.people.places_by_post
        return self.place_letters + others + self.put_in_line_by_post

    @property
    def emails(self) -> int:
        """How many emails leave in all."""
        people = self.place_mails + self.people.bookings - self.people.places + self.put_in_line
        managers = self.managers.questions + self.managers.copies
        return people - self.letters + managers + self.trainer_emails + self.guest_emails

    @property
    def mails(self) -> str:
        """How many leave in all, in words."""
        return in_mails(self.emails, self.letters)


def people_to_tell(session: Session) -> Told:
    """Who has a live booking of this session."""
    return _counted(Booking.objects.for_session(session).live())


def who_hears(sessions: SessionQuerySet, changes: Sequence[Change], *, now: datetime) -> Audience:
    """Who would hear of these changes to all these sessions, each with a date ahead.

    The changes show in every calendar entry of a session.
    """
    if not changes:
        return Audience()
    keys = sessions.order_by().values("pk")
    leading = Session.trainers.through.objects.filter(session__in=keys)
    found = leading.aggregate(trainers=Count("user", distinct=True), trainer_emails=Count("pk"))
    coming = SessionGuest.objects.coming().filter(session__in=keys).order_by()
    bookings = Booking.objects.filter(session__in=keys)
    ahead = bookings.confirmed().filter(session__sittings__starts_at__gt=now)
    places = ahead.aggregate(place_mails=Count("pk"), place_letters=Count("pk", filter=_BY_POST))
    return Audience(
        people=_counted(bookings.filter(state__in=states_concerned(changes))),
        managers=_managers(bookings, changes, now=now),
        **places,
        **found,
        **coming.aggregate(guests=Count("email", distinct=True), guest_emails=Count("pk")),
    )


def who_hears_of(
    session: Session,
    changes: Sequence[Change],
    entries: EntryChanges,
    *,
    trainers: int,
    now: datetime,
) -> Audience:
    """Who would hear of these changes to one session, besides so many trainers."""
    bookings = Booking.objects.for_session(session)
    people = _counted(bookings.filter(state__in=states_concerned(changes)))
    guests = session.guests.coming().count() if are_told(changes) else 0
    return Audience(
        people=people,
        place_mails=people.places * entries.mails,
        place_letters=people.places_by_post * entries.mails,
        corrects_calendars=entries.number > 0,
        managers=_managers(bookings, changes, now=now),
        trainers=trainers,
        trainer_emails=trainers,
        guests=guests,
        guest_emails=guests,
    )


def who_hears_of_the_end(session: Session, in_line: Iterable[User]) -> Audience:
    """Who would hear that a session is called off, and who is put in line for other dates."""
    bookings = Booking.objects.for_session(session).live()
    people, trainers = _counted(bookings), session.trainers.count()
    guests = session.guests.coming().count()
    entries = len(entries_of(sittings_of(session)))
    is_by_post = [not person.has_address for person in in_line]
    return Audience(
        people=people,
        place_mails=people.places * entries,
        place_letters=people.places_by_post * entries,
        managers=_of_managers([], copied_of_change(bookings)),
        trainers=trainers,
        trainer_emails=trainers,
        guests=guests,
        guest_emails=guests,
        put_in_line=len(is_by_post),
        put_in_line_by_post=sum(is_by_post),
    )


def _managers(bookings: BookingQuerySet, changes: Sequence[Change], *, now: datetime) -> Managers:
    asked: Iterable[str] = ()
    if for_managers(changes):
        again = Approval.objects.to_ask_again(now=now).filter(booking__in=bookings.values("pk"))
        asked = again.values_list("manager_email", flat=True)
    is_for_attending = all(change.is_for_attending for change in changes)
    return _of_managers(asked, [] if is_for_attending else copied_of_change(bookings))


def _of_managers(asked: Iterable[str], copied: Iterable[str]) -> Managers:
    """Of addresses, one for each question or copy."""
    questions, copies = list(asked), list(copied)
    return Managers(
        everybody=len({*questions, *copies}),
        asked=len(set(questions)),
        questions=len(questions),
        copied=len(set(copies)),
        copies=len(copies),
    )


def _counted(bookings: QuerySet[Booking]) -> Told:
    State = Booking.State
    counts = bookings.aggregate(
        everybody=_persons(),
        confirmed=_persons(State.CONFIRMED),
        held=_persons(State.OFFERED, State.REQUESTED),
        waiting=_persons(State.WAITING),
        bookings=Count("pk"),
        places=Count("pk", filter=Q(state=State.CONFIRMED)),
        sessions=Count("session", distinct=True),
        everybody_by_post=Count("person", filter=_BY_POST, distinct=True),
        bookings_by_post=Count("pk", filter=_BY_POST),
        places_by_post=Count("pk", filter=_BY_POST & Q(state=State.CONFIRMED)),
    )
    return Told(**counts)


def _persons(*states: str) -> Count:
    return Count("person", filter=Q(state__in=states) if states else None, distinct=True)


def trainers_to_tell(
    session: Session, to_lead: Sequence[User] | None, changes: Sequence[Change]
) -> list[User]:
    """If they hear of these changes, who leads the session now, then who would lead it besides."""
    if not are_trainers_told(changes):
        return []
    leading = list(session.trainers.all())
    return leading + [person for person in to_lead or () if person not in leading]
