"""Finding people, and the desk's pages, with 600,000 people and 1.2 million bookings."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

from django.db import connection
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from accounts.models import AccessRecord, PractitionerGroup, User
from booking.catalogue.models import CourseInterest, Session, Venue
from booking.desk.urls import urlpatterns
from booking.learning.models import PriorLearning
from booking.outbox.models import Message
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.replies.models import ReceivedMail
from tests.load.counting import Counting
from tests.load.crowd import Size, add_bookings, insert_select, populate, sign_in
from tests.load.report import Line, Target, percentile

_SIZE = Size(people=600_000, upcoming=2_000, past=10_000, bookings_each=2)
_QUICK = Size(people=60_000, upcoming=200, past=1_000, bookings_each=2)
_SEARCH_MS, _PAGE_MS = 50, 150
_ROUNDS = 20
_FIRST = "Ann,Łucja,Zoë,Siân,Mohammed,Grace,Rhys,Naomi,Harjit,Ewa,Callum,Farzana,Tom,Nadia,Denise"
_LAST = "Ahmed,Zielińska,O’Brien,Clarke,Kowalczyk,Oyelaran,Prosser,Sandhu,Whitaker,Feldman,Bennett"
# Enough beginnings and endings for as many surnames as a county has. The index and what writes a
# session's words are done without meanwhile: for each row of so many they take most of the time.
_NAMES = f"""
ALTER TABLE accounts_user DISABLE TRIGGER USER;
ALTER TABLE accounts_user ENABLE TRIGGER words_of_a_person;
DROP INDEX people_by_words;
UPDATE accounts_user SET phone = '0113 ' || (1000000 + id),
    first_name = (string_to_array('{_FIRST}', ','))[1 + id % 15],
    last_name = (string_to_array('{_LAST}', ','))[1 + id % 11]
        || CASE WHEN id % 7 < 5 THEN chr((97 + id / 77 % 26)::int)
            || chr((97 + id / 2002 % 26)::int) || chr((97 + id / 52052 % 26)::int) ELSE '' END,
    agency_confirmed_at = CASE WHEN id % 50 > 0 THEN now() END,
    is_trainer = id % 3000 = 1, mail_failing_since = CASE WHEN id % 3000 = 2 THEN now() END;
