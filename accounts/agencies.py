"""Agencies and groups of practitioners: who belongs to them, and how somebody comes to.

A colleague is somebody of one agency, named by their work address by a person who books for them.
"""

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime

import structlog
from django.db import IntegrityError, models, transaction

from accounts.actions import begin
from accounts.addresses import as_stored, domain_of
from accounts.agency_proof import AgencyGone, confirmation, keep_agency
from accounts.models import Agency, PractitionerGroup, User
from accounts.roles import note_roles
from booking.site.refusals import Refused

log = structlog.get_logger("briefed.security")

# Splitting reads each character once; a pattern for the address itself would begin anew at each.
_BETWEEN_ADDRESSES = re.compile(r"[\s,;<>()\"']+")


class AgencyNameTaken(Refused):
    """There is an agency of this name."""

    sentence = "There is already an agency of this name. Choose it from the list."


def people_without_agency() -> models.QuerySet[User]:
    """People who wrote down an agency that is not on the list, the longest waiting first."""
    without = User.objects.filter(agency__isnull=True, is_active=True)
    return without.exclude(unlisted_agency="").order_by("date_joined", "pk")


def others_who_wrote_the_same(person: User) -> models.QuerySet[User]:
    """The other people without an agency who wrote what this person wrote, in any case."""
    same = people_without_agency().filter(unlisted_agency__iexact=person.unlisted_agency)
    return same.exclude(pk=person.pk)


class OwnAgency(Refused):
    """Nobody's own word proves whom they work for."""

    sentence = "Somebody else has to confirm whom you work for: another coordinator, or a lead."


def join_agency(*, people: Iterable[User], agency: Agency, by: User, now: datetime) -> None:
    """Put people into an agency; whoever does so, a coordinator, confirms that they work there.

    Runs in the caller's transaction. Raises `OwnAgency` or `AgencyGone`.
    """
    keys = [person.pk for person in people]
    if by.pk in keys:
        raise OwnAgency
    User.objects.filter(pk__in=keys).update(
        agency=agency, unlisted_agency="", agency_confirmed_at=now, agency_confirmed_by=by
    )
    keep_agency(agency)


def settle_unlisted(
    *, people: Iterable[User], agency: Agency, by: User, now: datetime
) -> list[User]:
    """Put people whose agency was not listed into one that is.

    Returns those who still say what was read of them; all others have said something else since,
    or were settled. Runs in the caller's transaction. Raises `OwnAgency` or `AgencyGone`.
    """
    wrote = {person.pk: person.unlisted_agency for person in people}
    held = people_without_agency().filter(pk__in=wrote).order_by("pk").select_for_update()
    settled = [person for person in held if person.unlisted_agency == wrote[person.pk]]
    join_agency(people=settled, agency=agency, by=by, now=now)
    return settled


class ClaimSettled(Refused):
    """The person says something else now, or it was confirmed."""

    sentence = "This has been settled already, or the person has chosen another agency since."


def confirm_claim(*, person: User, agency: Agency, by: User, now: datetime) -> None:
    """Somebody who may say so confirms that a person works for the agency they chose.

    Raises `ClaimSettled` unless they still say so, unconfirmed, and `OwnAgency`.
    """
    if person.pk == by.pk:
        raise OwnAgency
    claim = User.objects.filter(pk=person.pk, agency=agency, agency_confirmed_at=None)
    if not claim.update(agency_confirmed_at=now, agency_confirmed_by=by):
        raise ClaimSettled


def refuse_claim(*, person: User, agency: Agency, by: User) -> None:
    """The person does not work for the agency they chose: they have none until they say which.

    Raises `ClaimSettled` unless they still say so, unconfirmed.
    """
    claim = User.objects.filter(pk=person.pk, agency=agency, agency_confirmed_at=None)
    if not claim.update(agency=None, unlisted_agency="", is_agency_lead=False):
        raise ClaimSettled
    if person.is_agency_lead:
        person.is_agency_lead = False
        note_roles(person, by=by, changed=["is_agency_lead"])


@dataclass(frozen=True, kw_only=True)
class AgencyPlan:
    """Everything about an agency that coordinators decide; its turnover is in pence."""

    name: str
    sector: str
    email_domains: list[str]
    trainers_in_kind: bool = False
    annual_turnover_pence: int | None = None
    is_listed: bool = True


