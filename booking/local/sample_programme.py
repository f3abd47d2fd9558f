"""The sample programme of the demo: the partnership's CSV files, and people who have booked.

Everything is made in one transaction with a fixed seed, through the actions that the site itself
uses, so the sample is what the site would hold after some weeks of use.
"""

import csv
import math
import random
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

from allauth.account.models import EmailAddress
from django.db import transaction

from accounts.actions import begin
from accounts.models import Agency, Sector, User
from booking.catalogue import interest, policies
from booking.catalogue.importing.programme import import_programme
from booking.catalogue.models import Course, Session, Venue
from booking.catalogue.policies import Band, PolicyTerms
from booking.learning.models import PriorLearning
from booking.local import (
    AGENCY_LEAD,
    COORDINATOR,
    MAIL_ADDRESS,
    PARTNERSHIP,
    PRACTITIONER,
)
from booking.local.past_term import hold_past_term
from booking.local.sample_bulletin import add_july_newsletter
from booking.local.sample_replies import receive_sample_mail
from booking.materials.actions import add_material
from booking.materials.models import Material
from booking.outbox.models import Message
from booking.partnership import kept as partnership
from booking.places import actions as places
from booking.places.changing import answering
from booking.places.managers.models import Approval
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused
from booking.site.wording import LONDON
from booking.site.working_days import is_working_day

FOLDER = Path(__file__).resolve().parent / "sample"

_FIRST_SESSION_IN = timedelta(days=10)
_BOOKED_SINCE = timedelta(days=30)
_SEED = 7_2027
_LEARNING_TO_CHECK = 12
_BY_OFFER = ("S048", "S066")
_OPENS_NEXT_WEEK = "S072"
_CLOSES_SOON = "S008"
_PRACTITIONER_HAS_A_PLACE_IN, _PRACTITIONER_WAITS_FOR = "S003", "S048"
_FOR_SECTORS = {"EHE": [Sector.EDUCATION, Sector.LOCAL_AUTHORITY]}
_FOR_LEVEL_THREE = ("STRAT",)
# What the partnership's own files have no columns for.
_MORE = tomllib.loads((FOLDER / "more.toml").read_text(encoding="utf-8"))
_POLICY = "Leeds: five working days"
# Yearly turnovers of the first charities, in pounds: one small enough to be free of charge.
_TURNOVERS = (180_000, 2_400_000)
_TRAINERS_AGENCY = "Leeds City Council Children and Families"


@dataclass(frozen=True)
class Loaded:
    """What the sample holds."""

    sessions: int
    people: int
    places_taken: int
    waiting: int


class AlreadyLoaded(Exception):
    """There is a programme already; nothing was changed."""


def load_sample(*, now: datetime) -> Loaded:
    """Make the sample programme, its first session about ten days after `now`.

    Raises `AlreadyLoaded` if there are sessions. Nothing of it is mailed to anybody.
    """
    with transaction.atomic():
        if Session.objects.exists():
            raise AlreadyLoaded
        starting_from = _quiet_start((now + _FIRST_SESSION_IN).astimezone(LONDON).date())
        import_programme(folder=FOLDER, now=now - _BOOKED_SINCE, starting_from=starting_from)
        partnership.change(
            values={"name": PARTNERSHIP, "help_email": MAIL_ADDRESS, **_MORE["partnership"]},
            by=None,
        )
        _set_policy(now)
        _add_coordinator()
        _name_trainers()
        User.objects.filter(email=AGENCY_LEAD).update(is_agency_lead=True)
        for name, words in _MORE["getting_there"].items():
            Venue.objects.filter(name=name).update(getting_there=words)
        _add_reading(now)
        _set_booking_times(now)
        _declare_learning(now)
        hold_past_term(now=now)
        _book(now)
        _keep_courses_for_some()
        _ask_for_dates(now)
        _only_say_so()
        add_july_newsletter(now=now)
        receive_sample_mail(now=now)
        # Not dropped either: nobody should be shown trouble that there never was.
        Message.objects.filter(booking__isnull=False, state=Message.State.WAITING).delete()
    bookings = Booking.objects.all()
    return Loaded(
        sessions=Session.objects.count(),
        people=User.objects.count(),
        places_taken=bookings.holding_a_place().count(),
        waiting=bookings.waiting().count(),
    )


def _quiet_start(earliest: date) -> date:
    """The day, in the six weeks from `earliest`, that puts fewest sessions on bank holidays."""
    with (FOLDER / "sessions.csv").open(encoding="utf-8", newline="") as file:
        days = [
            date.fromisoformat(sitting[:10])
            for row in csv.DictReader(file)
            for sitting in row["sittings"].split(";")
        ]

    def on_holidays(start: date) -> int:
        moved = timedelta(weeks=math.ceil((start - min(days)).days / 7))
        return sum(not is_working_day(day + moved) for day in days)

    return min((earliest + timedelta(weeks=number) for number in range(6)), key=on_holidays)


