"""The rules of a place: each is one function, silent or with what it says against somebody.

`RULES` is their order; the rules of the course, and those about free places, are asked alone too. A
rule looks at a `Case`; where there is nothing for it to look at, such as the seating of a place
that only changes hands, it is silent. Asked about nobody in particular, it says what it asks of
everybody. To add a rule, write its function here and put it into the order.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from accounts.addresses import as_stored, domain_of, same_mailbox
from accounts.models import Sector, User
from booking.catalogue.availability import Opening, opening
from booking.catalogue.models import Session
from booking.partnership.levels import level_at
from booking.places.lock import CourseRules, Practitioner
from booking.places.models import Booking
from booking.places.refusals import (
    AccountEnded,
    AgencyToConfirm,
    AlreadyBooked,
    BookingClosed,
    BookingNotOpenYet,
    Clash,
    HeldBack,
    ManagerNeeded,
    MustWait,
    NotForYou,
    OnAnotherDate,
    PlaceRefused,
    PrerequisiteMissing,
    SessionNotOpen,
    SessionStarted,
)
from booking.places.rules.seating import Seating
from booking.site.wording import counted, deadline, listed

MANAGER = "manager's approval"
SECTOR, LEVEL, GROUP, EARLIER = "sector", "level of work", "group", "prerequisites"
LIMIT, RESERVED, AGENCY = "agency limit", "reserved places", "confirmed agency"
OTHERS_FIRST, CAPACITY = "waiting list", "capacity"
# Whoever passes one of these takes no place that somebody else could have: there is one place more.
NEEDS_ONE_MORE = frozenset({RESERVED, OTHERS_FIRST, CAPACITY})


class Asks(Enum):
    """What is asked for: it decides which moments a session must be open at."""

    BOOKING = "a new booking"
    TURN = "a place for somebody on the waiting list"
    TAKING_OVER = "a colleague's place"
    EXCHANGE = "another date of the same course"
    HAVING_AGAIN = "a place that was given up by mistake"


# Whoever asks for these has been let in by the course.
_LET_IN = (Asks.EXCHANGE, Asks.HAVING_AGAIN)


@dataclass(frozen=True, kw_only=True)
class Case:
    """Who asks for what, and all that the rules look at.

    `course` is what the session's course asks. `mine` is the person's live booking of the session,
    `elsewhere` one that holds a place at that time, `other_date` one that holds a place on another
    date of the course; `wants_both` says that they mean to have both. `others_first` says that the
    places which are free belong to people who wait. `named` is the address of a manager that `by`
    has typed. `overridden` are the names of rules that a coordinator lets the person past.
    """

    session: Session
    course: CourseRules = CourseRules()  # noqa: RUF009 - frozen
    now: datetime
    asks: Asks = Asks.BOOKING
    who: Practitioner | None = None
    by: User | None = None
    named: str = ""
    mine: Booking | None = None
    elsewhere: Booking | None = None
    other_date: Booking | None = None
    wants_both: bool = False
    seating: Seating | None = None
    others_first: bool = False
    overridden: frozenset[str] = frozenset()

    def passes(self, refused: PlaceRefused) -> bool:
        """Whether the person is let past what was said against them."""
        return refused.may_be_overridden and refused.rule in self.overridden

    @property
    def needs_manager(self) -> bool:
        """Whether a manager is still to be named who must agree."""
        if not self.course.needs_manager_approval or self.asks in _LET_IN:
            return False
        if self.asks != Asks.TURN or self.mine is None:
            return True
        return self.mine.must_accept_by is None and not hasattr(self.mine, "approval")


def session_is_open(case: Case) -> PlaceRefused | None:
    """The session is published and ahead; for a place that nobody holds yet, booking is open."""
    is_new = case.asks in (Asks.BOOKING, Asks.EXCHANGE)
    match opening(case.session, now=case.now):
        case Opening.OPEN:
            return None
        case Opening.STARTED:
            return SessionStarted(case.session)
        case Opening.NOT_YET:
            return BookingNotOpenYet(case.session) if is_new else None
        case Opening.CLOSED:
            return BookingClosed(case.session) if is_new else None
    return SessionNotOpen(case.session)


def account_in_use(case: Case) -> PlaceRefused | None:
    """Somebody signs in to the account, or may."""
    return None if case.who is None or case.who.is_active else AccountEnded()


def one_booking_each(case: Case) -> PlaceRefused | None:
    """The person has no live booking here; a turn on the list may be exchanged for a place."""
    mine = case.mine
    is_new = case.asks in (Asks.BOOKING, Asks.HAVING_AGAIN)
    if mine is None or (not is_new and mine.state == Booking.State.WAITING):
        return None
    return AlreadyBooked(mine)


def sector(case: Case) -> PlaceRefused | None:
    """The course is for the person's sector.

    Nobody is turned away for a sector that is not known yet: see `agency_confirmed`.
    """
    sectors, who = case.course.sectors, case.who
    if not sectors or case.asks in _LET_IN:
        return None
    if who and (who.said_sector in sectors or not who.said_sector):
        return None
    names = listed([str(Sector(each).label) for each in sectors])
    return NotForYou(
        SECTOR, f"This course is only for people who work in: {names}.", field="agency"
    )


def level(case: Case) -> PlaceRefused | None:
    """The course is for the person's level of work."""
    least, who = case.course.least_level, case.who
    if least is None or case.asks in _LET_IN:
        return None
    if who and who.level is not None and who.level >= least:
        return None
    words = level_at(least).work or level_at(least).name
    return NotForYou(
        LEVEL,
        f"This course is only for people who can say at least this of their work: “{words}”.",
        "If you can, say so in your account under “Your work with children and families”.",
        field="level",
    )