def store_agency(*, agency: Agency, plan: AgencyPlan, by: User) -> Agency:
    """Write an agency down as planned and return it; the log says who did.

    Raises `AgencyNameTaken`, or `AgencyGone` rather than bring one back that was merged away.
    Another domain confirms nobody before they sign in again, and takes no confirmation back.
    """
    same = Agency.objects.filter(name__iexact=plan.name).exclude(pk=agency.pk)
    is_new = agency.pk is None
    for name, value in asdict(plan).items():
        setattr(agency, name, value)
    try:
        with transaction.atomic():
            held = Agency.objects.select_for_update(no_key=True).filter(pk=agency.pk)
            if not is_new and not held.exists():
                raise AgencyGone
            if same.exists():
                raise AgencyNameTaken
            agency.save(force_insert=is_new, force_update=not is_new)
    except IntegrityError as error:
        raise AgencyNameTaken from error
    log.info("agency_stored", by=by.pk, agency=agency.pk, domains=plan.email_domains)
    return agency


@dataclass(frozen=True, kw_only=True)
class Entry:
    """Somebody's address, in lower case, and what was written down about them."""

    email: str
    first_name: str = ""
    last_name: str = ""
    job_title: str = ""

    @property
    def name(self) -> str:
        """The name as it was written down, or nothing."""
        return f"{self.first_name} {self.last_name}".strip()


def colleagues_of(agency: Agency) -> models.QuerySet[User]:
    """The people who are confirmed to work for an agency, by name."""
    confirmed = User.objects.filter(agency=agency, agency_confirmed_at__isnull=False)
    return confirmed.filter(is_active=True)


def known_by_address(addresses: Iterable[str]) -> dict[str, User]:
    """Whoever has an account with one of these addresses. Costs one statement."""
    people = User.objects.filter(email__in=set(addresses)).select_related("agency")
    return {person.email: person for person in people}


def is_colleague(known: User | None, agency: Agency) -> bool:
    """Whether this is somebody of the agency who can be booked."""
    return known is not None and known.is_active and known.proved_agency == agency


def may_join(email: str, known: User | None, agency: Agency) -> bool:
    """Whether the address shows that somebody works for this agency who is not confirmed in any.

    They have no agency yet, or say that it is this one.
    """
    if domain_of(email) not in agency.email_domains:
        return False
    return known is None or (
        known.is_active
        and not known.agency_is_confirmed
        and known.agency_id in (None, agency.pk)
        and not known.unlisted_agency
    )


def begin_account(*, entry: Entry, agency: Agency, by: User, now: datetime) -> User:
    """An account for a colleague who has none; they sign in with a code sent to the address.

    The address counts as verified only once they have done so. Their agency is confirmed by the
    address, or by the lead or coordinator who names them.
    """
    confirmed = confirmation(email=entry.email, agency=agency, now=now, by=by)
    return begin(agency=agency, **asdict(entry), **confirmed)


def take_into_agency(
    *, person: User, entry: Entry, agency: Agency, by: User, now: datetime
) -> User:
    """Put somebody who has begun an account into their agency, as `begin_account` would.

    Raises `AgencyGone`.
    """
    confirmed = confirmation(email=person.email, agency=agency, now=now, by=by)
    person.agency = agency
    for name, value in confirmed.items():
        setattr(person, name, value)
    person.first_name = person.first_name or entry.first_name
    person.last_name = person.last_name or entry.last_name
    person.job_title = person.job_title or entry.job_title
    with transaction.atomic():
        person.save(update_fields=["agency", "first_name", "last_name", "job_title", *confirmed])
        keep_agency(agency)
    return person


class GroupNameTaken(Refused):
    """Another group has this name."""

    sentence = "There is already a group of this name."


def add_group(*, name: str) -> PractitionerGroup:
    """A new group without members. Raises `GroupNameTaken`."""
    name = " ".join(name.split())
    if PractitionerGroup.objects.filter(name__iexact=name).exists():
        raise GroupNameTaken
    try:
        with transaction.atomic():
            return PractitionerGroup.objects.create(name=name)
    except IntegrityError as error:
        raise GroupNameTaken from error


def add_members(*, group: PractitionerGroup, text: str) -> tuple[int, list[str]]:
    """Add the people whose addresses stand in a text, whatever else does.

    Returns how many were added, and the addresses that belong to nobody who has signed in.
    """
    words = (word.strip(".:") for word in _BETWEEN_ADDRESSES.split(text) if "@" in word)
    addresses = list(dict.fromkeys(map(as_stored, words)))
    known = dict(User.objects.filter(email__in=addresses).values_list("email", "pk"))
    with transaction.atomic():
        before = group.members.count()
        group.members.add(*known.values())
        number = group.members.count() - before
    return number, [address for address in addresses if address not in known]


def remove_member(*, group: PractitionerGroup, person: User) -> None:
    """Take somebody out of the group. Does nothing if they are not in it."""
    group.members.remove(person)
