"""Booking for colleagues, and handing a place to one, named by their work address.

Who has no account yet gets one in the same transaction as the place, so that nobody is left with
an account and no word of it.
"""

from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from accounts.addresses import (
    SHARED_MAILBOX_REFUSED,
    domain_of,
    is_shared_mailbox,
    parse_address,
)
from accounts.agencies import (
    Entry,
    begin_account,
    is_colleague,
    known_by_address,
    may_join,
    take_into_agency,
)
from accounts.agency_proof import agency_at, may_confirm
from accounts.fields import refusal_of
from accounts.models import Agency, User
from accounts.names import parse_name
from booking.catalogue.models import Session
from booking.outbox import posting as outbox
from booking.places import actions, announcements
from booking.places.changing import exchanges
from booking.places.lock import Practitioner
from booking.places.models import Booking
from booking.places.refusals import AddressRefused, CannotTakeIt, NotConfirmed
from booking.site.wording import listed

# What each is called, and how long it may be, as in the forms.
_NAMED = {
    "first_name": ("First name", 100),
    "last_name": ("Last name", 100),
    "job_title": ("Job title", 150),
}


def check_address(
    entry: Entry, known: User | None, *, agency: Agency, sees_colleagues: bool
) -> bool:
    """Whether this is somebody new to the agency, who is taken in by their address.

    Raises `AddressRefused` for what is no address or no name, for a mailbox of several people, and
    for anybody who is not of the agency, in words that do not tell whether they have an account.
    Somebody who may not see who works there (`sees_colleagues`) names addresses at its domains
    only, whether anybody has an account with them or not; `CannotTakeIt` says no more of the others
    than of a colleague whom a rule keeps away.
    """
    is_here = domain_of(entry.email) in agency.email_domains
    if why := refusal_of(parse_address, entry.email):
        raise AddressRefused(why)
    if is_colleague(known, agency) and (sees_colleagues or is_here):
        return False
    for name, (words, most) in _NAMED.items():
        if len(getattr(entry, name)) > most:
            raise AddressRefused(f"{words}: use {most} characters or fewer.")
        if why := refusal_of(parse_name, getattr(entry, name)):
            raise AddressRefused(f"{words}: {why}")
    if is_shared_mailbox(entry.email):
        raise AddressRefused(SHARED_MAILBOX_REFUSED)
    if may_join(entry.email, known, agency):
        return True
    if is_here and not sees_colleagues:
        raise CannotTakeIt(entry.email)
    domains = listed(agency.email_domains, "or")
    raise AddressRefused(
        f"This address is not known as one of {agency.name}.",
        f"Use a work address at {domains}, or ask the partnership to add the person."
        if domains
        else "Ask the partnership to add the person to your agency.",
    )


def newcomer(
    entry: Entry, known: User | None, *, agency: Agency, sees_colleagues: bool
) -> Practitioner:
    """What the rules will know of somebody once they are taken into the agency."""
    is_proved = sees_colleagues or agency_at(entry.email) == agency
    return Practitioner(
        key=known.pk if known else 0,
        agency_id=agency.pk if is_proved else None,
        sector=agency.sector if is_proved else "",
        said_agency_id=agency.pk,
        said_sector=agency.sector,
        level=known.level if known else None,
        email=entry.email,
        manager_email=known.manager_email if known else "",
        agency_domains=agency.email_domains,
    )


def book_colleague(
    *, session: Session, entry: Entry, agency: Agency, by: User, now: datetime
) -> Booking:
    """Book for a colleague of an agency as `actions.book` does, who is told by whom.

    Raises what `check_address` raises, and whatever refuses a booking.
    """

    def act(person: User) -> Booking:
        return actions.book(session=session, person=person, by=by, now=now)

    return _for_colleague(entry, agency, act, by=by, now=now)


def hand_over(
    *, booking: Booking, entry: Entry, by: User, now: datetime, manager_email: str = ""
) -> Booking:
    """Give a confirmed place to a colleague, as `exchanges.substitute` does.

    Raises what `check_address` raises, and whatever refuses a substitution.
    """
    if booking.agency is None:
        raise NotConfirmed

    def act(person: User) -> Booking:
        return exchanges.substitute(
            booking=booking, to=person, by=by, now=now, manager_email=manager_email
        )

    return _for_colleague(entry, booking.agency, act, by=by, now=now)


def _for_colleague(
    entry: Entry, agency: Agency, act: Callable[[User], Booking], *, by: User, now: datetime
) -> Booking:
    """Book for the colleague, who gets an account, and word of it, with the booking if need be.

    Somebody who has begun an account is taken into the agency in a transaction of its own: their
    row may not be held before the session's. Raises what `check_address` raises.
    """
    known = known_by_address([entry.email]).get(entry.email)
    is_new = check_address(entry, known, agency=agency, sees_colleagues=may_confirm(by, agency))
    if known is not None:
        if is_new:
            known = take_into_agency(person=known, entry=entry, agency=agency, by=by, now=now)
        return act(known)
    with transaction.atomic():
        # Nobody else can have locked a person who does not exist yet, so the order of locks holds.
        booking = act(begin_account(entry=entry, agency=agency, by=by, now=now))
        outbox.post([announcements.account_made(booking, by=by)], now=now)
    return booking