CREATE INDEX people_by_words ON accounts_user USING gin (words gin_trgm_ops);
ALTER TABLE accounts_user ENABLE TRIGGER USER;
VACUUM ANALYZE;
"""
_SEARCHES = (
    *("zielinska", "lucja ziel", "o'brien", "kowalczyk ewa", "sandhu harjit", "person4711"),
    *("person5@agency5", "0113 1004711", "01131599999", "agency 17 ahmed", "whitakerab", "prosser"),
    *("nobody at all", "zoe feldman", "bennettq", "clarke grace agency 3", "oye", "bo li"),
)
# Besides each page as it is opened: what is asked of it every day.
_ASKED = (
    *("people/?q=zielinska", "people/?q=agency", "people/?show=unconfirmed", "people/?show=leads"),
    *("people/?show=trainers", "people/?show=unproved", "people/?show=ended&q=clarke"),
    *("sessions/?show=past", "sessions/?show=drafts", "sessions/?show=at-risk", "sessions/?q=part"),
    *("messages/?show=parked", "messages/?show=sent&q=zielinska", "messages/?q=person4711"),
    *("looks/?q=clarke", "people/1/merge/?q=zielinska"),
)


def measure(*, quick: bool) -> Iterator[Line]:
    """The search by itself, then each page of the desk."""
    _fill(_QUICK if quick else _SIZE)
    yield _line(
        f"finding people by {len(_SEARCHES)} texts",
        [partial(_found, each) for each in _SEARCHES],
        _SEARCH_MS,
    )
    by = User.objects.order_by("pk")[0]
    User.objects.filter(pk=by.pk).update(is_coordinator=True, is_superuser=True)
    by.refresh_from_db()
    coordinator = Client(headers={"host": "localhost"})
    coordinator.cookies.load(sign_in([by])[0])
    for path in (*_paths(), *(f"{reverse('manage')}{each}" for each in _ASKED)):
        answer = coordinator.get(path)
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
            yield _line(path, [partial(coordinator.get, path)], _PAGE_MS)


def _fill(size: Size) -> None:
    """As `populate`, and what a partnership of so many people has besides."""
    populate(size)
    people, first = size.people, size.past + 1
    with connection.cursor() as cursor:
        for statement in _NAMES.split(";\n"):
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = replica")
    # Twenty places on each session ahead; where all are taken, fifteen wait.
    for state, numbers in (
        ("confirmed", (1, 20 * size.upcoming)),
        ("requested", (20 * size.upcoming + 1, 21 * size.upcoming)),
    ):
        add_bookings(_pairs(numbers, f"{first} + n % {size.upcoming}"), state=state)
    waiting = 21 * size.upcoming
    add_bookings(
        _pairs(
            (waiting + 1, waiting + 15 * (size.upcoming // 20)),
            f"{first} + n % {size.upcoming // 20}",
        ),
        state="waiting",
    )
    rows: Sequence[tuple[type[Model], Mapping[str, str], str]] = (
        (
            Approval,
            {
                "booking_id": "id",
                "manager_email": "'boss' || id || '@elsewhere.example'",
                "key": "md5(id::text)",
                "state": "CASE WHEN id % 3 = 0 THEN 'unconfirmed' ELSE 'asked' END",
                "remind_at": "now() + interval '1 day'",
                "expires_at": "now() + interval '3 days'",
            },
            "booking_booking WHERE state = 'requested'",
        ),
        (
            PriorLearning,
            {
                "person_id": "n",
                "course_id": "1 + n % 60",
                "completed_on": "'2026-01-01'",
                "provider": "'A college'",
                "state": "CASE WHEN n % 100 = 1 THEN 'declared' ELSE 'verified' END",
            },
            f"generate_series(1, {people}, 6) n",
        ),
        (
            AccessRecord,
            {
                "by_id": "1 + n % 40",
                "at": "now() - n * interval '1 minute'",
                "form": "'page'",
                "what": "'person'",
                "whom_id": "n",
                "about": "''",
                "about_id": "n",
                "rows": "1",
            },
            f"generate_series(1, {people}) n",
        ),
        (
            CourseInterest,
            {"course_id": "1 + n % 60", "person_id": "n"},
            f"generate_series(1, {people}, 10) n",
        ),
        (
            ReceivedMail,
            {
                "key": "'mail' || n",
                "seen_at": "now() - n * interval '1 hour'",
                "state": "CASE WHEN n % 100 = 0 THEN 'listed' ELSE 'done' END",
                "from_address": "'person' || n || '@agency1.example'",
                "subject": "'Automatic reply'",
            },
            f"generate_series(1, {people // 30}) n",
        ),
        (PractitionerGroup, {"name": "'Group ' || n"}, "generate_series(1, 8) n"),
        (
            PractitionerGroup.members.through,
            {"practitionergroup_id": "1 + n % 8", "user_id": "n"},
            f"generate_series(1, {people}, 100) n",
        ),
        (
            Session.trainers.through,
            {"session_id": "n", "user_id": "1 + 3000 * (n % 20)"},
            f"generate_series(1, {size.past + size.upcoming}) n",
        ),
    )
    for model, columns, source in rows:
        insert_select(model, columns, source)
    with connection.cursor() as cursor:
        cursor.execute("RESET session_replication_role")
        cursor.execute(
            "UPDATE booking_booking SET needs = 'Wheelchair user; vegetarian'"
            f" WHERE session_id >= {first} AND id % 20 = 0"
        )
        cursor.execute(
            "UPDATE booking_session SET state = 'draft' WHERE id % 400 = 1 AND state = 'published'"
        )
        for state, remainder in (("parked", 1), ("letter", 2)):
            cursor.execute(
                "UPDATE booking_message SET state = %s, last_error = '550 5.1.1 No such user'"
                " WHERE id %% 4000 = %s",
                [state, remainder],
            )
        cursor.execute("VACUUM ANALYZE")


def _pairs(numbers: tuple[int, int], session: str) -> str:
    """The people of these numbers, each with a session, for `add_bookings`."""
    return (
        f"(SELECT n AS person_id, {session} AS session_id"
        f" FROM generate_series({numbers[0]}, {numbers[1]}) n) AS pairs"
    )


def _paths() -> Iterator[str]:
    """Every page of the desk that a look opens, about a session with people and one of them."""
    session = Session.objects.filter(state=Session.State.PUBLISHED, waiting_count__gt=0)[0]
    booking = Booking.objects.for_session(session).waiting()[0]
    keys = {
        "session_id": session.pk,
        "booking_id": booking.pk,
        "person_id": booking.person_id,
        "message_id": Message.objects.filter(state=Message.State.PARKED)[0].pk,
        "course_id": session.course_id,
        "venue_id": Venue.objects.all()[0].pk,
        "group_id": PractitionerGroup.objects.all()[0].pk,
        "declaration_id": PriorLearning.objects.filter(state="declared")[0].pk,
        "approval_id": Approval.objects.filter(state="unconfirmed")[0].pk,
    }
    for pattern in urlpatterns:
        asked = pattern.pattern.converters
        if asked.keys() <= keys.keys() and not str(pattern.name).endswith(("csv", "copy")):
            yield reverse(str(pattern.name), args=[keys[each] for each in asked])
    yield booking.get_absolute_url()


def _found(text: str) -> None:
    found = User.objects.found_by(text).filter(is_active=True).some_by_name()
    list(found.values_list("pk", flat=True))


def _line(name: str, calls: Sequence[Callable[[], object]], most_ms: float) -> Line:
    """How long these took, in turn, after one round that warms up and counts statements."""
    with Counting() as counting:
        for call in calls:
            call()
    times = []
    for _ in range(_ROUNDS):
        for call in calls:
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    p95 = percentile(times, 0.95)
    return Line(
        name=name,
        p50=percentile(times, 0.5),
        p99=percentile(times, 0.99),
        sql=f"{len(counting.statements) / len(calls):.1f}",
        target=Target(words=f"p95 < {most_ms} ms", met=p95 < most_ms),
        note=f"p95 {p95:.1f} ms.",
    )
