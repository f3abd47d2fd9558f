"""Publishing a date, and who hears of it first.

Either everybody who asked for new dates is told of it and it is open to all, or those who asked
are put in line before newcomers for some working days, in the order in which they asked.
"""

from datetime import datetime

from django.db import transaction

from accounts.models import User
from booking.catalogue.models import Course, CourseInterest, Session
from booking.outbox import posting as outbox
from booking.outbox.posting import Draft
from booking.places import exchanges
from booking.places.facts import read_practitioners
from booking.places.lock import read_session
from booking.places.rules.decision import against_course
from booking.scheduling import demand, drafting
from booking.scheduling.plans import Plan
from booking.site.working_days import after_working_days

NEW_DATE = "course.new_date"
# For how many working days a date may be kept for those who asked first.
LONGEST = 20
_WHY = "You asked for a date of this course."


def schedule_and_tell(
    *,
    course: Course,
    plan: Plan,
    publish: bool,
    first_days: int | None,
    by: User,
    now: datetime,
) -> Session:
    """A new session, as a draft or published at once as `publish` does. Raises `ReferenceTaken`."""
    with transaction.atomic():
        session = drafting.schedule(course=course, plan=plan, publish=publish, by=by, now=now)
        if publish:
            _tell(session, first_days=first_days, by=by, now=now)
    return session


def change_draft_and_tell(
    *,
    session: Session,
    plan: Plan,
    publish: bool,
    first_days: int | None,
    by: User,
    now: datetime,
) -> None:
    """Change a draft, and publish it if asked to. Raises as `scheduling.change_draft` does."""
    with transaction.atomic():
        drafting.change_draft(session=session, plan=plan, publish=publish, by=by, now=now)
        if publish:
            _tell(session, first_days=first_days, by=by, now=now)


def publish_and_tell(*, session: Session, first_days: int | None, by: User, now: datetime) -> None:
    """Publish a draft, for so many working days first to those who asked for a date, if any.

    Newcomers who book meanwhile come behind them, because nobody can book before they are in
    line. Without `first_days` everybody who wants to hear of new dates is told by mail. Raises
    `NotADraft` or `AlreadyOver`.
    """
    with transaction.atomic():
        drafting.publish_draft(session=session, by=by, now=now)
        _tell(session, first_days=first_days, by=by, now=now)


def _tell(session: Session, *, first_days: int | None, by: User, now: datetime) -> None:
    if not first_days:
        outbox.post(_new_date(session, now=now), now=now, if_new=True)
        return
    people = demand.in_order_of_asking(session.course, now=now)
    until = after_working_days(now, first_days)
    exchanges.invite(session=session, people=people, until=until, why=_WHY, by=by, now=now)


def _new_date(session: Session, *, now: datetime) -> list[Draft]:
    """One mail for each person whom the course is for and who wants to hear of new dates."""
    session = read_session(session.pk)
    interests = CourseInterest.objects.filter(course=session.course_id, ended_at=None)
    wanted = {each.person_id: each for each in interests.select_related("person")}
    who = read_practitioners(wanted, session.course_rules, now=now)
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
        if each.person.is_active and not against_course(who[key], session, now=now)
    ]
