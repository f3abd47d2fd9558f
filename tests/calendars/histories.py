"""Random histories of bookings: what may happen to people, sessions and mail, in any order.

One world has two sessions of one course and many people; each person's bookings are one history.
The same seed gives the same history. What the rules refuse does not happen.
"""

import itertools
import random
from collections import defaultdict
from contextlib import suppress
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Model, QuerySet

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.mail.composing import calendar_part
from booking.mail.notice import notice_of
from booking.outbox.models import Message
from booking.places import actions
from booking.places.changing import answering, exchanges
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused
from booking.scheduling import cancelling, changing
from booking.scheduling.capacity import change_capacity
from booking.scheduling.changing import Arrangements, PlannedSitting
from tests.calendars.calendar_client import (
    CalendarClient,
    Entry,
    itip,
    what_the_calendar_should_show,
)
from tests.factories import (
    NOW,
    make_agency,
    make_coordinator,
    make_course,
    make_session,
    make_venue,
)

LONDON = ZoneInfo("Europe/London")
PEOPLE = 25
STEPS = 100

# Days around which sittings are held: both clock changes of 2027, winter and summer.
_DAYS = (datetime(2027, 3, 28), datetime(2027, 10, 31), datetime(2027, 2, 9), datetime(2027, 7, 6))  # noqa: DTZ001
_SOON = tuple(datetime(2027, 1, day) for day in range(14, 26))  # noqa: DTZ001
_numbers = itertools.count(1)


