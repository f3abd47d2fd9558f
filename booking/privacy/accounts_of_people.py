"""What coordinators do to somebody's account: each is noted with its reason, and some are refused.

People with roles see other people's data, so superusers alone change their accounts.
"""

from collections.abc import Iterable
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string

from accounts import actions as accounts
from accounts.addresses import is_shared_mailbox
from accounts.agencies import join_agency
from accounts.leaving import is_forgotten
from accounts.models import Agency, User
from accounts.roles import (
    GIVEN_BY_SUPERUSERS,
    keep_a_superuser,
    may_change_account,
    note_roles,
    reopen,
)
from accounts.sessions import end_sessions
from booking.calendars.actions import revoke_all_feeds
from booking.outbox import remedies
from booking.partnership.kept import sender, the_partnership
from booking.places import actions as places
from booking.places.models import Booking
from booking.places.refusals import AccountEnded
from booking.privacy.leaving import (
    SessionsAheadToLead,
    bookings_ahead,
    leads_sessions_ahead,
)
from booking.privacy.models import PersonNote
from booking.site.refusals import Refused
from booking.site.wording import counted, listed

# What the desk gives and takes, and what it is called; the back office does the others.
ROLES = {
    "is_trainer": "trainer",
    "is_agency_lead": "agency lead",
    "is_coordinator": "coordinator",
}


class OnlyBySuperuser(Refused):
    """They see other people's data, or would."""

    sentence = "Only a superuser changes the account of somebody with a role, or opens the desk."


class LeadsNoAgency(Refused):
    """A lead is one of an agency."""

    sentence = "They have no agency on the list to lead."


class AccountTaken(Refused):
    """Somebody has it already."""

    sentence = "Somebody has an account with this address already: find them under People."
    field = "email"


class OwnAccount(Refused):
    """Somebody must be left who did it."""

    sentence = "This is your own account. Another coordinator can end it."


class OwnDesk(Refused):
    """Somebody must be left who can open the desk to others."""

    sentence = (
        "You would close the desk to yourself. Another superuser can take this role from you."
    )


class NobodysAccount(Refused):
    """Nobody could sign in to it."""

    sentence = "This person was made anonymous for good: there is no account to open."


class NotEnded(Refused):
    """There is nothing to open."""

    sentence = "The account is open: somebody has opened it meanwhile."


def note(*, person: User, text: str, by: User, now: datetime) -> None:
    """Write down something about a person, for coordinators."""
    PersonNote.objects.create(person=person, by=by, at=now, text=text[:1000])


def check_may_change(person: User, *, by: User) -> None:
    """Raises `OnlyBySuperuser`."""
    if not may_change_account(person, by=by):
        raise OnlyBySuperuser


def correct(
    *,
    person: User,
    first_name: str,
    last_name: str,
    email: str,
    why: str,
    by: User,
    now: datetime,
) -> None:
    """Correct somebody's name and address; the address that they had is told.

    With another address what waits for them goes there, as `booking.outbox.remedies` has it, and
    their private calendar addresses end: a stranger may know them. Raises `OnlyBySuperuser`, and
    what `accounts.actions.correct_email` raises.
    """
    with transaction.atomic():
        # Messages first, then their person, as wherever an address is corrected.
        waits = remedies.waiting_at_address(person)
        fresh = _held(person, by=by)
        before, called = fresh.email, fresh.full_name
        User.objects.filter(pk=fresh.pk).update(first_name=first_name, last_name=last_name)
        said = []
        if (name := f"{first_name} {last_name}".strip()) != called:
            said.append(f"Name corrected from {called or 'none'} to {name}.")
        if email and email != before:
            accounts.correct_email(person=fresh, email=email, by=by, now=now)
            to_email = User.objects.values_list("email", flat=True).get(pk=fresh.pk)
            remedies.follow_account(messages=waits, to_email=to_email, by=by, why=why, now=now)
            revoke_all_feeds(person=fresh, now=now)
            if fresh.has_address:
                accounts.tell_former_address(email=before)
            said.append(f"Address corrected from {fresh.shown_address} to {email}.")
        if said:
            note(person=fresh, text=" ".join([*said, why]), by=by, now=now)