def group(case: Case) -> PlaceRefused | None:
    """The course is for a group that the person is in."""
    groups = case.course.groups
    if not groups or case.asks in _LET_IN or (case.who and case.who.groups.intersection(groups)):
        return None
    return NotForYou(
        GROUP,
        f"This course is only for members of {listed(list(groups.values()), 'or')}.",
        "If you belong to it, ask the partnership to add you.",
    )


def prerequisites(case: Case) -> PlaceRefused | None:
    """The person has done every course that this one builds on, or will have before it begins.

    Whoever exchanges a date has been let in: only what they are still to do is looked at, since
    the other date may come before it.
    """
    learnt = case.who.learnt if case.who else {}
    missing = {
        key: name
        for key, name in case.course.prerequisites.items()
        if (key not in learnt and case.asks not in _LET_IN)
        or (key in learnt and learnt[key] > case.session.starts_at)
    }
    if not missing:
        return None
    titles = listed(list(missing.values()))
    return PrerequisiteMissing(
        EARLIER,
        f"Before this course you need to have done: {titles}.",
        "Book that first, or tell us if you have done it elsewhere.",
        of_another=f"They need to have done this before: {titles}.",
        missing=frozenset(missing),
    )


def no_clash(case: Case) -> PlaceRefused | None:
    """The person holds no place elsewhere at that time."""
    return Clash(case.elsewhere) if case.elsewhere else None


def one_date_each(case: Case) -> PlaceRefused | None:
    """The person holds no place on another date of the course, or means to have both."""
    if case.other_date is None or case.wants_both or case.course.may_be_repeated:
        return None
    return OnAnotherDate(case.other_date)


def manager_named(case: Case) -> PlaceRefused | None:
    """The manager who is to agree is named, and is somebody else."""
    if not case.needs_manager:
        return None
    if case.who is None or MANAGER in case.overridden:
        return ManagerNeeded(
            MANAGER,
            "This course needs your line manager's agreement.",
            of_another="This course needs their line manager's agreement.",
        )
    try:
        manager_of(case.who, case.named, by=case.by)
    except ManagerNeeded as needed:
        return needed
    return None


def agency_confirmed(case: Case) -> PlaceRefused | None:
    """It is proved whom the person works for, where the session or the course asks for that.

    It does if it limits agencies or is kept for some sectors, and if a colleague's place changes
    hands. Places that are reserved for an agency are never held for somebody unconfirmed: they
    count for no agency there.
    """
    limits = case.session.agency_limit is not None
    by_sector = bool(case.course.sectors) and case.asks not in _LET_IN
    if not (limits or by_sector or case.asks == Asks.TAKING_OVER):
        return None
    if case.who is not None and case.who.agency_id is not None:
        return None
    return AgencyToConfirm(
        AGENCY,
        "It must be confirmed first that you work for the agency you named.",
        "Book this date as a new booking: the place is held until your agency is confirmed.",
        of_another="It must be confirmed first that they work for the agency they named.",
    )