class World:
    """Two sessions, 25 people, their mail and their calendars.

    A short one has its dates in the next two weeks, so that some begin while things happen.
    """

    def __init__(self, seed: int, *, short: bool = False) -> None:
        self.chance = random.Random(seed)
        self.days = _SOON if short else _DAYS
        self.now = NOW
        self.coordinator = make_coordinator()
        self.venues = [make_venue(), make_venue(), None]
        self.people = _people()
        course = make_course(needs_manager_approval=self.chance.random() < 0.3)
        self.sessions = [self._session(course) for _ in range(2)]
        self.calendars: dict[int, CalendarClient] = defaultdict(CalendarClient)
        self.done: dict[str, int] = defaultdict(int)

    # ------------------------------------------------------------ what happens
    def live(self) -> None:
        """Let everybody try to book and things happen, then deliver what is left."""
        for person in self.people:
            with suppress(PlaceRefused):
                self._books(person)
        steps = {
            self.somebody_books: 36,
            self.somebody_gives_up: 16,
            self.somebody_answers: 10,
            self.a_manager_answers: 10,
            self.a_place_changes_hands: 9,
            self.somebody_exchanges_dates: 9,
            self.people_are_invited: 2,
            self.somebody_is_moved_up: 3,
            self.a_session_changes: 12,
            self.places_are_filled: 4,
            self.capacity_changes: 4,
            self.some_mail_arrives: 8,
        }
        chosen = self.chance.choices(list(steps), weights=list(steps.values()), k=STEPS)
        for step in chosen:
            self.now += timedelta(minutes=self.chance.randint(1, 300))
            with suppress(PlaceRefused):
                step()
                self.done[step.__name__] += 1
        if self.chance.random() < 0.4:
            with suppress(PlaceRefused):
                self.a_session_is_called_off()
                self.done["a_session_is_called_off"] += 1
        self.all_mail_arrives()

    def somebody_books(self) -> None:
        """Whoever has a booking already, or another at that time, is refused."""
        self._books(self.chance.choice(self.people))

    def _books(self, person: User) -> None:
        by = self.chance.choice([person, self.coordinator])
        actions.book(session=self._one(), person=person, by=by, now=self.now)

    def somebody_gives_up(self) -> None:
        """A place, an offer or a wait."""
        if booking := self._booking(*Booking.LIVE):
            by = self.chance.choice([booking.person, self.coordinator])
            actions.cancel(booking=booking, by=by, now=self.now)

    def somebody_answers(self) -> None:
        """An offer is accepted or declined."""
        if booking := self._booking(Booking.State.OFFERED):
            answer = self.chance.choice([answering.accept_offer, answering.decline_offer])
            answer(booking=booking, by=booking.person, now=self.now)

    def a_manager_answers(self) -> None:
        """Agrees or not, if the course asks for it."""
        asked = Approval.objects.open().filter(booking__session__in=self.sessions)
        if approval := self._any(asked.select_related("booking__person")):
            if self.chance.random() < 0.7:
                answering.approve(approval=approval, now=self.now)
            else:
                answering.refuse_approval(approval=approval, now=self.now, reason="Not this term.")

    def a_place_changes_hands(self) -> None:
        """A colleague takes a confirmed place."""
        if booking := self._booking(Booking.State.CONFIRMED):
            to = self.chance.choice(self.people)
            exchanges.substitute(booking=booking, to=to, by=booking.person, now=self.now)

    def somebody_exchanges_dates(self) -> None:
        """A confirmed place for one on the other session."""
        if booking := self._booking(Booking.State.CONFIRMED):
            to = next(each for each in self.sessions if each.pk != booking.session_id)
            by = self.chance.choice([booking.person, self.coordinator])
            exchanges.transfer(booking=booking, to=to, by=by, now=self.now)

    def people_are_invited(self) -> None:
        """Ahead of newcomers."""
        exchanges.invite(
            session=self._one(),
            people=self.chance.sample(self.people, 3),
            until=self.now + timedelta(days=3),
            why="Their date was called off.",
            by=self.coordinator,
            now=self.now,
        )

    def somebody_is_moved_up(self) -> None:
        """To the head of the waiting list."""
        if booking := self._booking(Booking.State.WAITING):
            exchanges.move_up(
                booking=booking, position=1, why="Urgent.", by=self.coordinator, now=self.now
            )

    def places_are_filled(self) -> None:
        """As the worker does every few seconds; offers whose time is over lapse."""
        actions.fill_places(session=self._one(), now=self.now)

    def capacity_changes(self) -> None:
        """By a few places, up or down."""
        session = self._one()
        capacity = max(1, session.capacity + self.chance.randint(-3, 6))
        change_capacity(session=session, capacity=capacity, by=self.coordinator, now=self.now)

    def a_session_changes(self) -> None:
        """Some of: times, added and dropped dates, online or not, venue, join link."""
        session, chance = self._one(), self.chance
        planned = [
            PlannedSitting(each.starts_at, each.ends_at, each.pk) for each in session.sittings.all()
        ]
        what = chance.sample(["move", "drop", "add", "place", "link"], chance.randint(1, 3))
        if "drop" in what and len(planned) > 1:
            planned.pop(chance.randrange(len(planned)))
        if "move" in what:
            moved = chance.randrange(len(planned))
            planned[moved] = PlannedSitting(*self._times(), key=planned[moved].key)
        if "add" in what and len(planned) < 5:
            planned.append(PlannedSitting(*self._times()))
        delivery, venue, link = session.delivery, session.venue, session.meeting.opened()
        if "place" in what:
            delivery = chance.choice(list(Session.Delivery))
            venue = chance.choice(self.venues)
        if "link" in what:
            link = chance.choice(["", f"https://meet.example/{chance.randrange(1000)}"])
        arrangements = Arrangements(tuple(planned), delivery, venue, link)
        changing.rearrange(
            session=session, arrangements=arrangements, by=self.coordinator, now=self.now
        )

    def a_session_is_called_off(self) -> None:
        """For everybody."""
        cancelling.cancel_session(
            session=self._one(), by=self.coordinator, now=self.now, why="The trainer is ill."
        )

    # ------------------------------------------------------------ mail
    def some_mail_arrives(self) -> None:
        """Some streams get some of their messages, each stream in its order."""
        streams = self._waiting_mail().values()
        arriving = [each for each in streams if self.chance.random() < 0.6]
        self._arrive(
            [
                message
                for messages in arriving
                for message in messages[: self.chance.randint(1, len(messages))]
            ]
        )

    def all_mail_arrives(self) -> None:
        """Every message that is left, the streams in any order."""
        streams = list(self._waiting_mail().values())
        self.chance.shuffle(streams)
        self._arrive([message for messages in streams for message in messages])

    def _waiting_mail(self) -> dict[str, list[Message]]:
        streams: dict[str, list[Message]] = defaultdict(list)
        for message in Message.objects.unsettled().order_by("pk"):
            streams[message.stream].append(message)
        return streams

    def _arrive(self, messages: list[Message]) -> None:
        """Compose as the worker would at this moment; only the calendar parts are read."""
        bookings = Booking.objects.with_session().prefetch_related("session__trainers")
        found = bookings.in_bulk({message.booking_id for message in messages})
        for message in messages:
            if "event" not in message.payload:
                continue
            notice = notice_of(message, found[message.booking_id or 0])
            sent = calendar_part(
                notice,
                to_name=found[message.booking_id or 0].person.full_name,
                to_email=message.to_email,
                decided_at=message.created_at,
            )
            assert message.recipient_id is not None
            self.calendars[message.recipient_id].receive(itip(sent))
        Message.objects.filter(pk__in=[message.pk for message in messages]).update(
            state=Message.State.SENT
        )

    # ------------------------------------------------------------ what must be so
    def expected(self) -> dict[int, dict[str, Entry]]:
        """What each person's calendar should show."""
        theirs: dict[int, list[Booking]] = defaultdict(list)
        for booking in self.bookings():
            theirs[booking.person_id].append(booking)
        return {
            person.pk: what_the_calendar_should_show(theirs[person.pk]) for person in self.people
        }

    def bookings(self) -> list[Booking]:
        """Every booking there is or was."""
        return list(Booking.objects.with_session().filter(session__in=self.sessions))

    # ------------------------------------------------------------ by chance
    def _one(self) -> Session:
        session = self.chance.choice(self.sessions)
        return Session.objects.select_related("course", "venue").get(pk=session.pk)

    def _booking(self, *states: str) -> Booking | None:
        found = Booking.objects.filter(session__in=self.sessions, state__in=states)
        return self._any(found.select_related("person"))

    def _any[Row: Model](self, rows: QuerySet[Row]) -> Row | None:
        keys = list(rows.order_by("pk").values_list("pk", flat=True))
        return rows.get(pk=self.chance.choice(keys)) if keys else None

    def _times(self) -> tuple[datetime, datetime]:
        """A start and end on the London clock, now and then in the hour that October repeats."""
        chance = self.chance
        day = chance.choice(self.days) + timedelta(days=chance.choice([-1, 0, 0, 1, 7, 14]))
        starts = day.replace(
            hour=chance.choice([0, 1, 1, 2, 9, 10, 13, 18]),
            minute=chance.choice([0, 15, 30]),
            fold=chance.randint(0, 1),
            tzinfo=LONDON,
        )
        # There and back, since no clock shows some of these in March.
        starts = starts.astimezone(ZoneInfo("UTC"))
        return starts, starts + timedelta(minutes=chance.choice([45, 60, 90, 180]))

    def _session(self, course: Course) -> Session:
        chance = self.chance
        sittings: list[tuple[datetime, datetime]] = []
        for _ in range(chance.randint(1, 4)):
            starts, ends = self._times()
            if all(ends <= other[0] or starts >= other[1] for other in sittings):
                sittings.append((starts, ends))
        return make_session(
            course=course,
            capacity=chance.randint(5, PEOPLE),
            sittings=sorted(sittings),
            promotion=chance.choice(list(Session.Promotion)),
            offer_hours=chance.choice([1, 24, 72]),
            delivery=chance.choice(list(Session.Delivery)),
            meeting=chance.choice(["", "https://meet.example/first"]),
            venue=chance.choice(self.venues),
        )


def _people() -> list[User]:
    """25 people of four agencies, each with a manager there, written with one statement."""
    agencies = [make_agency(domains=[f"agency{number}.example"]) for number in range(4)]
    people = []
    for number in range(PEOPLE):
        agency = agencies[number % len(agencies)]
        [domain] = agency.email_domains
        person = User(
            email=f"history{next(_numbers)}@{domain}",
            first_name=f"Sam{number}",
            agency=agency,
            manager_email=f"manager@{domain}",
        )
        people.append(person)
    return User.objects.bulk_create(people)
