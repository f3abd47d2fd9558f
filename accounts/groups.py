"""Asking to join a group of practitioners, being let in, and leaving it again."""

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import PractitionerGroup, User


def open_groups() -> QuerySet[PractitionerGroup]:
    """Those that anybody with an account may ask to join."""
    return PractitionerGroup.objects.filter(is_open=True)


def who_wants_to_join() -> QuerySet[User]:
    """People who have asked to join a group, once for each."""
    return User.objects.filter(is_active=True, groups_wanted__isnull=False)


def want_to_join(*, group: PractitionerGroup, person: User) -> None:
    """The person is interested: a coordinator lets them in. Asking twice changes nothing."""
    if group.is_open and not group.members.filter(pk=person.pk).exists():
        group.interested.add(person)


def leave_group(*, group: PractitionerGroup, person: User) -> None:
    """The person belongs to it no more, nor asks to."""
    group.members.remove(person)
    group.interested.remove(person)


def answer_interest(*, group: PractitionerGroup, person: User, lets_in: bool) -> bool:
    """Let somebody in who asked, or not; false if they ask no more."""
    with transaction.atomic():
        asked = PractitionerGroup.interested.through.objects.filter(
            practitionergroup=group, user=person
        )
        if not asked.delete()[0]:
            return False
        if lets_in:
            group.members.add(person)
    return True


def describe_group(*, group: PractitionerGroup, purposes: str, is_open: bool) -> None:
    """What its page says, and whether people may ask to join."""
    group.purposes, group.is_open = purposes, is_open
    group.save(update_fields=["purposes", "is_open"])
