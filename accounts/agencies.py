"""Agencies and groups of practitioners, and who belongs to them."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from django.db import IntegrityError, models, transaction

from accounts.actions import place_in_agency
from accounts.models import Agency, PractitionerGroup, User
from booking.site.refusals import Refused


class AgencyNameTaken(Refused):
    """There is an agency of this name."""

    sentence = "There is already an agency of this name. Choose it from the list."


def people_without_agency() -> models.QuerySet[User]:
    """People who wrote down an agency that is not on the list, the longest waiting first."""
    return (
        User.objects.filter(agency__isnull=True, is_active=True)
        .exclude(unlisted_agency="")
        .order_by("date_joined", "pk")
    )


def others_who_wrote_the_same(person: User) -> models.QuerySet[User]:
    """The other people without an agency who wrote what this person wrote, in any case."""
    same = people_without_agency().filter(unlisted_agency__iexact=person.unlisted_agency)
    return same.exclude(pk=person.pk)


def join_agency(*, people: Iterable[User], agency: Agency) -> None:
    """Put people whose agency was not listed into one that is."""
    with transaction.atomic():
        for person in people:
            place_in_agency(person=person, agency=agency)


def add_agency(*, name: str, sector: str, domain: str) -> Agency:
    """Put a new agency on the list; `domain` is that of its staff's addresses, or nothing.

    Raises `AgencyNameTaken`.
    """
    try:
        with transaction.atomic():
            return Agency.objects.create(
                name=name, sector=sector, email_domains=[domain.lower()] if domain else []
            )
    except IntegrityError as error:
        raise AgencyNameTaken from error


_ADDRESS = re.compile(r"[^\s,;<>()\"']+@[^\s,;<>()\"']+")


class GroupNameTaken(Refused):
    """Another group has this name."""

    sentence = "There is already a group of this name."


@dataclass(frozen=True)
class Added:
    """How many were added, and the addresses that belong to nobody who has signed in."""

    number: int
    unknown: list[str]


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


def add_members(*, group: PractitionerGroup, text: str) -> Added:
    """Add the people whose addresses stand in a text, whatever else does."""
    addresses = list(dict.fromkeys(found.lower().strip(".") for found in _ADDRESS.findall(text)))
    known = dict(User.objects.filter(email__in=addresses).values_list("email", "pk"))
    with transaction.atomic():
        before = group.members.count()
        group.members.add(*known.values())
        number = group.members.count() - before
    return Added(number, [address for address in addresses if address not in known])


def remove_member(*, group: PractitionerGroup, person: User) -> None:
    """Take somebody out of the group. Does nothing if they are not in it."""
    group.members.remove(person)
