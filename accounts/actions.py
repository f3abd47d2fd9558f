"""What changes people, and why it may be refused."""

from datetime import datetime, timedelta
from typing import Any

import structlog
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse

from accounts.addresses import (
    SHARED_MAILBOX_REFUSED,
    is_shared_mailbox,
    parse_address,
)
from accounts.agency_proof import (
    NOT_CONFIRMED,
    agency_by_address,
    follow_address,
    keep_agency,
)
from accounts.failing import clear_failing
from accounts.models import Agency, User
from accounts.remembered import forget_expired
from accounts.roles import note_roles
from accounts.sessions import end_sessions
from booking.partnership.kept import sender, the_partnership
from booking.site.refusals import Refused
from booking.site.signed_links import SignedLink

log = structlog.get_logger("briefed.security")

UNFINISHED_ACCOUNT_LIFE = timedelta(days=2)


def person_for_sign_in(*, email: str) -> User:
    """The person with this address; an unfinished account for one not seen before.

    Both get the same code in the same mail, so that nobody can find out who has an account.
    Raises `ValidationError` for what is no address.
    """
    email = parse_address(email)
    existing = User.objects.filter(email=email).first()
    if existing:
        # Somebody made on the command line or in the back office has no address to verify yet.
        EmailAddress.objects.get_or_create(
            user=existing, email=email, defaults={"primary": True, "verified": False}
        )
        return existing
    return begin(email=email)


def begin(*, email: str, **said: Any) -> User:
    """A new account, or the one that somebody made with the same address in the same moment.

    Raises `ValidationError` for what is no address or no name.
    """
    try:
        return make(email=email, **said)
    except AddressTaken:
        return User.objects.get(email=parse_address(email))


def make(*, email: str, **said: Any) -> User:
    """A new account; its address counts as verified once a code sent there was typed.

    Raises `AddressTaken` or `AgencyGone`, and `ValidationError` for what is no address or no name.
    """
    email = parse_address(email)
    try:
        with transaction.atomic():
            person = User.objects.create_user(email, **said)
            EmailAddress.objects.create(user=person, email=email, primary=True, verified=False)
            if person.agency is not None:
                keep_agency(person.agency)
    except IntegrityError as taken:
        raise AddressTaken from taken
    return person


def save_profile(
    *,
    person: User,
    first_name: str,
    last_name: str,
    job_title: str,
    agency: Agency | None,
    unlisted_agency: str,
    manager_email: str,
    phone: str,
    level: int | None,
    now: datetime,
) -> None:
    """Keep who the person is and whom they work for. Clears the agency when it is not listed.

    Another agency than before is confirmed only where their verified address proves it.
    Whoever leads an agency and says that they work for another leads neither from then on: a
    coordinator makes them a lead, not their own word. Raises `AgencyGone`.
    """
    changes: dict[str, Any] = {
        "first_name": first_name,
        "last_name": last_name,
        "job_title": job_title,
        "agency": agency,
        "unlisted_agency": "" if agency else unlisted_agency,
        "manager_email": manager_email,
        "phone": phone,
        "level": level,
    }
    with transaction.atomic():
        # Somebody may have confirmed their agency, or settled it, since the page was asked for.
        held = User.objects.select_for_update().get(pk=person.pk)
        is_another = held.agency_id != (agency.pk if agency else None)
        if is_another:
            changes |= {"is_agency_lead": False, **NOT_CONFIRMED}
        is_proved = agency is not None and agency_by_address(person=held) == agency
        if is_proved and (is_another or not held.agency_is_confirmed):
            changes["agency_confirmed_at"] = now
        for name, value in changes.items():
            setattr(person, name, value)
        person.save(update_fields=changes)
        if agency is not None:
            keep_agency(agency)
    if held.is_agency_lead and is_another:
        note_roles(person, by=person, changed=["is_agency_lead"])


def choose_reminders(*, person: User, wants_reminders: bool) -> None:
    """Turn the person's reminders on or off; other mail about their bookings always comes."""
    person.wants_reminders = wants_reminders
    person.save(update_fields=["wants_reminders"])


def reminders_path(person: User, *, since: datetime) -> str:
    """The path on which this person turns reminders off, or on again, without signing in.

    `since` is when the message was decided, so that composing it again gives the same link.
    """
    return reverse("reminders_link", args=[SignedLink.REMINDERS.token(str(person.pk), since=since)])


def person_of_link(token: str, *, now: datetime) -> User:
    """Whom a link is for. Raises `LinkRefused`, or `User.DoesNotExist` for a closed account."""
    return User.objects.get(pk=SignedLink.REMINDERS.content(token, now=now), is_active=True)


