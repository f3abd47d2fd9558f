"""Sessions as they are planned: scheduled, drafted, published, and their details kept.

Publishing a date either tells everybody who asked for new dates and opens it to all, or first puts
those who asked in line before newcomers, for some working days, in the order in which they asked.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts.models import User
from booking.catalogue.courses import EditRefused
from booking.catalogue.models import (
    CancellationPolicy,
    Course,
    CourseInterest,
    Session,
    SessionEvent,
    Sitting,
)
from booking.catalogue.policies import closes_at, day_to_decide, newest
from booking.materials.actions import forget_files_of
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.outbox.topics import MailTopic, register
from booking.places.changing import exchanges
from booking.places.lock import RuledSession, locked_session, read_practitioners, read_session
from booking.places.rules.decision import against_course
from booking.places.rules.seating import read_seating
from booking.scheduling import corrections, demand, trainers
from booking.scheduling.capacity import Reservation, check_reserved, reserve
from booking.scheduling.changing import Arrangements, move_releases
from booking.scheduling.telling import revise
from booking.site.sealing import Sealed
from booking.site.working_days import after_working_days

NEW_DATE = "course.new_date"
register(MailTopic(NEW_DATE, "A new date of a course"))
# For how many working days a date may be kept for those who asked first.
LONGEST = 20
_WHY = "You asked for a date of this course."
_LABELS = {
    "promotion": "what happens to a freed place",
    "offer_hours": "how long an offer is held",
    "booking_opens_at": "when booking opens",
    "booking_closes_at": "when booking closes",
    "policy": "rules of cancelling",
    "minimum": "fewest people",
    "decide_on": "day to decide",
}
DETAIL_FIELDS = (*_LABELS, "joining_instructions")


class NotADraft(EditRefused):
    """The session was published or removed meanwhile."""

    sentence = "This session is not a draft any more, so people may have booked it."


class NotEditable(EditRefused):
    """The session is cancelled or over."""

    sentence = "This session is cancelled or over, so it cannot be edited."


class ReferenceTaken(EditRefused):
    """Another session has this reference."""

    sentence = "Another session has this reference. Choose a different one."


class AlreadyOver(EditRefused):
    """The dates of a draft lie in the past."""

    sentence = "The first date of this draft has passed. Change its dates, then publish it."


class DraftReferredTo(EditRefused):
    """Records that must be kept name this draft."""

    sentence = "Other records refer to this draft, so it cannot be removed."


@dataclass(frozen=True, kw_only=True)
class Details:
    """What may change at any time; only of joining instructions is anybody told."""

    promotion: str
    offer_hours: int
    booking_opens_at: datetime | None
    booking_closes_at: datetime | None
    policy: CancellationPolicy | None
    minimum: int | None
    decide_on: date | None
    joining_instructions: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A whole session as it is to be; the sittings it is held at are in order of time.

    Without `reserved`, what is reserved stays, and is nothing for a new session.
    """

    reference: str
    held: Arrangements
    capacity: int
    agency_limit: int | None
    details: Details
    reserved: Sequence[Reservation] | None = None


def suggested_reference(course: Course) -> str:
    """The course's code with the next number that no session has: "SG1-07"."""
    number = course.sessions.count() + 1
    taken = set(
        Session.objects.filter(reference__startswith=f"{course.code}-").values_list(
            "reference", flat=True
        )
    )
    while f"{course.code}-{number:02d}" in taken:
        number += 1
    return f"{course.code}-{number:02d}"


def usual_details(course: Course, *, starts_at: datetime, now: datetime) -> Details:
    """The details that a new session of a course begins with if it starts then."""
    return Details(
        promotion=course.usual_promotion,
        offer_hours=course.usual_offer_hours,
        booking_opens_at=None,
        booking_closes_at=closes_at(starts_at, now=now),
        policy=newest(course.usual_policy),
        minimum=course.usual_minimum,
        decide_on=day_to_decide(course, starts_at),
        joining_instructions="",
    )


def schedule(
    *, course: Course, plan: Plan, publish: bool, first_days: int | None, by: User, now: datetime
) -> Session:
    """A new session, as a draft or published at once as `publish_draft` does.

    Raises `ReferenceTaken`.
    """
    session = Session(course=course)
    with transaction.atomic():
        _store(session, plan)
        _record(session, "Scheduled.", by=by, now=now)
        if publish:
            _publish(session, first_days=first_days, by=by, now=now)
    return session


def change_draft(
    *, session: Session, plan: Plan, publish: bool, first_days: int | None, by: User, now: datetime
) -> Session:
    """Replace everything about a draft but its course and its reserved places; publish it if asked.

    Returns it. Raises `NotADraft`, `ReferenceTaken`, or `ReservedPlaces` if they do not fit.
    """
    with _locked_draft(session) as draft:
        draft.sittings.all().delete()
        _store(draft, plan)
        move_releases(draft, now=now)
        check_reserved(read_seating(draft, now=now), capacity=draft.capacity)
        if publish:
            _publish(draft, first_days=first_days, by=by, now=now)
    return draft


def publish_draft(*, session: Session, first_days: int | None, by: User, now: datetime) -> None:
    """Publish a draft, for so many working days first to those who asked for a date, if any.

    Newcomers who book meanwhile come behind them, because nobody can book before they are in
    line. Without `first_days` everybody who wants to hear of new dates is told by mail. Raises
    `NotADraft`, or `AlreadyOver` once it would begin.
    """
    with _locked_draft(session) as draft:
        if draft.starts_at <= now:
            raise AlreadyOver
        _publish(draft, first_days=first_days, by=by, now=now)


