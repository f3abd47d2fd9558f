"""Making an account nobody's: its row stays, for what points to it, and says nothing of anybody."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession

from accounts.models import PractitionerGroup, User

# Never a mailbox (RFC 2606, 2).
NOBODYS_DOMAIN = "anonymous.invalid"
NOBODYS_ADDRESS = f"nobody@{NOBODYS_DOMAIN}"
SOMEONE = ("Someone", "who left")
# All other columns of a person go back to what they are for nobody, also those added later.
KEPT_OF_A_PERSON = frozenset({"id", "date_joined"})


def is_forgotten(person: User) -> bool:
    """Whether the account is nobody's any more."""
    return str(person.email).endswith(f"@{NOBODYS_DOMAIN}")


def forget_account(person: User) -> None:
    """Blank a person's row, and delete all by which they signed in. They are signed out.

    Runs in the caller's transaction.
    """
    for session in UserSession.objects.filter(user=person):
        session.end()
    EmailAddress.objects.filter(user=person).delete()
    Authenticator.objects.filter(user=person).delete()
    for group in PractitionerGroup.objects.filter(members=person):
        group.members.remove(person)
    for group in PractitionerGroup.objects.filter(interested=person):
        group.interested.remove(person)
    person.groups.clear()
    person.user_permissions.clear()
    for field in User._meta.concrete_fields:
        if field.name not in KEPT_OF_A_PERSON:
            setattr(person, field.attname, field.get_default())
    person.email = f"left-{person.pk}@{NOBODYS_DOMAIN}"
    person.first_name, person.last_name = SOMEONE
    person.is_active = person.wants_reminders = False
    person.set_unusable_password()
    person.save()
