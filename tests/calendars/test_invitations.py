"""The life of an invitation, read from the bytes that the mail server was handed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from accounts.models import User
from booking.catalogue.models import Session
from booking.local.smtp_sink import SmtpSink
from booking.places import actions
from booking.places.changing import answering, exchanges
from booking.places.models import Booking
from booking.scheduling import cancelling
from booking.scheduling.changing import PlannedSitting
from tests.calendars.calendar_client import (
    CalendarClient,
    ITip,
    calendar_part_of,
    deliver_everything,
    itip,
    what_the_calendar_should_show,
)
from tests.factories import (
    NOW,
    make_coordinator,
    make_course,
    make_person,
    make_session,
    make_trainer,
    make_venue,
)
from tests.people import book, give_up, join_url
from tests.scheduling.changes import as_it_is, rearrange

pytestmark = pytest.mark.django_db

LONDON = ZoneInfo("Europe/London")


def london(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    """A time on the London clock in 2027."""
    return datetime(2027, month, day, hour, minute, tzinfo=LONDON)


def morning(month: int, day: int) -> tuple[datetime, datetime]:
    """A sitting from 9.30am to 12.30pm."""
    return london(month, day, 9, 30), london(month, day, 12, 30)


# Both sides of both clock changes of 2027: 28 March and 31 October.
FOUR_DATES = (morning(3, 27), morning(3, 29), morning(10, 30), morning(11, 1))
IN_UTC = tuple(datetime(2027, *rest, tzinfo=UTC) for rest in [
    (3, 27, 9, 30), (3, 29, 8, 30), (10, 30, 8, 30), (11, 1, 9, 30),
])  # fmt: skip


@dataclass
class Arrived:
    """A mail with a calendar part: its words and what its calendar part asks for."""

    mail: EmailMessage
    told: ITip

    @property
    def subject(self) -> str:
        """The subject."""
        return str(self.mail["Subject"])

    def text(self, kind: str = "plain") -> str:
        """The words, in plain text or HTML."""
        body = self.mail.get_body((kind,))
        assert body is not None
        return str(body.get_content())


class Post:
    """Delivers what is due and keeps one calendar a person."""

    def __init__(self, sink: SmtpSink) -> None:
        self._sink = sink
        self._calendars: dict[str, CalendarClient] = {}

    def deliver(self) -> list[Arrived]:
        """What arrives now, with a calendar part, in the order in which it was handed over."""
        self._sink.clear()
        deliver_everything(now=NOW + timedelta(days=1))
        arrived = []
        for stored in self._sink.messages():
            found = calendar_part_of(stored.path.read_bytes())
            if found is None:
                continue
            content, part = found
            told = itip(content)
            assert part.get_param("method") == told.method
            assert part.get_content_disposition() is None
            self.calendar_of(*stored.recipients).receive(told)
            arrived.append(Arrived(stored.message, told))
        return arrived

    def calendar_of(self, email: str) -> CalendarClient:
        """The calendar of this address."""
        return self._calendars.setdefault(email, CalendarClient())

    def check(self, *people: User) -> None:
        """Their calendars show their confirmed sittings and nothing else, and SEQUENCE rose."""
        for person in people:
            bookings = list(Booking.objects.for_person(person).with_session())
            calendar = self.calendar_of(person.email)
            assert calendar.entries == what_the_calendar_should_show(bookings)
            assert calendar.faults == []


@pytest.fixture
def post(smtp_sink: SmtpSink) -> Post:
    return Post(smtp_sink)


@pytest.fixture
def person() -> User:
    return make_person(first_name="Priya", last_name="Shah")


def course_of(sittings: Sequence[tuple[datetime, datetime]], **fields: object) -> Session:
    return make_session(
        course=make_course(title="Neglect"),
        sittings=sittings,
        **fields,  # type: ignore[arg-type]
    )


# --- booking ---


def test_a_place_on_one_date_is_one_invitation(post: Post, person: User) -> None:
    book(course_of([morning(7, 6)]), person)
    [arrived] = post.deliver()
    assert arrived.told.method == "REQUEST"
    assert arrived.told.entry.summary == "Neglect"
    assert arrived.told.entry.starts == datetime(2027, 7, 6, 8, 30, tzinfo=UTC)
    assert "Tuesday 6 July 2027, 9:30am to 12:30pm" in arrived.text()
    post.check(person)


def test_the_first_message_names_all_dates_and_each_further_date_has_its_own(
    post: Post, person: User
) -> None:
    book(course_of(FOUR_DATES), person)
    first, *further = post.deliver()
    days = ("27 March", "29 March", "30 October", "1 November")
    for kind in ("plain", "html"):
        for day in days:
            assert f"{day} 2027, 9:30am to 12:30pm" in first.text(kind)
    assert "the other 3 in an email each" in first.text()
    assert [each.told.entry.starts for each in (first, *further)] == list(IN_UTC)
    for number, (arrived, day) in enumerate(zip(further, days[1:], strict=True), start=2):
        assert day in arrived.text()
        assert not any(other in arrived.text() for other in days if other != day)
        assert len(arrived.text()) < len(first.text()) * 0.6
        assert arrived.told.entry.summary == f"Neglect (date {number} of 4)"
    post.check(person)


# --- a session that changes ---


def moved(session: Session) -> None:
    first, *others = as_it_is(session).sittings
    by = timedelta(hours=2)
    later = replace(first, starts_at=first.starts_at + by, ends_at=first.ends_at + by)
    rearrange(session, sittings=(later, *others))


def elsewhere(session: Session) -> None:
    rearrange(session, venue=make_venue("Carriageworks"))


def put_online(session: Session) -> None:
    rearrange(session, delivery="online", meeting="https://meet.example/new")


@pytest.mark.parametrize(
    ("change", "words", "entries"),
    [
        (moved, "11:30am to 2:30pm", 1),
        (elsewhere, "Now: Carriageworks", 4),
        (put_online, "http://testserver/join/", 4),
    ],
)
def test_a_change_corrects_the_same_entries_and_says_what_changed(
    post: Post, person: User, change: Callable[[Session], None], words: str, entries: int
) -> None:
    session = course_of(FOUR_DATES)
    book(session, person)
    before = post.deliver()
    change(session)
    after = post.deliver()
    assert {each.told.method for each in after} == {"REQUEST"}
    assert [each.told.uid for each in after] == [each.told.uid for each in before][:entries]
    assert min(each.told.sequence for each in after) > max(each.told.sequence for each in before)
    assert after[0].subject.startswith("Changed: Neglect")
    for kind in ("plain", "html"):
        assert words in after[0].text(kind)
    post.check(person)


def test_another_meeting_reaches_nobody_but_those_who_have_the_old_address(
    post: Post, person: User
) -> None:
    session = course_of([morning(7, 6)], delivery="online", meeting="https://meet.example/old")
    booking = book(session, person)
    [before] = post.deliver()
    assert before.told.entry.location == join_url(booking)
    rearrange(session, meeting="https://meet.example/new")
    assert post.deliver() == []
    # Told of it before everybody had a join link.
    session.trainers.add(make_trainer())
    Session.objects.filter(pk=session.pk).update(sent_openly=True)
    rearrange(session, meeting="https://meet.example/third")
    # Not to the trainer, whose mails hold no join link.
    [after] = post.deliver()
    assert after.told.entry.location == join_url(booking)
    assert after.told.sequence > before.told.sequence
    assert "one of your own, in this email" in after.text("plain")
    rearrange(session, meeting="https://meet.example/fourth")
    assert post.deliver() == []
    post.check(person)


def test_who_has_the_old_address_and_comes_to_a_room_now_is_told_of_no_join_link(
    post: Post, person: User
) -> None:
    session = course_of([morning(7, 6)], delivery="online", meeting="https://meet.example/old")
    book(session, person)
    post.deliver()
    Session.objects.filter(pk=session.pk).update(sent_openly=True)
    told = rearrange(session, delivery="in person", venue=make_venue("Hut"), meeting="")
    assert [change.what for change in told] == ["Place"]


def test_a_date_that_is_dropped_leaves_the_calendar_and_a_new_one_comes_in(
    post: Post, person: User
) -> None:
    session = course_of(FOUR_DATES)
    book(session, person)
    post.deliver()
    first, _, *others = (
        PlannedSitting(each.starts_at, each.ends_at, each.pk) for each in session.sittings.all()
    )
    rearrange(session, sittings=(first, *others, PlannedSitting(*morning(12, 7))))
    arrived = post.deliver()
    cancelled = [each for each in arrived if each.told.method == "CANCEL"]
    assert [each.told.entry.starts for each in cancelled] == [IN_UTC[1]]
    assert "29 March 2027" in cancelled[0].text()
    post.check(person)
    assert len(post.calendar_of(person.email).entries) == 4


# --- the end of a place ---


def test_a_place_that_is_given_up_leaves_the_calendar_entirely(post: Post, person: User) -> None:
    booking = book(course_of(FOUR_DATES), person)
    before = post.deliver()
    actions.cancel(booking=booking, by=person, now=NOW)
    after = post.deliver()
    assert {each.told.method for each in after} == {"CANCEL"}
    assert {each.told.uid for each in after} == {each.told.uid for each in before}
    assert post.calendar_of(person.email).entries == {}
    post.check(person)


def test_a_session_called_off_leaves_everybodys_calendar(post: Post, person: User) -> None:
    colleague = make_person()
    session = course_of(FOUR_DATES)
    for each in (person, colleague):
        book(session, each)
    post.deliver()
    cancelling.cancel_session(session=session, by=make_coordinator(), now=NOW, why="Snow")
    arrived = post.deliver()
    assert {each.told.method for each in arrived} == {"CANCEL"}
    assert len(arrived) == 8
    assert "Snow" in arrived[0].text()
    for each in (person, colleague):
        assert post.calendar_of(each.email).entries == {}
    post.check(person, colleague)


def test_booking_again_after_cancelling_is_a_new_entry(post: Post, person: User) -> None:
    session = course_of(FOUR_DATES)
    first = book(session, person)
    before = post.deliver()
    actions.cancel(booking=first, by=person, now=NOW)
    book(session, person)
    after = [each for each in post.deliver() if each.told.method == "REQUEST"]
    assert len(after) == 4
    assert {each.told.uid for each in after}.isdisjoint(each.told.uid for each in before)
    post.check(person)


def test_somebody_else_cancelling_changes_nobody_elses_calendar(post: Post, person: User) -> None:
    session = course_of(FOUR_DATES)
    colleague = make_person()
    booking = book(session, colleague)
    book(session, person)
    post.deliver()
    actions.cancel(booking=booking, by=colleague, now=NOW)
    arrived = post.deliver()
    assert {str(each.mail["To"].addresses[0].addr_spec) for each in arrived} == {colleague.email}
    post.check(person, colleague)


# --- from the waiting list ---


def test_waiting_and_an_offer_bring_no_entry_until_the_place_is_certain(
    post: Post, person: User
) -> None:
    session = course_of(FOUR_DATES, capacity=1, promotion=Session.Promotion.OFFER)
    held = book(session, make_person())
    waiting = book(session, person)
    post.deliver()
    give_up(held)
    moved(session)
    post.deliver()
    post.check(person)
    assert post.calendar_of(person.email).entries == {}
    answering.accept_offer(booking=waiting, by=person, now=NOW)
    assert len(post.deliver()) == 4
    post.check(person)


def test_every_invitation_tells_how_to_cancel_and_that_deleting_does_not(
    post: Post, person: User, smtp_sink: SmtpSink
) -> None:
    booking = book(course_of(FOUR_DATES), person)
    post.deliver()
    for stored in smtp_sink.messages():
        found = calendar_part_of(stored.path.read_bytes())
        assert found is not None
        text = found[0].decode().replace("\r\n ", "")
        assert "does not cancel your place" in text
        assert f"/bookings/{booking.pk}/" in text


# --- a place that changes hands or dates ---


def test_a_colleague_who_takes_a_place_over_gets_the_entries_and_the_giver_loses_them(
    post: Post, person: User
) -> None:
    colleague = make_person(agency=person.agency)
    booking = book(course_of(FOUR_DATES), person)
    post.deliver()
    exchanges.substitute(booking=booking, to=colleague, by=person, now=NOW)
    arrived = post.deliver()
    told = {(each.told.method, each.mail["To"].addresses[0].addr_spec) for each in arrived}
    assert told == {("CANCEL", person.email), ("REQUEST", colleague.email)}
    assert len(arrived) == 8
    assert post.calendar_of(person.email).entries == {}
    assert len(post.calendar_of(colleague.email).entries) == 4
    post.check(person, colleague)


def test_an_exchange_of_dates_takes_one_entry_out_and_puts_the_other_in(
    post: Post, person: User
) -> None:
    course = make_course(title="Neglect")
    march = make_session(course=course, sittings=[morning(3, 27)])
    october = make_session(course=course, sittings=[morning(10, 30)])
    booking = book(march, person)
    post.deliver()
    exchanges.transfer(booking=booking, to=october, by=person, now=NOW)
    assert sorted(each.told.method for each in post.deliver()) == ["CANCEL", "REQUEST"]
    [entry] = post.calendar_of(person.email).entries.values()
    assert entry.starts == IN_UTC[2]
    post.check(person)
