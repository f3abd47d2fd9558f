"""The term before the sample programme: sessions that were held, with their registers.

Each is booked, marked and closed by the actions of the site, at the hours when that was. One has
no register, as before there were any, and one is still to be closed.
"""

import random
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from accounts.models import User
from booking.attendance import absences, closing, marking
from booking.attendance.marking import Press
from booking.attendance.models import AbsenceCase, Mark
from booking.attendance.roster import roster_of
from booking.catalogue.models import CancellationPolicy, Course, Session, Sitting, Venue
from booking.local import COORDINATOR, PRACTITIONER, TRAINER
from booking.places import actions as places
from booking.places.changing.walking_in import walk_in
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused
from booking.scheduling.drafting import complete_sessions
from booking.site.wording import LONDON

What = Mark.What
_BOOKED_BEFORE = timedelta(days=25)
_SEED = 9_2026
# Reference, course, weeks ago, its dates, and how many come.
_HELD = (
    ("P001", "INTRO", 11, 1, 14),
    ("P002", "CE-INTRO", 9, 1, 12),
    ("P003", "NEGLECT", 7, 2, 12),
    ("P004", "DA", 5, 1, 9),
    ("P005", "CE-INTRO", 1, 1, 10),
    ("P006", "INTRO", 0, 1, 8),
)
_WITHOUT_REGISTER, _STILL_OPEN, _WITH_WALK_IN = "P001", "P006", "P005"
_PRACTITIONER_CAME, _PRACTITIONER_MISSED = "P002", "P005"
# What some who did not come say.
_REASONS = ("My daughter was taken ill in the night.", "I forgot.", "I was called to court.")


def hold_past_term(*, now: datetime) -> None:
    """Make the past term: it ends before `now`, and some of its absences wait for a decision."""
    dice = random.Random(_SEED)  # noqa: S311 - sample data, the same each time
    people = list(User.objects.filter(is_trainer=False, is_coordinator=False).order_by("email"))
    trainer = User.objects.get(email=TRAINER)
    for reference, code, weeks, dates, number in _HELD:
        session = _scheduled(reference, code, weeks, dates, now=now)
        session.trainers.set([trainer])
        first = [each for each in people if each.email == PRACTITIONER]
        is_theirs = reference in (_PRACTITIONER_CAME, _PRACTITIONER_MISSED)
        _book(session, (first if is_theirs else []) + dice.sample(people, k=3 * number), number)
        if reference != _WITHOUT_REGISTER:
            _mark(session, trainer, dice)
        if reference not in (_WITHOUT_REGISTER, _STILL_OPEN):
            seen = closing.fingerprint(roster_of(session))
            closing.close_register(session=session, seen=seen, by=trainer, now=session.ends_at)
    _settle_absences(now=now)
    complete_sessions(now=now)


def _scheduled(reference: str, code: str, weeks: int, dates: int, *, now: datetime) -> Session:
    """Published, on Tuesdays in the morning; the last date lies so many weeks back."""
    today = now.astimezone(LONDON).date()
    tuesday = today - timedelta(weeks=weeks, days=(today.weekday() - 1) % 7 or 7)
    days = [tuesday - timedelta(weeks=each) for each in reversed(range(dates))]
    times = [
        (datetime.combine(day, time(9, 30), LONDON), datetime.combine(day, time(12, 30), LONDON))
        for day in days
    ]
    session = Session.objects.create(
        reference=reference,
        course=Course.objects.get(code=code),
        state=Session.State.PUBLISHED,
        venue=Venue.objects.order_by("name").first(),
        starts_at=times[0][0],
        ends_at=times[-1][1],
        capacity=24,
        policy=CancellationPolicy.objects.get(),
    )
    Sitting.objects.bulk_create(
        [Sitting(session=session, starts_at=starts, ends_at=ends) for starts, ends in times]
    )
    return session


def _book(session: Session, people: Sequence[User], number: int) -> None:
    booked = 0
    for person in dict.fromkeys(people):
        if booked == number:
            return
        try:
            at = session.starts_at - _BOOKED_BEFORE
            places.book(session=session, person=person, by=person, now=at)
            booked += 1
        except PlaceRefused:
            continue


def _mark(session: Session, trainer: User, dice: random.Random) -> None:
    """Most come, one late, one leaves early, one sends apologies, two stay away."""
    bookings = list(Booking.objects.for_session(session).confirmed().select_related("person"))
    dice.shuffle(bookings)
    bookings.sort(key=lambda each: each.person.email != PRACTITIONER)
    away = {1, 2} if session.reference != _PRACTITIONER_MISSED else {0, 2}
    for sitting in session.sittings.all():
        presses = [
            Press(
                booking=booking.pk,
                sitting=sitting.pk,
                what=What.ABSENT if at in away else What.APOLOGIES if at == 5 else What.ATTENDED,
                late=20 if at == 3 else None,
                early=45 if at == 4 else None,
            )
            for at, booking in enumerate(bookings)
            if session.reference != _STILL_OPEN or at < len(bookings) - 2
        ]
        now = sitting.starts_at + timedelta(minutes=40)
        marking.mark(session=session, presses=presses, by=trainer, now=now)
    if session.reference == _WITH_WALK_IN:
        _walk_in(session, trainer)


def _walk_in(session: Session, trainer: User) -> None:
    here = Booking.objects.for_session(session).values("person")
    others = User.objects.filter(is_trainer=False, is_coordinator=False).exclude(pk__in=here)
    person = others.exclude(email=PRACTITIONER).order_by("email")[7]
    sitting = session.sittings.all()[0]
    now = sitting.starts_at + timedelta(minutes=5)
    came = walk_in(session=session, person=person, by=trainer, now=now)
    press = Press(booking=came.pk, sitting=sitting.pk, what=What.ATTENDED)
    marking.mark(session=session, presses=[press], by=trainer, now=now)


def _settle_absences(*, now: datetime) -> None:
    """The oldest are settled: one accepted, one charged; the others wait, one with a reason."""
    by = User.objects.get(email=COORDINATOR)
    cases = list(AbsenceCase.objects.select_related("booking").order_by("opened_at", "pk"))
    for case, reason in zip(cases, _REASONS, strict=False):
        at = case.opened_at + timedelta(days=1)
        absences.say_why(case=case, reason=reason, now=at)
    charged = next(case for case in cases if case.pence)
    accepted = next(case for case in cases if case.pk != charged.pk)
    absences.charge(case=charged, why="", by=by, now=charged.opened_at + timedelta(days=3))
    absences.accept(case=accepted, why="", by=by, now=accepted.opened_at + timedelta(days=3))
