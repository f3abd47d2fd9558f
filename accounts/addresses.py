"""Work email addresses: what can be told from one, and whether mail reaches it.

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

from accounts.models import User

_LONGEST_REASON = 500

# Mailboxes that several people read: a place, a certificate and a record belong to one person.
SHARED_MAILBOXES = frozenset(
    {
        "admin", "administrator", "admissions", "bookings", "bursar", "business", "caretaker",
        "contact", "contactus", "dsl", "duty", "dutyteam", "enquiries", "enquiry", "events",
        "feedback", "frontdesk", "head", "headoffice", "headteacher", "hello", "help", "helpdesk",
        "hr", "info", "information", "inbox", "mail", "mailbox", "manager", "no-reply", "noreply",
        "office", "postmaster", "reception", "referrals", "safeguarding", "school", "schooloffice",
        "secretary", "senco", "staff", "support", "team", "training", "webmaster",
    }
)  # fmt: skip


SHARED_MAILBOX_REFUSED = (
    "This looks like a mailbox that several people read. Places and training records belong to"
    " one person, so use your own work address."
)


def domain_of(email: str) -> str:
    """The part after the last @, in lower case."""
    return email.rpartition("@")[2].lower()


def same_mailbox(one: str, other: str) -> bool:
    """Whether two addresses lead to one mailbox: case and a plus suffix make no other."""
    return _mailbox(one) == _mailbox(other)


def _mailbox(email: str) -> tuple[str, str]:
    name, _, domain = email.strip().casefold().rpartition("@")
    return name.partition("+")[0], domain


def is_shared_mailbox(email: str) -> bool:
    """Whether the address names a desk rather than a person, by its first part.

    Dots, hyphens, underscores and a plus suffix do not hide it (`school.office+x@` is one).
    """
    name = email.partition("@")[0].lower().partition("+")[0]
    plain = name.replace(".", "").replace("_", "").replace("-", "").strip("0123456789")
    return name in SHARED_MAILBOXES or plain in SHARED_MAILBOXES


def mark_failing(*, email: str, why: str, now: datetime) -> None:
    """Mail to this address came back for good; of an address that is nobody's nothing is kept."""
    since = Coalesce("mail_failing_since", Value(now, output_field=DateTimeField()))
    User.objects.filter(email=email.lower()).update(
        mail_failing_since=since, mail_failure=why[:_LONGEST_REASON]
    )


def mark_doubted(*, email: str, why: str, now: datetime) -> None:
    """Somebody says that mail to this address came back, and proves nothing."""
    since = Coalesce("mail_doubted_since", Value(now, output_field=DateTimeField()))
    User.objects.filter(email=email.lower()).update(
        mail_doubted_since=since, mail_doubt=why[:_LONGEST_REASON]
    )


def clear_failing(*, person: User) -> None:
    """Mail reaches this person's address again."""
    _failing_or_doubted().filter(pk=person.pk).update(
        mail_failing_since=None, mail_failure="", mail_doubted_since=None, mail_doubt=""
    )


def people_whose_mail_fails() -> QuerySet[User]:
    """Those whose address mail does not reach, the newest first."""
    return User.objects.filter(mail_failing_since__isnull=False).order_by(
        "-mail_failing_since", "pk"
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
    if method == "code" and email and email.lower() == user.email:
        clear_failing(person=user)


@receiver(email_confirmed)
def _confirmed(*, email_address: EmailAddress, **about: Any) -> None:
    if email_address.email.lower() == email_address.user.email:
        clear_failing(person=email_address.user)


@receiver(email_changed)
def _changed(*, user: User, **about: Any) -> None:
    clear_failing(person=user)
