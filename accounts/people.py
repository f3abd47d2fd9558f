"""Colleagues: people of one agency, named by their work address by somebody who books for them."""

from collections.abc import Iterable
from dataclasses import dataclass

from allauth.account.models import EmailAddress
from django.db import IntegrityError, models, transaction

from accounts.addresses import domain_of
from accounts.models import Agency, User


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
    """The people of an agency, by name."""
    return User.objects.filter(agency=agency, is_active=True).order_by(
        "last_name", "first_name", "pk"
    )


def known_by_address(addresses: Iterable[str]) -> dict[str, User]:
    """Whoever has an account with one of these addresses. Costs one statement."""
    people = User.objects.filter(email__in=set(addresses)).select_related("agency")
    return {person.email: person for person in people}


def is_colleague(known: User | None, agency: Agency) -> bool:
    """Whether this is somebody of the agency who can be booked."""
    return known is not None and known.is_active and known.agency_id == agency.pk


def may_join(email: str, known: User | None, agency: Agency) -> bool:
    """Whether the address shows that somebody not yet with any agency works for this one."""
    if domain_of(email) not in agency.email_domains:
        return False
    return known is None or (
        known.is_active and known.agency_id is None and not known.unlisted_agency
    )


def begin_account(*, entry: Entry, agency: Agency) -> User:
    """An account for a colleague who has none; they sign in with a code sent to the address.

    The address counts as verified only once they have done so.
    """
    try:
        with transaction.atomic():
            person = User.objects.create_user(
                entry.email,
                first_name=entry.first_name,
                last_name=entry.last_name,
                job_title=entry.job_title,
                agency=agency,
            )
            EmailAddress.objects.create(
                user=person, email=person.email, primary=True, verified=False
            )
    except IntegrityError:
        # Somebody named the same address in the same moment.
        return User.objects.get(email=entry.email)
    return person


def take_into_agency(*, person: User, entry: Entry, agency: Agency) -> User:
    """Put somebody who has begun an account, and not said who they are, into their agency."""
    person.agency = agency
    person.first_name = person.first_name or entry.first_name
    person.last_name = person.last_name or entry.last_name
    person.job_title = person.job_title or entry.job_title
    person.save(update_fields=["agency", "first_name", "last_name", "job_title"])
    return person