def agency_limit(case: Case) -> PlaceRefused | None:
    """The person's agency has fewer places than one agency may have.

    Somebody whose agency is not confirmed counts for none, until it is.
    """
    limit, who = case.session.agency_limit, case.who
    if limit is None or (who is not None and case.seating is None):
        return None
    if who is None:
        return HeldBack(LIMIT, f"One agency may have at most {counted(limit, 'place')}.")
    assert case.seating is not None  # noqa: S101
    if who.agency_id is None or case.seating.holders[who.agency_id] < limit:
        return None
    return HeldBack(
        LIMIT,
        f"Your agency has its {counted(limit, 'place')}: that is the most for one agency on this"
        " session.",
        of_another=f"Their agency has its {counted(limit, 'place')}: that is the most for one.",
    )


def reserved_places(case: Case) -> PlaceRefused | None:
    """The place is not one that is reserved for others.

    Whoever takes a place reserved for their own agency or sector always may.
    """
    who, seating = case.who, case.seating
    if seating is None or not seating.reserved or seating.free <= 0:
        return None
    if who is not None and seating.open_to(who):
        return None
    others = [
        each
        for each in seating.reserved
        if who is None or not _is_theirs(who, each.agency_id, each.sector)
    ] or list(seating.reserved)
    until = deadline(max(each.release_at for each in others))
    whom = listed([each.whom for each in others])
    if who is None:
        reserved = counted(seating.unmet(), "place")
        return HeldBack(RESERVED, f"{reserved} reserved for {whom} until {until}.")
    return HeldBack(RESERVED, f"The places that are left are reserved for {whom} until {until}.")


def _is_theirs(person: Practitioner, agency_id: int | None, sector: str) -> bool:
    return agency_id == person.agency_id if agency_id is not None else sector == person.sector


def others_first(case: Case) -> PlaceRefused | None:
    """The places that are free do not belong to people who wait already."""
    if not case.others_first:
        return None
    return MustWait(OTHERS_FIRST, "The places that are free belong to people who wait already.")


def capacity(case: Case) -> PlaceRefused | None:
    """A place is free."""
    if case.seating is None or case.seating.free > 0 or case.others_first:
        return None
    return MustWait(CAPACITY, "All places are taken.")


# What the course asks of a person, on whatever date.
OF_COURSE = (sector, level, group, prerequisites)
# What keeps somebody from a place that is free.
OF_FREE_PLACES = (agency_limit, reserved_places)
RULES = (
    session_is_open,
    account_in_use,
    one_booking_each,
    *OF_COURSE,
    no_clash,
    one_date_each,
    manager_named,
    agency_confirmed,
    *OF_FREE_PLACES,
    others_first,
    capacity,
)


def first_against(
    rules: Iterable[Callable[[Case], PlaceRefused | None]], case: Case
) -> PlaceRefused | None:
    """What the first of these rules says that is not silent and that the person is not let past."""
    said = (refused for rule in rules if (refused := rule(case)) is not None)
    return next((refused for refused in said if not case.passes(refused)), None)


def manager_of(person: Practitioner, named: str, *, by: User | None) -> str:
    """The address of the manager to ask: the one named now, else the person's usual one.

    For a colleague without one it is the agency lead who books for them; a coordinator overrides
    the rule instead. Raises `ManagerNeeded`, also where somebody who may not book for others names
    themselves.
    """
    arranges = by is not None and by.pk != person.key and by.leads_agency
    usual = person.manager_email
    email = as_stored(named or usual or (by.email if by and arranges else ""))
    if not email:
        raise ManagerNeeded(
            MANAGER,
            "This course needs your line manager's agreement. Give their work email address.",
            of_another="This course needs their line manager's agreement. Give the manager's work"
            " email address.",
        )
    if same_mailbox(email, person.email):
        raise ManagerNeeded(
            MANAGER,
            "Your line manager's email address must be somebody else's, not your own.",
            of_another="Their line manager's email address must be somebody else's, not their own.",
        )
    if by and same_mailbox(email, by.email) and email != usual and not arranges:
        raise ManagerNeeded(
            MANAGER, "Give the email address of your colleague’s own line manager, not yours."
        )
    return email


def is_manager(by: User, manager_email: str, *, person_id: int) -> bool:
    """Whether the manager themselves books for their colleague, and so agrees."""
    return by.pk != person_id and by.email == manager_email


def is_address_of_agency(manager_email: str, domains: Iterable[str]) -> bool:
    """Whether a manager's address is at one of the agency's domains; else a coordinator looks."""
    return domain_of(manager_email) in set(domains)
