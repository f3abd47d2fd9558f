"""Addresses that mail does not reach.

An address that fails is marked by a mail server's report and cleared by proof: the person signs in
with a code that was sent to the address, or confirms a new one. Otherwise a coordinator says that
it works. An address that fails is still written to.
"""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import authentication_step_completed, email_changed, email_confirmed
from django.db.models import DateTimeField, Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.dispatch import receiver

from accounts.addresses import as_stored
from accounts.models import User

_LONGEST_REASON = 500


def mark_failing(*, email: str, why: str, now: datetime) -> None:
    """Mail to this address came back for good; of an address that is nobody's nothing is kept."""
    since = Coalesce("mail_failing_since", Value(now, output_field=DateTimeField()))
    User.objects.filter(email=as_stored(email)).update(
        mail_failing_since=since, mail_failure=why[:_LONGEST_REASON]
    )


def mark_doubted(*, email: str, why: str, now: datetime) -> None:
    """Somebody says that mail to this address came back, and proves nothing."""
    since = Coalesce("mail_doubted_since", Value(now, output_field=DateTimeField()))
    User.objects.filter(email=as_stored(email)).update(
        mail_doubted_since=since, mail_doubt=why[:_LONGEST_REASON]
    )


def doubt_report(*, person: User, why: str) -> None:
    """The report that marked this person's address is doubted; `why` is what another says of it,
    empty if none does."""
    changes: dict[str, Any] = (
        {"mail_failure": why} if why else {"mail_failure": "", "mail_failing_since": None}
    )
    User.objects.filter(pk=person.pk).update(**changes)


def clear_failing(*, person: User) -> None:
    """Mail reaches this person's address again."""
    _failing_or_doubted().filter(pk=person.pk).update(
        mail_failing_since=None, mail_failure="", mail_doubted_since=None, mail_doubt=""
    )


def people_whose_mail_may_fail() -> QuerySet[User]:
    """Those whose address mail does not reach, or may not, the newest first."""
    since = Coalesce("mail_failing_since", "mail_doubted_since")
    return _failing_or_doubted().order_by(since.desc(), "pk")


def _failing_or_doubted() -> QuerySet[User]:
    return User.objects.filter(
        Q(mail_failing_since__isnull=False) | Q(mail_doubted_since__isnull=False)
    )


# What proves, says allauth, that its owner has read a mail at the address.


@receiver(authentication_step_completed)
def _signed_in(*, user: User, method: str, email: str | None = None, **about: Any) -> None:
    if method == "code" and email and as_stored(email) == user.email:
        clear_failing(person=user)


@receiver(email_confirmed)
def _confirmed(*, email_address: EmailAddress, **about: Any) -> None:
    if as_stored(email_address.email) == email_address.user.email:
        clear_failing(person=email_address.user)


@receiver(email_changed)
def _changed(*, user: User, **about: Any) -> None:
    clear_failing(person=user)
