"""England in a shoebox: the site of 600,000 people, 250,000 sessions and 4 million bookings.

Years of a whole country, made by SQL: what is ahead begins in seven weeks, when nobody is reminded
of it yet, and every mail of the last ninety days, with those of some nights more, has its text.
"""

import contextlib
import time
from dataclasses import dataclass
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Agency, User
from booking.catalogue.models import Course, Session, Sitting, Topic, Venue
from booking.mail.composing import compose
from booking.outbox.models import Message
from booking.places.actions import book
from booking.places.events import BookingEvent
from booking.places.models import Booking
from booking.privacy.forgetting import TEXTS_KEPT
from tests.load import crowd
from tests.load.crowd import insert_select
from tests.load.filling import unchecked, without_indexes
from tests.load.report import Line, Target

_PEOPLE, _SESSIONS, _BOOKINGS_EACH = 600_000, 250_000, 16
# Of the sessions those ahead, of the people those with bookings.
_AHEAD, _BOOKED = 0.06, 0.75
_DAYS_BEFORE, _FIRST_DAY_AHEAD, _DAYS_AHEAD = 1_825, 45, 120
# Nights for which texts that are to be forgotten have waited.
_NIGHTS = 10
_GIGABYTES = 20
# What an installation holds with nobody in it.
_EMPTY_GIGABYTES = 0.05
_LARGE = (User, EmailAddress, Session, Sitting, Booking, BookingEvent, Message)
_FIRST = "Ann,Łucja,Zoë,Siân,Mohammed,Grace,Rhys,Naomi,Harjit,Ewa,Callum,Farzana,Tom,Nadia,Denise"
_LAST = "Ahmed,Zielińska,O’Brien,Clarke,Kowalczyk,Oyelaran,Prosser,Sandhu,Whitaker,Feldman,Bennett"


@dataclass(frozen=True)
class England:
    """A share of the whole: 1 is all of it."""

    scale: float

    @property
    def people(self) -> int:
        """How many have an account."""
        return round(_PEOPLE * self.scale)

    @property
    def booked_people(self) -> int:
        """Those with bookings: the first ones. The others have none."""
        return round(self.people * _BOOKED)

    @property
    def sessions(self) -> int:
        """How many there were and will be."""
        return round(_SESSIONS * self.scale)

    @property
    def ahead(self) -> int:
        """How many will be: the last ones."""
        return round(self.sessions * _AHEAD)

    @property
    def bookings(self) -> int:
        """How many there are, all confirmed."""
        return self.sessions * _BOOKINGS_EACH


def fill(england: England) -> Line:
    """Make it, with the indexes as migrated and the planner's figures; how large it is."""
    began = time.monotonic()
    with without_indexes(*_LARGE), unchecked():
        _add_catalogue(england)
        _add_people(england)
        _add_sessions(england)
        _add_bookings(england)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute("SELECT booking_write_documents(array_agg(id)) FROM booking_session")
    text = _text_of_a_mail()
    with without_indexes(BookingEvent, Message), unchecked():
        _add_events()
        _add_messages(text)
    crowd.vacuum()
    gigabytes = _gigabytes()
    most = _GIGABYTES * england.scale + _EMPTY_GIGABYTES
    with_text = Message.objects.filter(mime__isnull=False).count()
    return Line(
        name="shoebox: the site of England",
        target=Target(words=f"< {most:.2f} GB", met=gigabytes < most),
        note=(
            f"{gigabytes:.2f} GB with indexes: {User.objects.count():,} people,"
            f" {Session.objects.count():,} sessions ({england.ahead:,} ahead),"
            f" {Booking.objects.count():,} bookings, {Message.objects.count():,} mails, of which"
            f" {with_text:,} have their text ({len(text):,} bytes each); made in"
            f" {time.monotonic() - began:.0f} s."
        ),
    )


def _gigabytes() -> float:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_database_size(current_database())")
        return float(cursor.fetchone()[0]) / 1e9


# ---------------------------------------------------------------- what there is


