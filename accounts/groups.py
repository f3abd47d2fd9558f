"""Groups of practitioners: made by coordinators, who add members by their addresses."""

import re
from dataclasses import dataclass

from django.db import IntegrityError, transaction

from accounts.models import PractitionerGroup, User
from booking.site.refusals import Refused

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
