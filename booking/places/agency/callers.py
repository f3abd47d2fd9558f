"""Booking for somebody on the telephone: whom a coordinator finds, or writes down as they speak."""

from collections.abc import Mapping
from datetime import datetime

from django.db import transaction

from accounts.actions import begin
from accounts.addresses import SHARED_MAILBOX_REFUSED, is_shared_mailbox, no_address
from accounts.agencies import known_by_address
from accounts.agency_proof import NOT_CONFIRMED, confirmation
from accounts.models import Agency, User
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.places import actions, announcements
from booking.places.models import Booking
from booking.site.refusals import Refused


class AddressKnown(Refused):
    """Somebody has an account with this address."""

    field = "email"
    instead = "Find them by it instead."

    def __init__(self, known: User) -> None:
        self.sentence = f"{known} has an account with this address already."


class SharedAddress(Refused):
    """It names a desk rather than a person."""

    field = "email"
    sentence = SHARED_MAILBOX_REFUSED


def write_down(
    *,
    email: str,
    first_name: str,
    last_name: str,
    job_title: str,
    phone: str,
    agency: Agency | None,
    unlisted_agency: str,
    by: User,
    now: datetime,
) -> User:
    """A new account for somebody who rings: a coordinator says whom they work for.

    Without an address, what they are told goes out by post. Raises `AddressKnown` or
    `SharedAddress`.
    """
    if email:
        known = known_by_address([email]).get(email)
        if known is not None:
            raise AddressKnown(known)
        if is_shared_mailbox(email):
            raise SharedAddress
    proof = dict(NOT_CONFIRMED)
    if agency is not None:
        proof = confirmation(email=email, agency=agency, now=now, by=by)
    return begin(
        email=email or no_address(),
        first_name=first_name,
        last_name=last_name,
        job_title=job_title,
        phone=phone,
        agency=agency,
        unlisted_agency="" if agency else unlisted_agency,
        **proof,
    )


def book_caller(
    *,
    session: Session,
    person: User,
    by: User,
    now: datetime,
    needs: str = "",
    manager_email: str = "",
    overriding: Mapping[str, str],
) -> Booking:
    """Book as `actions.book` does; who has never been here is told how to sign in.

    Raises what `actions.book` raises.
    """
    is_new = person.last_login is None and not Booking.objects.for_person(person).exists()

    def act() -> Booking:
        return actions.book(
            session=session,
            person=person,
            by=by,
            now=now,
            needs=needs,
            manager_email=manager_email,
            overriding=overriding,
        )

    if not is_new or not person.has_address:
        return act()
    with transaction.atomic():
        # Somebody without a booking waits for nothing, so the order of locks holds.
        booking = act()
        outbox.post([announcements.account_made(booking, by=by)], now=now)
    return booking
