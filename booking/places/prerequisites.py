"""Places that were given because an earlier course was booked, and was lost or missed.

A place on the earlier course counts as having done it as long as it is certain and ends in time,
and the register does not say otherwise. Whatever takes it away, the place that was built on it
stays; its person is told, and it stands on the coordinators' list until somebody has settled it.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places import history
from booking.places.events import BookingEvent
from booking.places.lock import read_practitioners, read_sessions
from booking.places.models import Booking, BookingQuerySet
from booking.places.news.drafts import about
from booking.places.refusals import PrerequisiteMissing
from booking.places.rules.line import united
from booking.places.rules.rules import Case, first_against, prerequisites

State, What = Booking.State, BookingEvent.What

register(MailTopic("booking.earlier_missing", "What comes first is missing"))
_KNOWN = (What.EARLIER_MISSING, What.EARLIER_NOT_NEEDED)
# How many are looked at in one transaction.
_AT_ONCE = 100


def _last_words() -> QuerySet[BookingEvent]:
    """What was said of the earlier course of a booking, the last first."""
    about = (*_KNOWN, What.EARLIER_BACK)
    return BookingEvent.objects.filter(booking=OuterRef("pk"), what__in=about).order_by(
        "-at", "-id"
    )


_LAST_SAID = Subquery(_last_words().values("what")[:1])


def resting_on_nothing(*, now: datetime) -> BookingQuerySet:
    """Places on sessions ahead whose person had booked an earlier course and lost or missed it.

    Some may have done it all the same: `missing` says which have not.
    """
    every = Course.prerequisites.through.objects.all()
    needed = every.filter(from_course=OuterRef(OuterRef("session__course")))
    gone = Q(state=State.CANCELLED, ended_at__gte=OuterRef("booked_at"))
    too_late = Q(state=State.CONFIRMED, session__ends_at__gt=OuterRef("session__starts_at"))
    missed = Q(state=State.CONFIRMED, outcome__in=Booking.MISSED)
    earlier = Booking.objects.filter(
        gone | too_late | missed,
        person=OuterRef("person"),
        session__course__in=needed.values("to_course"),
        confirmed_at__isnull=False,
    )
    # Few courses ask for another: the places on all others are not looked at.
    return Booking.objects.holding_a_place().filter(
        Exists(earlier),
        session__course__in=every.values("from_course"),
        session__state=Session.State.PUBLISHED,
        session__starts_at__gt=now,
    )


def missing(bookings: Sequence[Booking], *, now: datetime) -> dict[int, PrerequisiteMissing]:
    """What has to be done first and is not, for each of these bookings that lacks something."""
    sessions = read_sessions({booking.session_id for booking in bookings})
    asked = united([ruled.rules for ruled in sessions.values()])
    people = read_practitioners({booking.person_id for booking in bookings}, asked)
    found: dict[int, PrerequisiteMissing] = {}
    for booking in bookings:
        ruled = sessions[booking.session_id]
        who = people[booking.person_id]
        past = frozenset(booking.overridden)
        case = Case(session=ruled.session, course=ruled.rules, now=now, who=who, overridden=past)
        refused = first_against((prerequisites,), case)
        if isinstance(refused, PrerequisiteMissing):
            found[booking.pk] = refused
    return found


def tell_of_missing(*, now: datetime) -> int:
    """Tell everybody whose place has come to rest on nothing, once each time that it does.

    Returns how many were told. Safe to repeat, and beside another worker.
    """
    told, last = 0, 0
    while keys := _after(last, now=now):
        told += _tell(keys, now=now)
        last = keys[-1]
    return told


def to_look_at(*, now: datetime) -> BookingQuerySet:
    """Places whose person has been told that something is missing, which nobody has settled.

    Each has its `sentence`.
    """
    sentence = Subquery(_last_words().values("why")[:1])
    found = resting_on_nothing(now=now).annotate(said=_LAST_SAID, sentence=sentence)
    told = BookingEvent.objects.filter(what=What.EARLIER_MISSING).values("booking")
    return found.filter(pk__in=told, said=What.EARLIER_MISSING)


def let_stand(*, booking: Booking, by: User, now: datetime) -> bool:
    """Let the person come without what is missing; false if there is nothing to settle any more."""
    with transaction.atomic():
        found = to_look_at(now=now).select_for_update(of=("self",)).filter(pk=booking.pk).first()
        if found is not None:
            history.record([found], What.EARLIER_NOT_NEEDED, by=by, now=now)
    return found is not None


def _after(last: int, *, now: datetime) -> list[int]:
    found = resting_on_nothing(now=now).filter(pk__gt=last).order_by("pk")
    return list(found.values_list("pk", flat=True)[:_AT_ONCE])


def earlier_missing(booking: Booking, *, why: str, now: datetime) -> Draft:
    """To the person: a course that comes first is not booked any more; `why` says which."""
    return about(booking, "booking.earlier_missing", now.isoformat(), {"why": why})


@transaction.atomic
def _tell(keys: Sequence[int], *, now: datetime) -> int:
    bookings = list(
        resting_on_nothing(now=now)
        .filter(pk__in=keys)
        .annotate(said=_LAST_SAID)
        .select_related("person")
        .select_for_update(of=("self",), skip_locked=True)
        .order_by("pk")
    )
    lacking = missing(bookings, now=now)
    drafts = []
    for booking in bookings:
        refused, said = lacking.get(booking.pk), getattr(booking, "said", None)
        if refused is None and said in _KNOWN:
            history.record([booking], What.EARLIER_BACK, by=None, now=now)
        if refused is not None and said not in _KNOWN:
            why, rule = refused.sentence, refused.rule
            history.record([booking], What.EARLIER_MISSING, by=None, now=now, why=why, rule=rule)
            drafts.append(earlier_missing(booking, why=why, now=now))
    outbox.post(drafts, now=now)
    return len(drafts)
