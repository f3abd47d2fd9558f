"""Every task delivered three times and in any order, to four worker processes."""

import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import timedelta
from email import message_from_bytes, policy

from django.utils import timezone

from booking.catalogue.models import Session
from booking.mail.reminders import HOUR
from booking.outbox.models import Message
from booking.places import actions
from booking.places.models import Booking
from booking.scheduling import changing
from booking.scheduling.changing import Arrangements, PlannedSitting
from tests.faults.accounts_of_mail import begin_anew, nothing_on_the_way, people_of, settle
from tests.faults.mail_server import TakenMail
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import STARTED_WITHIN, Site, wait_until
from tests.load import crowd
from worker.celery import SCHEDULE, app

PEOPLE, WAVES = 40, 24
# One wave: every task that beat asks for, and delivering more often.
_TASKS = ("worker.tasks.deliver_messages",) * 6 + tuple(each["task"] for each in SCHEDULE.values())
_SOON = timedelta(minutes=40)
_FEW, _MORE, _WANTED = 5, 8, 15
_ENTRY = re.compile(r"^(UID|SEQUENCE|METHOD):(.*)$", re.MULTILINE)


def repeated_and_shuffled(site: Site, scale: Scale) -> list[Row]:
    """Bookings, changes and cancellations while the same tasks come again and again."""
    tasks = 3 * WAVES * len(_TASKS)
    row = Row("tasks delivered three times", f"{tasks} tasks shuffled, 2 workers of 2 processes")
    begin_anew(site, people=PEOPLE)
    session = crowd.add_session(capacity=PEOPLE, days_ahead=5)
    wanted, soon = _somebody_waits(), _somebody_is_to_be_reminded()
    with (
        site.worker(name="one") as one,
        site.worker(name="two") as two,
    ):
        for number in range(WAVES):
            _decide(number, session)
            if number == WAVES // 2:
                # As if a round had been missed: only the task finds these places.
                Session.objects.filter(pk=wanted.pk).update(capacity=_MORE)
            _send_a_wave()
            time.sleep(0.3)
        took = wait_until(nothing_on_the_way, one, two, seconds=STARTED_WITHIN)
    row.took(took, at_most=STARTED_WITHIN)
    settle(row, site.mail.taken)
    entries = _expect_rising(row, site.mail.taken, session)
    _expect_once(row, wanted, "booking.promoted", _MORE - _FEW)
    _expect_once(row, soon, HOUR, PEOPLE)
    row.notes.append(f"{len(site.mail.taken)} mails, {entries} calendar entries sent in all.")
    return [row]


def _somebody_waits() -> Session:
    """A session with more people than places."""
    session = crowd.add_session(capacity=_FEW, days_ahead=50)
    for person in people_of(_WANTED):
        actions.book(session=session, person=person, by=person, now=timezone.now())
    return session


def _somebody_is_to_be_reminded() -> Session:
    """An online session that starts within the hour and was booked long ago."""
    session = crowd.add_session(capacity=PEOPLE, days_ahead=1)
    starts, booked_at = timezone.now() + _SOON, timezone.now() - timedelta(days=30)
    Session.objects.filter(pk=session.pk).update(
        delivery=Session.Delivery.ONLINE,
        starts_at=starts,
        ends_at=starts + timedelta(hours=1),
        changed_at=booked_at,
    )
    session.sittings.update(starts_at=starts, ends_at=starts + timedelta(hours=1))
    for person in people_of(PEOPLE):
        actions.book(session=session, person=person, by=person, now=booked_at)
    return session


def _expect_once(row: Row, session: Session, topic: str, people: int) -> None:
    """So many people of a session were told something, each once."""
    told = Counter(
        Message.objects.filter(booking__session=session, topic=topic).values_list(
            "booking", flat=True
        )
    )
    row.expect_equal(f"people told by {topic}", (len(told), told.total()), (people, people))


def _decide(number: int, session: Session) -> None:
    """Something that people must be told: they book, the session moves, they cancel."""
    now = timezone.now()
    if number == 0:
        for person in people_of(PEOPLE):
            actions.book(session=session, person=person, by=person, now=now)
    elif number % 4 == 1 and number < WAVES - 6:
        _move(session, hours=number)
    elif number == WAVES - 4:
        for booking in Booking.objects.for_session(session).select_related("person"):
            actions.cancel(booking=booking, by=booking.person, now=now)


def _move(session: Session, *, hours: int) -> None:
    [sitting] = session.sittings.all()
    starts = session.starts_at + timedelta(hours=hours)
    changing.rearrange(
        session=session,
        arrangements=Arrangements(
            sittings=(PlannedSitting(starts, starts + timedelta(hours=3), sitting.pk),),
            delivery=session.delivery,
            venue=session.venue,
            meeting=session.meeting.opened(),
        ),
        by=people_of(1)[0],
        now=timezone.now(),
    )


def _send_a_wave() -> None:
    wave = list(_TASKS) * 3
    random.shuffle(wave)
    for task in wave:
        app.send_task(task, expires=120)


def _expect_rising(row: Row, taken: Sequence[TakenMail], session: Session) -> int:
    """For each recipient and UID, SEQUENCE only rises; a CANCEL comes last on this session."""
    bookings = Booking.objects.for_session(session)
    ended = set(bookings.values_list("calendar_key", flat=True))
    streams: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for mail in taken:
        entry = _entry(mail.content)
        if entry:
            key = mail.recipient, entry["UID"].strip()
            streams[key].append((int(entry["SEQUENCE"]), entry["METHOD"].strip()))
    found = falling = fewer = unfinished = 0
    for (_, uid), sent in streams.items():
        sequences = [sequence for sequence, _ in sent]
        falling += sequences != sorted(set(sequences))
        if uid.partition("-")[0] in ended:
            found += 1
            fewer += len(sent) < 3
            unfinished += sent[-1][1] != "CANCEL"
    row.expect_equal("calendar entries of the session that was moved", found, PEOPLE)
    row.expect_equal("entries whose SEQUENCE does not only rise", falling, 0)
    row.expect_equal("entries sent fewer than three times", fewer, 0)
    row.expect_equal("entries that do not end with a CANCEL", unfinished, 0)
    return sum(map(len, streams.values()))


def _entry(content: bytes) -> dict[str, str]:
    for part in message_from_bytes(content, policy=policy.default).walk():
        if part.get_content_type() == "text/calendar":
            payload = part.get_payload(decode=True)
            assert isinstance(payload, bytes), "a calendar is one part"
            text = payload.decode().replace("\r\n ", "").replace("\r\n", "\n")
            return dict(_ENTRY.findall(text))
    return {}