def publish_drafts(
    *, sessions: Iterable[Session], first_days: int | None, by: User, now: datetime
) -> None:
    """Publish several drafts at once as `publish_draft` does one: all of them or none.

    Raises `NotADraft` or `AlreadyOver` with the reference of the draft that stands in the way.
    """
    chosen = sorted(sessions, key=lambda each: each.pk)
    with transaction.atomic():
        # All of them before anybody's row, and people in one order too: who publishes some of the
        # same, or other dates that the same people asked for, waits and holds nothing of it.
        rows = Session.objects.filter(pk__in=[each.pk for each in chosen]).order_by("pk")
        courses = set(rows.select_for_update(no_key=True).values_list("course", flat=True))
        if first_days:
            demand.hold_those_who_asked(courses, now=now)
        for session in chosen:
            try:
                publish_draft(session=session, first_days=first_days, by=by, now=now)
            except EditRefused as refused:
                refused.sentence = f"{session.reference}: {refused.sentence}"
                raise


def discard_draft(*, session: Session) -> None:
    """Remove a draft that nobody has seen. Raises `NotADraft` or `DraftReferredTo`."""
    with _locked_draft(session) as draft:
        try:
            forget_files_of(draft)
            draft.delete()
        except ProtectedError as error:
            raise DraftReferredTo from error


def change_details(*, session: Session, details: Details, by: User, now: datetime) -> None:
    """Change what nobody is told of but joining instructions, which people with a place are.

    The session's history says what it was. Raises `NotEditable` if it is cancelled or over.
    """
    with _locked_or(NotEditable, session) as ruled:
        locked = ruled.session
        if locked.state not in (Session.State.DRAFT, Session.State.PUBLISHED):
            raise NotEditable
        told = corrections.of_instructions(locked, details.joining_instructions)
        changed = [
            label
            for name, label in _LABELS.items()
            if getattr(locked, name) != getattr(details, name)
        ]
        _set_details(locked, details)
        # Only these columns: the counts belong to whoever gives places.
        locked.save(update_fields=DETAIL_FIELDS)
        if changed:
            _record(locked, f"Changed: {', '.join(changed)}."[:200], by=by, now=now)
        if told and Session.objects.with_a_date_ahead(now=now).filter(pk=locked.pk).exists():
            revise(ruled, told, by=by, now=now)


def complete_sessions(*, now: datetime) -> int:
    """Mark published sessions whose last sitting has ended as completed. Returns how many."""
    over = Session.objects.to_complete(now=now)
    # The database takes an update of no row for a change of the catalogue too.
    return over.update(state=Session.State.COMPLETED) if over.exists() else 0


@contextmanager
def _locked_or(refusal: type[EditRefused], session: Session) -> Iterator[RuledSession]:
    """As `locked_session`; raises the refusal if somebody has discarded the session."""
    try:
        with locked_session(session) as ruled:
            yield ruled
    except Session.DoesNotExist as gone:
        raise refusal from gone


@contextmanager
def _locked_draft(session: Session) -> Iterator[Session]:
    with _locked_or(NotADraft, session) as ruled:
        if ruled.session.state != Session.State.DRAFT:
            raise NotADraft
        yield ruled.session


def _store(session: Session, plan: Plan) -> None:
    held = plan.held
    session.reference = plan.reference
    session.delivery, session.venue = held.delivery, held.venue
    session.meeting = Sealed.of(held.meeting)
    session.capacity, session.agency_limit = plan.capacity, plan.agency_limit
    session.starts_at, session.ends_at = held.sittings[0].starts_at, held.sittings[-1].ends_at
    _set_details(session, plan.details)
    try:
        with transaction.atomic():
            session.save()
    except IntegrityError as error:
        raise ReferenceTaken from error
    Sitting.objects.bulk_create(
        [
            Sitting(session=session, starts_at=each.starts_at, ends_at=each.ends_at)
            for each in held.sittings
        ]
    )
    session.trainers.set(held.trainers or ())
    if plan.reserved is not None:
        reserve(session, plan.reserved)


def _set_details(session: Session, details: Details) -> None:
    for name in DETAIL_FIELDS:
        setattr(session, name, getattr(details, name))


def _record(session: Session, what: str, *, by: User, now: datetime) -> None:
    SessionEvent.objects.create(session=session, at=now, by=by, what=what)


def _publish(draft: Session, *, first_days: int | None, by: User, now: datetime) -> None:
    """Show a draft on the programme and let people book it; trainers and who asked hear of it."""
    draft.state, draft.changed_at, draft.published_at = Session.State.PUBLISHED, now, now
    draft.save(update_fields=["state", "changed_at", "published_at"])
    _record(draft, "Published.", by=by, now=now)
    trainers.tell_of_publishing(draft, now=now)
    if first_days:
        people = demand.in_order_of_asking(draft.course, now=now)
        until = after_working_days(now, first_days)
        exchanges.invite(session=draft, people=people, until=until, why=_WHY, by=by, now=now)
    else:
        outbox.post(_new_date(read_session(draft.pk), now=now), now=now, if_new=True)


def _new_date(ruled: RuledSession, *, now: datetime) -> list[Draft]:
    """One mail for each person whom the course is for and who wants to hear of new dates."""
    session = ruled.session
    interests = CourseInterest.objects.filter(course=session.course_id, ended_at=None)
    wanted = {each.person_id: each for each in interests.select_related("person")}
    who = read_practitioners(wanted, ruled.rules)
    return [
        Draft(
            topic=NEW_DATE,
            subject_key=f"session:{session.pk}",
            revision=str(key),
            stream=f"interest:{each.pk}",
            to_email=each.person.email,
            recipient_id=key,
            payload={"session": session.pk, "interest": each.pk},
        )
        for key, each in wanted.items()
        if each.person.is_active and not against_course(who[key], ruled, now=now)
    ]
