"""Whether somebody works for the agency that they say: proved by their address or by a person.

A verified address proves an agency whose domain it is at, if that domain is that agency's alone
and no public mail provider's. All others a lead of the agency or a coordinator confirms. Whoever is
not confirmed gets nothing that depends on an agency.
"""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import authentication_step_completed, email_changed
from django.db import connection, models, transaction
from django.db.models import Q
from django.dispatch import receiver
from django.utils import timezone

from accounts.addresses import PUBLIC_MAIL, domain_of
from accounts.models import Agency, User
from accounts.roles import note_roles
from booking.site.refusals import Refused


class AgencyGone(Refused):
    """Somebody has made it a part of another one meanwhile."""

    sentence = "This agency is part of another one by now. Look at the list again."
    field = "agency"


def keep_agency(agency: Agency) -> None:
    """Let nobody make the agency a part of another one before the transaction ends.

    It follows what is written about people: a merge holds people first, then agencies. Whoever
    merges waits, and finds them there. Raises `AgencyGone`.
    """
    with connection.cursor() as cursor:
        # Weaker than Django's locks, so that people join one agency side by side.
        cursor.execute("SELECT FROM accounts_agency WHERE id = %s FOR KEY SHARE", [agency.pk])
        if not cursor.rowcount:
            raise AgencyGone


def agency_at(email: str) -> Agency | None:
    """The agency on the list whose alone the domain of an address is.

    A public mail provider's is nobody's; one that an agency off the list has too is not alone.
    """
    domain = domain_of(email)
    if domain in PUBLIC_MAIL:
        return None
    agencies = list(Agency.objects.with_email_domain(domain)[:2])
    return agencies[0] if len(agencies) == 1 and agencies[0].is_listed else None


def agency_by_address(*, person: User) -> Agency | None:
    """The agency that a person's verified address proves, if it does. Reads only."""
    if not EmailAddress.objects.filter(user=person, email=person.email, verified=True).exists():
        return None
    return agency_at(person.email)


def confirmation(
    *, email: str, agency: Agency, now: datetime, by: User | None = None
) -> dict[str, Any]:
    """What a person's row says of its agency who is put into one: confirmed, or not yet.

    The address confirms it, or `by`, if they lead that agency or are a coordinator. Nobody signs in
    to an account before the address is verified, so that an account begun for an address is as
    good as its address.
    """
    if agency_at(email) == agency:
        return {"agency_confirmed_at": now, "agency_confirmed_by": None}
    if by is not None and may_confirm(by, agency):
        return {"agency_confirmed_at": now, "agency_confirmed_by": by}
    return dict(NOT_CONFIRMED)


NOT_CONFIRMED = {"agency_confirmed_at": None, "agency_confirmed_by": None}


def may_confirm(by: User, agency: Agency) -> bool:
    """Whether this person may say who works for the agency."""
    return by.is_coordinator or (by.leads_agency and by.agency_id == agency.pk)


def people_to_confirm() -> models.QuerySet[User]:
    """People who say whom they work for, which nobody has confirmed, the longest waiting first.

    They chose an agency from the list or wrote one down.
    """
    says_so = Q(agency__isnull=False) | ~Q(unlisted_agency="")
    unconfirmed = User.objects.filter(says_so, is_active=True, agency_confirmed_at=None)
    return unconfirmed.select_related("agency").order_by("date_joined", "pk")


def people_who_say(agency: Agency) -> models.QuerySet[User]:
    """People who say that they work for this agency, which nobody has confirmed."""
    return people_to_confirm().filter(agency=agency)


def roles_without_proof() -> models.QuerySet[User]:
    """Trainers and coordinators whose agency is not confirmed: their address may have left it.

    They keep their roles; a superuser looks whether they should.
    """
    has_role = Q(is_trainer=True) | Q(is_coordinator=True) | Q(is_staff=True)
    return people_to_confirm().filter(has_role, agency__isnull=False)


def follow_address(*, person: User, before: str, by: User, now: datetime) -> None:
    """See what a change of address, from `before`, means for the person's agency.

    An address at a domain that is the agency's alone proves it. One that leaves the agency's
    domains ends the proof and the role of its lead. Other roles stay: see `roles_without_proof`.
    """
    agency = person.agency
    if agency is None:
        return
    was_there = domain_of(before) in agency.email_domains
    is_there = domain_of(person.email) in agency.email_domains
    led = person.is_agency_lead
    changes: dict[str, Any] = {}
    if agency_at(person.email) == agency:
        changes = {} if person.agency_is_confirmed else {"agency_confirmed_at": now}
    elif was_there and not is_there:
        changes = {**NOT_CONFIRMED, "is_agency_lead": False}
    for name, value in changes.items():
        setattr(person, name, value)
    if changes:
        person.save(update_fields=changes)
    if led and not person.is_agency_lead:
        note_roles(person, by=by, changed=changes)


@receiver(email_changed)
def _changed(
    *,
    user: User,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **about: Any,
) -> None:
    before = from_email_address.email if from_email_address else ""
    with transaction.atomic():
        # Held, so that it is not the agency of before that is proved and another that is confirmed.
        held = User.objects.select_related("agency").select_for_update(of=["self"])
        person = held.get(pk=user.pk)
        person.email = to_email_address.email.lower()
        follow_address(person=person, before=before, by=person, now=timezone.now())


@receiver(authentication_step_completed)
def _signed_in(*, user: User, method: str, email: str | None = None, **about: Any) -> None:
    """A code that was sent to the address proves what the address proves."""
    if method != "code" or not email or email.lower() != user.email or user.agency_is_confirmed:
        return
    if user.agency is not None and agency_at(user.email) == user.agency:
        User.objects.filter(pk=user.pk, agency=user.agency).update(
            agency_confirmed_at=timezone.now()
        )