def set_roles(*, person: User, roles: Iterable[str], by: User, now: datetime) -> None:
    """Have the person be these of `ROLES`, and none of the others.

    Whoever makes somebody the lead of their agency confirms that they work there. Raises
    `OnlyBySuperuser`, `OwnDesk`, `LeadsNoAgency`, `OwnAgency` or `AccountEnded`.
    """
    with transaction.atomic():
        fresh = _held(person, by=by)
        wanted = {name: name in set(roles) for name in ROLES}
        changed = [name for name, value in wanted.items() if getattr(fresh, name) != value]
        if any(name in GIVEN_BY_SUPERUSERS for name in changed) and not by.is_superuser:
            raise OnlyBySuperuser
        if fresh.pk == by.pk and "is_coordinator" in changed:
            raise OwnDesk
        if not fresh.is_active:
            raise AccountEnded
        if not changed:
            return
        for name in changed:
            setattr(fresh, name, wanted[name])
        if fresh.is_agency_lead and "is_agency_lead" in changed:
            if fresh.agency is None:
                raise LeadsNoAgency
            join_agency(people=[fresh], agency=fresh.agency, by=by, now=now)
        fresh.save(update_fields=changed)
        note_roles(fresh, by=by, changed=changed)
        said = [f"{'made' if wanted[name] else 'no longer'} {ROLES[name]}" for name in changed]
        text = listed(said)
        note(person=fresh, text=f"{text[0].upper()}{text[1:]}.", by=by, now=now)


def open_account(
    *,
    email: str,
    first_name: str,
    last_name: str,
    agency: Agency | None,
    is_trainer: bool,
    by: User,
    now: datetime,
) -> User:
    """Make an account for somebody who has never signed in, and invite them by mail.

    A coordinator who chooses their agency confirms that they work there. Raises `SharedMailbox`,
    `AccountTaken`, and `ValidationError` for what is no address or no name.
    """
    if is_shared_mailbox(email):
        raise accounts.SharedMailbox
    with transaction.atomic():
        try:
            person = accounts.make(email=email, first_name=first_name, last_name=last_name)
        except accounts.AddressTaken as taken:
            raise AccountTaken from taken
        if agency is not None:
            join_agency(people=[person], agency=agency, by=by, now=now)
        note(person=person, text="Account made, and invited by email.", by=by, now=now)
        if is_trainer:
            set_roles(person=person, roles=["is_trainer"], by=by, now=now)
        words = {
            "partnership": the_partnership(),
            "person": person,
            "is_trainer": is_trainer,
            "address": settings.SITE_URL,
        }
        EmailMessage(
            subject=f"You have an account for the training of {the_partnership().name}",
            body=render_to_string("account/email/account_made_message.txt", words),
            from_email=sender(),
            to=[email],
            reply_to=[settings.MAIL_REPLY_TO],
        ).send()
    return person


def end_account(*, person: User, why: str, by: User, now: datetime) -> int:
    """Close an account: their live bookings ahead are cancelled first, and whoever waits moves up.

    Returns how many were cancelled. Each is a transaction of its own, under its session's lock; a
    session that has begun stays as it is. Raises `OwnAccount`, `OnlyBySuperuser`,
    `SessionsAheadToLead` or `LastSuperuser`.
    """
    if person.pk == by.pk:
        raise OwnAccount
    check_may_change(person, by=by)
    if leads_sessions_ahead(person, now=now):
        raise SessionsAheadToLead
    number = 0
    while not _close(person, why=why, cancelled=number, by=by, now=now):
        for booking in _to_cancel(person, now=now):
            places.cancel(booking=booking, by=by, now=now, why=why)
            number += 1
    return number


def reopen_account(*, person: User, why: str, by: User, now: datetime) -> None:
    """Let somebody in again whose account has ended; they sign in anew.

    Raises `OnlyBySuperuser`, `NotEnded` or `NobodysAccount`.
    """
    with transaction.atomic():
        fresh = _held(person, by=by)
        if fresh.is_active:
            raise NotEnded
        if is_forgotten(fresh):
            raise NobodysAccount
        fresh.is_active = True
        fresh.save(update_fields=["is_active"])
        reopen(fresh)
        note_roles(fresh, by=by, changed=["is_active"])
        note(person=fresh, text=f"Account opened again. {why}", by=by, now=now)


def _to_cancel(person: User, *, now: datetime) -> QuerySet[Booking]:
    return bookings_ahead(person, now=now).filter(session__starts_at__gt=now).order_by("pk")


def _close(person: User, *, why: str, cancelled: int, by: User, now: datetime) -> bool:
    """End the account, unless a booking is to be cancelled first; returns whether it has ended.

    Whoever books holds the person's row too, so none is made meanwhile.
    """
    with transaction.atomic():
        keep_a_superuser(person)
        fresh = _held(person, by=by)
        if _to_cancel(fresh, now=now).exists():
            return False
        fresh.is_active = False
        fresh.save(update_fields=["is_active"])
        end_sessions(fresh)
        revoke_all_feeds(person=fresh, now=now)
        note_roles(fresh, by=by, changed=["is_active"])
        said = f" {counted(cancelled, 'booking')} cancelled." if cancelled else ""
        note(person=fresh, text=f"Account ended.{said} {why}", by=by, now=now)
    return True


def _held(person: User, *, by: User) -> User:
    """The person's row, held, if `by` may change it. Raises `OnlyBySuperuser`."""
    rows = User.objects.select_related("agency").select_for_update(of=["self"], no_key=True)
    fresh = rows.get(pk=person.pk)
    check_may_change(fresh, by=by)
    return fresh