def _set_policy(now: datetime) -> None:
    """What Leeds asks of those who cancel late or do not come."""
    policy = policies.create(
        name=_POLICY,
        terms=PolicyTerms(
            notice_days=5,
            free_for_trainers_in_kind=True,
            free_for_charities_under_pence=25_000_000,
            bands=[Band(Decimal(0), 3500, 3500), Band(Decimal(4), 5000, 5000)],
        ),
        now=now - _BOOKED_SINCE,
    )
    Course.objects.update(usual_policy=policy)
    Session.objects.update(policy=policy)
    charities = Agency.objects.filter(sector=Sector.VOLUNTARY).order_by("name")
    for agency, pounds in zip(charities, _TURNOVERS, strict=False):
        Agency.objects.filter(pk=agency.pk).update(annual_turnover_pence=pounds * 100)


def _add_coordinator() -> None:
    agency, _ = Agency.objects.get_or_create(
        name="Leeds Safeguarding Children Partnership",
        defaults={"sector": Sector.LOCAL_AUTHORITY, "email_domains": ["leedsscp.example"]},
    )
    roles = {"is_coordinator": True, "is_staff": True, "is_superuser": True}
    person = User.objects.filter(email=COORDINATOR).first() or User.objects.create_user(COORDINATOR)
    User.objects.filter(pk=person.pk).update(
        first_name="Bernadette",
        last_name="Clough",
        job_title="Training coordinator",
        agency=agency,
        **roles,
    )
    EmailAddress.objects.update_or_create(
        user=person, email=COORDINATOR, defaults={"verified": True, "primary": True}
    )


def _name_trainers() -> None:
    agency = Agency.objects.get(name=_TRAINERS_AGENCY)
    for email, (first, last) in _MORE["trainers"].items():
        User.objects.filter(email=email).update(
            first_name=first,
            last_name=last,
            job_title="Safeguarding trainer",
            agency=agency,
            is_trainer=True,
        )


def _add_reading(now: datetime) -> None:
    """What some courses are for, what to read, and where it is found."""
    by = User.objects.get(email=COORDINATOR)
    for code, texts in _MORE["learning"].items():
        course = Course.objects.get(code=code)
        course.learning_outcomes = texts["learning_outcomes"].strip()
        course.reading = texts["reading"].strip()
        course.save(update_fields=["learning_outcomes", "reading"])
        add_material(
            owner=course,
            title=texts["material"],
            audience=Material.Audience.EVERYBODY,
            file=None,
            link=texts["link"],
            last_day=None,
            by=by,
            now=now,
        )


def _set_booking_times(now: datetime) -> None:
    today = now.astimezone(LONDON).date()
    next_monday = today + timedelta(days=7 - today.weekday())
    opens = datetime.combine(next_monday, time(9), LONDON)
    closes = datetime.combine(today + timedelta(days=3), time(17), LONDON)
    Session.objects.filter(reference=_OPENS_NEXT_WEEK).update(booking_opens_at=opens)
    Session.objects.filter(reference=_CLOSES_SOON).update(booking_closes_at=closes)
    Session.objects.filter(reference__in=_BY_OFFER).update(promotion=Session.Promotion.OFFER)


def _declare_learning(now: datetime) -> None:
    """Nine in ten have done elsewhere what other courses build on; most of it is checked."""
    dice = random.Random(_SEED)  # noqa: S311 - sample data, the same each time
    courses = list(Course.objects.filter(leads_to__isnull=False).distinct().order_by("code"))
    people = User.objects.order_by("email")
    done = now.date() - timedelta(days=400)
    PriorLearning.objects.bulk_create(
        [
            PriorLearning(
                person=person,
                course=course,
                completed_on=done - timedelta(days=dice.randrange(600)),
                provider="In-house training",
                declared_at=now - _BOOKED_SINCE,
            )
            for person in people
            for course in courses
            if dice.random() < 0.9 or person.email == PRACTITIONER
        ]
    )
    to_check = PriorLearning.objects.order_by("-pk").values("pk")[:_LEARNING_TO_CHECK]
    PriorLearning.objects.exclude(pk__in=to_check).update(
        state=PriorLearning.State.VERIFIED,
        checked_by=User.objects.get(email=COORDINATOR),
        checked_at=now - _BOOKED_SINCE,
    )


