"""What a page shows before a place changes hands or dates. Nothing is written here."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from accounts.agencies import Entry, known_by_address
from accounts.models import Agency, User
from booking.catalogue.models import Course, Session
from booking.places import actions, terms
from booking.places.agency.colleagues import check_address, newcomer
from booking.places.changing.exchanges import check_may_be_given, check_may_be_moved
from booking.places.lock import (
    CourseRules,
    RuledSession,
    practitioner_as_read,
    read_newcomer,
    read_practitioners,
    read_session,
    read_sessions,
    sittings_of,
)
from booking.places.models import Booking
from booking.places.pages.readers import as_read_by
from booking.places.refusals import (
    NoPlaceToGive,
    NotConfirmed,
    OnAnotherDate,
    PlaceRefused,
    RuledOut,
    TheirsAlready,
)
from booking.places.rules.decision import Decision, as_told, decide
from booking.places.rules.line import asked_for, case_of_taking_over, cases_of_exchange
from booking.places.rules.rules import Case, group, level, sector
from booking.site.readable import key_in
from booking.site.wording import counted, sitting_times

_MOST_DATES = 20

_AGENCY_FIRST = (
    "Your agency is confirmed before the place is certain: by your work email address, or by a lead"
    " of the agency or a coordinator within five working days."
)
# The manager is asked for on the page itself.
_TO_BE_NAMED = "to be named"


def expected(
    *,
    read: RuledSession,
    person: User,
    now: datetime,
    known: Agency | None = None,
) -> dict[str, Any]:
    """What this person would get if they booked the session now, for a page. Reads only.

    `known` is the agency that the address proves of somebody who has not said who they are. A place
    on another date of the course is said beside what booking this one too would come to.
    """
    manager = person.manager_email or _TO_BE_NAMED
    newcomer = read_newcomer(read.session, practitioner_as_read(person, read.rules), now=now)
    case, _ = asked_for(read, newcomer, by=person, named=manager, now=now)
    if known is not None and case.who is not None:
        who = replace(
            case.who,
            agency_id=known.pk,
            sector=known.sector,
            said_agency_id=known.pk,
            said_sector=known.sector,
        )
        case = replace(case, who=who)
    context: dict[str, Any] = {}
    decision = decide(case)
    if isinstance(decision.refusal, OnAnotherDate):
        other = decision.refusal.other
        context["other_date"] = other
        context["moves_freely"] = moves_freely(other, to=read, by=person, now=now)
        decision = decide(replace(case, wants_both=True))
    told = decision
    if (refusal := decision.refusal) is not None:
        told = as_told(refusal, session=read.session, person_id=person.pk, now=now)
    as_read_by([each.next for each in told.missing if each.next is not None], person, now=now)
    return {**context, "expected": told}


def asked_of_everybody(
    read: RuledSession, *, now: datetime, told: Decision | None = None
) -> list[str]:
    """What the course and the session ask of whoever books, in sentences.

    But for what the page has `told` the person already of themselves.
    """
    decision = decide(Case(session=read.session, course=read.rules, now=now))
    sentences = [each.sentence for each in decision.against if isinstance(each, RuledOut)]
    is_news = decision.to_confirm and not (told and told.to_confirm)
    return [*sentences, _AGENCY_FIRST] if is_news else sentences


def only_for(course: Course, *, now: datetime) -> list[str]:
    """Whom the course is for, whichever date is chosen, in sentences. Costs one statement."""
    groups = {each.pk: each.name for each in course.groups.all()}
    whom = CourseRules(sectors=course.sectors, least_level=course.least_level, groups=groups)
    case = Case(session=Session(course=course), course=whom, now=now)
    found = (rule(case) for rule in (sector, level, group))
    return [refused.sentence for refused in found if refused is not None]


def moves_freely(booking: Booking, *, to: RuledSession, by: User, now: datetime) -> bool:
    """Whether the place can be had on that date instead, at once and for nothing."""
    if cost_of_leaving(booking, by=by, now=now):
        return False
    case = cases_of_exchange(booking, {to.session.pk: to}, now=now)[to.session.pk]
    return _against_moving(booking, case, now=now) is None


def against_exchange(booking: Booking, *, now: datetime) -> PlaceRefused | None:
    """Why its place can be neither moved nor given to a colleague at the moment, if so."""
    against = actions.against_giving_up(booking, booking.session, now=now)
    if against is None and booking.state != Booking.State.CONFIRMED:
        return NoPlaceToGive(booking)
    return against


def check_substitute(
    booking: Booking,
    entry: Entry,
    *,
    manager_email: str,
    sees_colleagues: bool,
    by: User,
    now: datetime,
) -> None:
    """Whether the place can be handed to this colleague, for the page that asks before it.

    To somebody who may not see who works for the agency it says the same of every address, or
    naming one after the other would tell who has an account: the rules are asked as the place is
    given. Raises what `check_address` raises, `TheirsAlready`, and whatever refuses a substitution.
    """
    if booking.agency is None:
        raise NotConfirmed
    if entry.email == booking.person.email:
        raise TheirsAlready
    known = known_by_address([entry.email]).get(entry.email) if sees_colleagues else None
    is_new = check_address(entry, known, agency=booking.agency, sees_colleagues=sees_colleagues)
    ruled = read_session(booking.session_id)
    owner = booking.person.agency_id if booking.person.agency_is_confirmed else None
    check_may_be_given(booking, ruled.session, owner_agency=owner, by=by, now=now)
    if not sees_colleagues:
        return
    if known is None or is_new:
        who = newcomer(entry, known, agency=booking.agency, sees_colleagues=sees_colleagues)
    else:
        who = read_practitioners([known.pk], ruled.rules)[known.pk]
    case = case_of_taking_over(ruled, who, by=by, named=manager_email, now=now)
    decide(case).check_place()


@dataclass(frozen=True)
class OtherDate:
    """Another date of the course, and why the person cannot have a place there, if so."""

    session: Session
    refusal: PlaceRefused | None

    @property
    def when(self) -> str:
        """Its dates and times."""
        sittings = self.session.sittings.all()
        return "; ".join(sitting_times(each.starts_at, each.ends_at) for each in sittings)

    @property
    def words(self) -> str:
        """When, where and how many places are left."""
        left = counted(self.session.places_left, "place")
        return f"{self.when}. {self.session.where}. {left} left"


def other_dates(booking: Booking, *, now: datetime, asked: str = "") -> list[OtherDate]:
    """The next other dates of the course of a booking, each with the outcome for its person.

    With the `asked` one, by its key, however far ahead it is. The statements do not grow with the
    number of dates.
    """
    sessions = Session.objects.upcoming(now=now).filter(course=booking.session.course_id)
    sessions = sessions.exclude(pk=booking.session_id).for_pages()
    others = list(sessions[:_MOST_DATES])
    key = key_in(asked)
    if key is not None and key not in {each.pk for each in others}:
        others += sessions.filter(pk=key)
    cases = cases_of_exchange(booking, read_sessions(each.pk for each in others), now=now)
    return [
        OtherDate(shown, _against_moving(booking, cases[shown.pk], now=now))
        for shown in as_read_by(others, booking.person, now=now)
    ]


def _against_moving(booking: Booking, case: Case, *, now: datetime) -> PlaceRefused | None:
    try:
        check_may_be_moved(booking, booking.session, to=case.session, now=now)
        decide(case).check_place()
    except PlaceRefused as refused:
        return refused
    return None


def cost_of_leaving(booking: Booking, *, by: User, now: datetime) -> int:
    """What giving up the place now costs, in pence."""
    if booking.state != Booking.State.CONFIRMED:
        return 0
    return terms.charge_for_cancelling(booking, sittings_of(booking.session), by=by, now=now)