def _add_catalogue(england: England) -> None:
    """Agencies, venues, topics and courses, fewer of a small country but never only a few."""
    agencies, courses, venues = _agencies(england), _courses(england), _venues(england)
    insert_select(
        Agency,
        {"name": "'Agency ' || n", "sector": "'health'"},
        f"generate_series(1, {agencies}) AS n",
    )
    insert_select(
        Venue,
        {"name": "'Venue ' || n", "address": "n || ' Chapeltown Road, Leeds, LS7 3EX'"},
        f"generate_series(1, {venues}) AS n",
    )
    insert_select(
        Topic, {"name": "'Topic ' || n", "slug": "'topic-' || n"}, "generate_series(1, 12) AS n"
    )
    insert_select(
        Course,
        {
            "code": "'C' || n",
            "title": "'Working together to safeguard children, part ' || n",
            "kind": "(ARRAY['training', 'briefing', 'webinar', 'conference'])[1 + n % 4]",
            "summary": "repeat('What you will learn, and how it helps you in your work. ', 6)",
            "audience": "'Everyone who works with children, young people or their carers'",
            "may_be_repeated": "true",
        },
        f"generate_series(1, {courses}) AS n",
    )
    insert_select(
        Course.topics.through,
        {"course_id": "n", "topic_id": "1 + n % 12"},
        f"generate_series(1, {courses}) AS n",
    )
    # Every fifth asks for another first.
    insert_select(
        Course.prerequisites.through,
        {"from_course_id": "n", "to_course_id": "n - 1"},
        f"generate_series(5, {courses}, 5) AS n",
    )


def _agencies(england: England) -> int:
    return max(40, round(4_000 * england.scale))


def _courses(england: England) -> int:
    return max(60, round(1_500 * england.scale))


def _venues(england: England) -> int:
    return max(12, round(2_000 * england.scale))