def _keep_courses_for_some() -> None:
    """One course for some sectors, one for those whose work is at the highest level."""
    for code, sectors in _FOR_SECTORS.items():
        Course.objects.filter(code=code).update(sectors=sectors)
    Course.objects.filter(code__in=_FOR_LEVEL_THREE).update(least_level=3)
    User.objects.filter(email=PRACTITIONER).update(level=2)


def _only_say_so() -> None:
    """Some say whom they work for, and nobody has confirmed it: from the list, or written down."""
    agency = Agency.objects.get(people__email=AGENCY_LEAD)
    for first, last, says in _MORE["only_say_so"]["people"]:
        listed = {"agency": agency} if not says else {"unlisted_agency": says}
        person = begin(
            email=f"{first}.{last}@mail.example".lower(),
            first_name=first,
            last_name=last,
            job_title="Family worker",
            **listed,
        )
        EmailAddress.objects.filter(user=person).update(verified=True, primary=True)


def _ask_for_dates(now: datetime) -> None:
    """Some people want to hear of new dates."""
    dice = random.Random(_SEED)  # noqa: S311 - sample data, the same each time
    people = list(User.objects.filter(is_trainer=False, is_coordinator=False).order_by("email"))
    for code, number in _MORE["want_to_hear"].items():
        course = Course.objects.get(code=code)
        for person in dice.sample(people, k=min(number, len(people))):
            since = now - timedelta(hours=dice.randrange(1, 400))
            interest.tell_me(course=course, person=person, now=since)


@dataclass
class _Wanted:
    """What a session is filled with: bookings, of which the last ones find it full."""

    session: Session
    places: int
    waiting: int = 0
    by_agency: Counter[int | None] = field(default_factory=Counter)

    def has_room_for(self, agency_id: int | None) -> bool:
        """Whether somebody of this agency gets a place, or the session is full for all."""
        limit = self.session.agency_limit
        full = self.by_agency.total() >= self.places
        return full or limit is None or self.by_agency[agency_id] < limit


def _book(now: datetime) -> None:
    """Book places, spread over the weeks before `now`, oldest first."""
    dice = random.Random(_SEED)  # noqa: S311 - sample data, the same each time
    people = list(
        User.objects.filter(is_trainer=False, is_coordinator=False)
        .exclude(email=PRACTITIONER)
        .order_by("email")
    )
    ahead = Session.objects.upcoming(now=now).order_by("reference")
    sessions = {session.reference: session for session in ahead}
    practitioner = User.objects.get(email=PRACTITIONER)
    first = now - _BOOKED_SINCE
    _try_to_book(sessions[_PRACTITIONER_HAS_A_PLACE_IN], practitioner, first, dice)
    wanted = [_wanted_in(session, dice) for session in sessions.values()]
    turns = [turn for each in wanted for turn in [each] * (each.places + each.waiting)]
    dice.shuffle(turns)
    clock = _moments(first, now - timedelta(hours=1), len(turns) + 1)
    for turn in turns:
        _book_somebody(turn, people, next(clock), dice)
    _try_to_book(sessions[_PRACTITIONER_WAITS_FOR], practitioner, next(clock), dice)
    # Managers who were asked long ago have answered, or their people's places would be lost.
    for approval in Approval.objects.run_out(now=now).select_related("booking"):
        answering.approve(approval=approval, now=approval.asked_at + timedelta(days=1))


def _wanted_in(session: Session, dice: random.Random) -> _Wanted:
    reference, capacity = session.reference, session.capacity
    if reference == _OPENS_NEXT_WEEK:
        return _Wanted(session, 0)
    if waiting := _MORE["full_with_waiting"].get(reference):
        return _Wanted(session, capacity, waiting)
    if left := _MORE["nearly_full_with_places"].get(reference):
        return _Wanted(session, capacity - left)
    return _Wanted(session, dice.randint(2, min(capacity // 3, 7)))


def _moments(first: datetime, last: datetime, number: int) -> Iterator[datetime]:
    step = (last - first) / number
    return (first + step * turn for turn in range(1, number + 1))


def _book_somebody(wanted: _Wanted, people: list[User], at: datetime, dice: random.Random) -> None:
    """Book the first person, in a random order, whom the rules let book."""
    for person in dice.sample(people, k=len(people)):
        if wanted.has_room_for(person.agency_id) and _try_to_book(wanted.session, person, at, dice):
            wanted.by_agency[person.agency_id] += 1
            return


def _try_to_book(session: Session, person: User, at: datetime, dice: random.Random) -> bool:
    needs = dice.choice(_MORE["needs"]) if dice.random() < 0.1 else ""
    try:
        places.book(session=session, person=person, by=person, now=at, needs=needs)
    except PlaceRefused:
        return False
    return True
