"""Roles and who may change the accounts that have them."""

from collections.abc import Iterable

import structlog
from allauth.usersessions.models import UserSession

from accounts.models import User
from booking.site.refusals import Refused

log = structlog.get_logger("briefed.security")
# They open the desk and the back office, so only a superuser gives them.
GIVEN_BY_SUPERUSERS = ("is_coordinator", "is_staff")


class LastSuperuser(Refused):
    """Nobody would be left to change the accounts of people with roles."""

    sentence = (
        "This is the only superuser who can use the back office. Give somebody else that right"
        " first."
    )


def may_change_account(person: User, *, by: User) -> bool:
    """Whether `by` may change roles, agency and access of this person in the back office.

    People with roles see other people's data, so that is for superusers; somebody else could take
    their role away, change their address and sign in as them.
    """
    return by.is_superuser or not person.sees_other_people


def keep_a_superuser(person: User) -> None:
    """Refuse to take the back office from the last superuser. Raises `LastSuperuser`.

    Must run in the transaction that takes it: the superusers' rows stay locked, so that two of
    them cannot remove each other in the same moment.
    """
    in_office = User.objects.filter(is_superuser=True, is_staff=True, is_active=True)
    others = in_office.order_by("pk").select_for_update()
    if person.is_superuser and not any(other.pk != person.pk for other in others):
        raise LastSuperuser


def reopen(person: User) -> None:
    """End the sessions that a closed account still had: who is let in again signs in again."""
    for session in UserSession.objects.filter(user=person):
        session.end()


def note_roles(person: User, *, by: User | None, changed: Iterable[str]) -> None:
    """Say in the log which of a person's roles `by` has given or taken, as they are now.

    `by` is nobody where an import or a refused claim did it.
    """
    roles = {name: getattr(person, name) for name in (*User.ROLES, "is_active") if name in changed}
    if roles:
        log.info("roles_changed", by=by and by.pk, person=person.pk, **roles)
