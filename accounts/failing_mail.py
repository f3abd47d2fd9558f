"""Addresses that mail does not reach: marked by a mail server's report, cleared by proof.

Proof is that the person signs in with a code that was sent to the address, or confirms a new one.
Otherwise a coordinator says that it works. An address that fails is still written to.
"""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from allauth.account.signals import (
    authentication_step_completed,
    email_changed,
    email_confirmed,
)
from django.db.models import DateTimeField, QuerySet, Value
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from accounts.models import User

_LONGEST_REASON = 500


def mark(*, email: str, why: str, now: datetime) -> None:
    """Mail to this address came back for good; of an address that is nobody's nothing is kept."""
    since = Coalesce("mail_failing_since", Value(now, output_field=DateTimeField()))
    User.objects.filter(email=email.lower()).update(
        mail_failing_since=since, mail_failure=why[:_LONGEST_REASON]
    )


def clear(*, person: User) -> None:
    """Mail reaches this person's address again."""
    User.objects.filter(pk=person.pk, mail_failing_since__isnull=False).update(
        mail_failing_since=None, mail_failure=""
    )


def people_whose_mail_fails() -> QuerySet[User]:
    """Those whose address mail does not reach, the newest first."""
    return User.objects.filter(mail_failing_since__isnull=False).order_by(
        "-mail_failing_since", "pk"
    )


def watch_for_proof() -> None:
    """Clear an address when allauth says that its owner has read a mail there."""
    authentication_step_completed.connect(_signed_in, dispatch_uid="failing_mail.signed_in")
    email_confirmed.connect(_confirmed, dispatch_uid="failing_mail.confirmed")
    email_changed.connect(_changed, dispatch_uid="failing_mail.changed")


def _signed_in(*, user: User, method: str, email: str | None = None, **about: Any) -> None:
    if method == "code" and email and email.lower() == user.email:
        clear(person=user)


def _confirmed(*, request: HttpRequest, email_address: EmailAddress, **about: Any) -> None:
    if email_address.email.lower() == email_address.user.email:
        clear(person=email_address.user)


def _changed(*, user: User, **about: Any) -> None:
    clear(person=user)