def correct_email(*, person: User, email: str, by: User, now: datetime) -> None:
    """Give an account another address, because mail does not reach the one it has.

    The person signs in with a code sent to the new one, which proves it; until then it counts as
    unverified. Whoever is signed in to the account is signed out, a code sent to the old address
    opens nothing any more (see `AccountAdapter.pre_login`), and passwords and passkeys, which
    somebody at the wrong address may have set, are deleted. So are authenticator apps, but not of
    people who see others' data: they need theirs after the code, and an administrator who takes it
    away. An account that was begun with the new address and never confirmed makes way. The caller
    keeps on record who did it and why.

    Raises `OnlyByAdministrator`, `SharedMailbox` or `AddressTaken`, and `ValidationError` for what
    is no address.
    """
    email = parse_address(email)
    if is_shared_mailbox(email):
        raise SharedMailbox
    with transaction.atomic():
        locked = User.objects.select_related("agency").select_for_update(of=["self"])
        fresh = locked.get(pk=person.pk)
        before = fresh.email
        if fresh.sees_other_people and not by.is_superuser:
            raise OnlyByAdministrator
        unfinished_accounts(before=now).filter(email=email).delete()
        if EmailAddress.objects.filter(email=email).exclude(user=fresh).exists():
            raise AddressTaken
        fresh.email = email
        fresh.set_unusable_password()
        _forget_ways_in(fresh)
        try:
            with transaction.atomic():
                fresh.save(update_fields=["email", "password"])
        except IntegrityError as taken:
            raise AddressTaken from taken
        EmailAddress.objects.filter(user=fresh).delete()
        EmailAddress.objects.create(user=fresh, email=email, primary=True, verified=False)
        clear_failing(person=fresh)
        follow_address(person=fresh, before=before, by=by, now=now)
        log.info("address_corrected", by=by.pk, person=fresh.pk)
        end_sessions(fresh)


def _forget_ways_in(person: User) -> None:
    """Passkeys go, because one is all that is needed to sign in; an app may be a second step."""
    theirs = Authenticator.objects.filter(user=person)
    theirs.filter(type=Authenticator.Type.WEBAUTHN).delete()
    has_app = theirs.filter(type=Authenticator.Type.TOTP).exists()
    if not (person.sees_other_people and has_app):
        theirs.delete()


def forget_second_step(*, person: User, by: User) -> None:
    """Take passkeys, authenticator app and recovery codes from somebody who has lost them.

    Whoever is signed in to the account is signed out. The caller keeps on record who did it.
    """
    with transaction.atomic():
        Authenticator.objects.filter(user=person).delete()
        log.info("second_step_taken_away", by=by.pk, person=person.pk)
        end_sessions(person)


def tell_former_address(*, email: str) -> None:
    """Say to the address that an account had that it has another one now, but not which."""
    words = {"partnership": the_partnership(), "email": email}
    EmailMessage(
        subject="The email address of your account was changed",
        body=render_to_string("account/email/address_corrected_message.txt", words),
        from_email=sender(),
        to=[email],
        reply_to=[settings.MAIL_REPLY_TO],
    ).send()


def unfinished_accounts(*, before: datetime) -> QuerySet[User]:
    """Accounts begun by typing an address but never confirmed with the code sent to it."""
    return User.objects.filter(
        date_joined__lt=before,
        last_login__isnull=True,
        first_name="",
        bookings__isnull=True,
        # Something was said or done about them.
        notes__isnull=True,
        # Whoever made one of these by hand meant it.
        is_coordinator=False,
        is_trainer=False,
        is_agency_lead=False,
        is_staff=False,
        is_superuser=False,
    )


def forget_unfinished_accounts(*, now: datetime) -> int:
    """Delete accounts begun by typing an address and never confirmed. Returns how many.

    What signing in had to remember for a while goes with them.
    """
    forget_expired(now=now)
    stale = unfinished_accounts(before=now - UNFINISHED_ACCOUNT_LIFE)
    count, _ = stale.delete()
    return count


class CorrectionRefused(Refused):
    """The account keeps the address that it has."""


class AddressTaken(CorrectionRefused):
    """Another person signs in with it."""

    sentence = (
        "This address belongs to another account. If both are the same person, make one account of"
        " the two; if not, ask for the right address."
    )
    field = "email"


class SharedMailbox(CorrectionRefused):
    """It names a desk rather than a person."""

    sentence = SHARED_MAILBOX_REFUSED
    field = "email"


class OnlyByAdministrator(CorrectionRefused):
    """Whoever gets mail at the address could see what the person may see of others."""

    sentence = (
        "This person is a coordinator, trainer or agency lead and sees other people’s bookings."
        " So only a superuser can correct the address of their account."
    )