def _add_people(england: England) -> None:
    """With as many surnames as a country has; the database writes the words they are found by."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user ENABLE ALWAYS TRIGGER words_of_a_person")
    insert_select(
        User,
        {
            "password": f"'{crowd.NO_PASSWORD}'",
            "email": f"'person' || n || '@agency' || n % {_agencies(england)} || '.example'",
            "first_name": f"(string_to_array('{_FIRST}', ','))[1 + n % 15]",
            "last_name": (
                f"(string_to_array('{_LAST}', ','))[1 + n % 11] || chr(97 + n / 77 % 26)"
                " || chr(97 + n / 2002 % 26)"
            ),
            "job_title": "'Social worker'",
            "phone": "'0113 ' || (1000000 + n)",
            "agency_id": f"1 + n % {_agencies(england)}",
            "agency_confirmed_at": "now()",
            "last_login": "now()",
        },
        f"generate_series(1, {england.people}) AS n",
    )
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accounts_user ENABLE TRIGGER words_of_a_person")
    insert_select(
        EmailAddress,
        {"user_id": "id", "email": "email", "verified": "true", "primary": "true"},
        User._meta.db_table,
    )


def _add_sessions(england: England) -> None:
    """Every second one has two sittings, a week apart."""
    before = england.sessions - england.ahead
    # From the first, five years ago, to ten days ago; then from seven weeks ahead on.
    day = (
        f"CASE WHEN n <= {before} THEN -10 - ({before} - n) * {_DAYS_BEFORE}::float / {before}"
        f" ELSE {_FIRST_DAY_AHEAD} + (n - {before}) * {_DAYS_AHEAD}::float / {england.ahead} END"
    )
    starts = (
        "date_trunc('day', now() + interval '1 day' * floor(days))"
        " + interval '9 hours' + (n % 6) * interval '1 hour'"
    )
    insert_select(
        Session,
        {
            "reference": "'E' || n",
            "course_id": f"1 + n % {_courses(england)}",
            "venue_id": f"1 + n % {_venues(england)}",
            "state": f"CASE WHEN n <= {before} THEN 'completed' ELSE 'published' END",
            "capacity": "30",
            "places_taken": str(_BOOKINGS_EACH),
            "starts_at": starts,
            "ends_at": f"{starts} + interval '3 hours' + (n % 2) * interval '7 days'",
            "published_at": f"{starts} - interval '100 days'",
        },
        f"(SELECT n, {day} AS days FROM generate_series(1, {england.sessions}) AS n) AS numbered",
    )
    for condition, offset in (("true", "0 days"), ("ends_at - starts_at > '1 day'", "7 days")):
        insert_select(
            Sitting,
            {
                "session_id": "id",
                "starts_at": f"starts_at + interval '{offset}'",
                "ends_at": f"starts_at + interval '{offset}' + interval '3 hours'",
            },
            f"{Session._meta.db_table} WHERE {condition}",
        )


def _add_bookings(england: England) -> None:
    """As many on each session, made weeks before it, by people in turn."""
    booked = (
        "least(s.starts_at - interval '30 days', now() - interval '1 day')"
        " - k * interval '13 hours' - s.id % 97 * interval '1 hour'"
    )
    person = f"1 + ((s.id * {_BOOKINGS_EACH} + k) * 7919) % {england.booked_people}"
    insert_select(
        Booking,
        {
            "session_id": "s.id",
            "person_id": person,
            "booked_by_id": person,
            # Their own, as it is confirmed.
            "agency_id": f"1 + ({person}) % {_agencies(england)}",
            "state": "'confirmed'",
            "booked_at": booked,
            "confirmed_at": booked,
            "free_until": "s.starts_at",
            "calendar_key": crowd.RANDOM_KEY,
            "join_key": crowd.RANDOM_KEY,
        },
        f"{Session._meta.db_table} s CROSS JOIN generate_series(1, {_BOOKINGS_EACH}) AS k",
    )


def _add_events() -> None:
    insert_select(
        BookingEvent,
        {
            "booking_id": "id",
            "at": "booked_at",
            "by_id": "person_id",
            "what": "'booked'",
            "state_after": "state",
        },
        Booking._meta.db_table,
    )


def _add_messages(text: bytes) -> None:
    """The confirmation of each booking; the text of those that no night has come for yet."""
    has_text = f"b.booked_at > now() - interval '{TEXTS_KEPT.days + _NIGHTS} days'"
    insert_select(
        Message,
        {
            "topic": "'booking.confirmed'",
            "subject_key": "'booking:' || b.id",
            "stream": "'booking:' || b.id",
            "recipient_id": "u.id",
            "to_email": "u.email",
            "booking_id": "b.id",
            "payload": (
                f"CASE WHEN {has_text} THEN jsonb_build_object('event', jsonb_build_object("
                "'method', 'REQUEST', 'sequence', 0, 'uid', b.calendar_key || '-1@briefed.example',"
                " 'starts', b.booked_at, 'ends', b.booked_at)) ELSE '{}' END"
            ),
            "state": "'sent'",
            "due_at": "b.booked_at",
            "created_at": "b.booked_at",
            "sent_at": "b.booked_at + interval '2 seconds'",
            "attempts": "1",
            "claim_number": "1",
            "handed_over": "true",
            "message_id": "'<' || md5(random()::text || b.id) || '@briefed.example>'",
            "mime": f"CASE WHEN {has_text} THEN '\\x{text.hex()}'::bytea END",
            "forgotten_at": f"CASE WHEN NOT ({has_text}) THEN now() END",
        },
        f"{Booking._meta.db_table} b JOIN {User._meta.db_table} u ON u.id = b.person_id",
    )


class _TakeBack(Exception):
    """The mail was composed; the booking was none."""


def _text_of_a_mail() -> bytes:
    """A confirmation with its invitation, as it would be sent."""
    text = b""
    session = Session.objects.upcoming(now=timezone.now()).filter(course__prerequisites=None)[0]
    person = User.objects.order_by("-pk")[0]
    with contextlib.suppress(_TakeBack), transaction.atomic():
        booking = book(session=session, person=person, by=person, now=timezone.now())
        message = Message.objects.filter(booking=booking)[0]
        composed = compose([message])[message.pk]
        assert isinstance(composed, bytes), composed
        text = composed
        raise _TakeBack
    return text


# ---------------------------------------------------------------- what a night forgets


def has_texts_to_forget(*, now: datetime) -> bool:
    """Whether the night has anything left to do."""
    old = Message.objects.filter(created_at__lt=now - TEXTS_KEPT, forgotten_at=None)
    return old.exists()


def wrong_texts(*, now: datetime) -> list[str]:
    """In sentences, what is wrong once the night is over: old texts that stay, new ones gone."""
    long_ago = now - TEXTS_KEPT
    sent = Message.objects.filter(state=Message.State.SENT)
    kept = sent.filter(sent_at__lt=long_ago).exclude(mime=None, payload={}).count()
    gone = sent.filter(created_at__gte=long_ago + timedelta(minutes=5), mime=None).count()
    wrong = [f"{kept:,} texts are older than {TEXTS_KEPT.days} days."] if kept else []
    return [*wrong, f"{gone:,} newer texts are gone."] if gone else wrong
