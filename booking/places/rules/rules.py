"""The rules of a place: each answers yes, by nothing, or gives the reason against it.

The same functions serve the page before anybody books, the action under the session's lock, and
the waiting list when a place comes free. Two rules turn a person away (`audience`,
`prerequisites`); the others let them wait.
"""

from collections.abc import Iterable

from accounts.addresses import domain_of, same_mailbox
from accounts.models import Level, Sector, User
from booking.catalogue.models import CourseRules
from booking.places.facts import Practitioner, Seating
from booking.places.refusals import ManagerNeeded, Reason
from booking.site.wording import counted, deadline, listed

FULL = Reason("capacity", "All places are taken.")
OTHERS_FIRST = Reason("waiting list", "The places that are free belong to people who wait already.")


def audience(person: Practitioner, rules: CourseRules) -> Reason | None:
    """The course is for the person's sector, for their level of work, and for a group of theirs.

    Each is asked for only where the course says so.
    """
    if rules.sectors and person.row.sector not in rules.sectors:
        names = listed([str(Sector(sector).label) for sector in rules.sectors])
        return Reason("audience", f"This course is only for people who work in: {names}.")
    level = person.row.level
    if rules.least_level is not None and (level is None or level < rules.least_level):
        words = str(Level(rules.least_level).label)
        return Reason(
            "audience",
            f"This course is only for people whose work is at this level or above: {words}.",
            "If yours is, say so in your account under “level of safeguarding work”.",
        )
    if rules.groups and not rules.groups & person.groups:
        names = listed(rules.group_names, "or")
        return Reason(
            "audience",
            f"This course is only for members of {names}.",
            "If you belong to it, ask the partnership to add you.",
        )
    return None


def prerequisites(person: Practitioner, rules: CourseRules) -> Reason | None:
    """The person has done, here or elsewhere, every course that this one builds on."""
    missing = missing_courses(person, rules)
    if not missing:
        return None
    titles = listed([title for key, title in rules.prerequisite_titles if key in missing])
    return Reason(
        "prerequisites",
        f"Before this course you need to have done: {titles}.",
        "Book that first, or tell us if you have done it elsewhere.",
        of_another=f"They need to have done this before: {titles}.",
    )


def missing_courses(person: Practitioner, rules: CourseRules) -> frozenset[int]:
    """The keys of the courses that the person would have to do first."""
    return rules.prerequisites - person.learnt


def agency_limit(person: Practitioner, seating: Seating) -> Reason | None:
    """The person's agency has fewer places than one agency may have.

    Somebody whose agency is not on the list counts for none, until a coordinator has settled it.
    """
    limit = seating.session.agency_limit
    if limit is None or person.agency_id is None or seating.holders[person.agency_id] < limit:
        return None
    return Reason(
        "agency limit",
        f"Your agency has its {counted(limit, 'place')}: that is the most for one agency on this"
        " session.",
    )


def reserved_places(person: Practitioner, seating: Seating) -> Reason | None:
    """The place is not one that is reserved for others.

    Whoever takes a place reserved for their own agency or sector always may.
    """
    if not seating.reserved:
        return None
    before, after = seating.unmet(), seating.unmet(person)
    if after < before or seating.free > after:
        return None
    mine = [each for each in seating.reserved if _is_theirs(person, each.agency_id, each.sector)]
    others = [each for each in seating.reserved if each not in mine]
    whom = listed([each.whom for each in others or mine])
    until = max(each.release_at for each in others or mine)
    return Reason(
        "reserved places",
        f"The places that are left are reserved for {whom} until {deadline(until)}.",
    )


def _is_theirs(person: Practitioner, agency_id: int | None, sector: str) -> bool:
    return agency_id == person.agency_id if agency_id is not None else sector == person.row.sector


def turned_away(person: Practitioner, rules: CourseRules) -> Reason | None:
    """Why this person cannot book the course at all, if so."""
    return audience(person, rules) or prerequisites(person, rules)


def held_back(person: Practitioner, seating: Seating) -> Reason | None:
    """Why a free place, if there is one, is not this person's at the moment, if so."""
    reason = agency_limit(person, seating)
    return reason or (reserved_places(person, seating) if seating.free > 0 else None)


def manager_named(person: Practitioner, manager_email: str) -> Reason | None:
    """The manager who is to agree is named, and is somebody else."""
    if not manager_email:
        return Reason(
            "manager's approval",
            "This course needs your line manager's agreement. Give their work email address.",
            of_another="This course needs their line manager's agreement. Give the manager's work"
            " email address.",
        )
    if same_mailbox(manager_email, person.row.email):
        return Reason(
            "manager's approval",
            "Your line manager's email address must be somebody else's, not your own.",
            of_another="Their line manager's email address must be somebody else's, not their own.",
        )
    return None


def is_address_of_agency(manager_email: str, domains: Iterable[str]) -> bool:
    """Whether a manager's address is at one of the agency's domains; else a coordinator looks."""
    return domain_of(manager_email) in set(domains)


MANAGER_MUST_AGREE = Reason("manager's approval", "The line manager must agree.")
_NOT_YOURSELF = Reason(
    MANAGER_MUST_AGREE.rule,
    "Give the email address of your colleague’s own line manager, not yours.",
)


def manager_of(person: Practitioner, named: str, *, by: User) -> str:
    """The address of the manager to ask: the one named now, else the person's usual one.

    For a colleague without one it is the agency lead or coordinator who books for them. Raises
    `ManagerNeeded`, also where somebody who may not book for others names themselves.
    """
    arranges = by.pk != person.row.key and (by.is_agency_lead or by.is_coordinator)
    usual = person.row.manager_email
    email = (named or usual or (by.email if arranges else "")).strip().lower()
    reason = manager_named(person, email)
    if reason is not None:
        raise ManagerNeeded(reason)
    if same_mailbox(email, by.email) and email != usual.casefold() and not arranges:
        raise ManagerNeeded(_NOT_YOURSELF)
    return email


def is_manager(by: User, manager_email: str, *, person_id: int) -> bool:
    """Whether the manager themselves books for their colleague, and so agrees."""
    return by.pk != person_id and by.email.casefold() == manager_email.casefold()
