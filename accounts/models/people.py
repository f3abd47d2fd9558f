"""People, and the groups that they belong to."""

import json
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.indexes import GinIndex
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Concat, Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.addresses import as_stored, is_no_address, mailbox, same_mailbox
from accounts.fields import AddressField, NameField
from accounts.finding import PeopleQuerySet
from accounts.models.agencies import Agency
from booking.partnership.levels import level_at
from booking.site.human_order import HumanOrder

# What `accounts.addresses.parse_address` gives: no second spelling of one mailbox fits.
_PLAIN_ADDRESS = r"^[a-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[a-z0-9.-]+$"
# They say whom they work for, and nobody has confirmed it.
_SAYS_WHERE = models.Q(is_active=True, agency_confirmed_at=None) & (
    models.Q(agency__isnull=False) | ~models.Q(unlisted_agency="")
)


class UserManager(BaseUserManager["User"]):
    """Makes people; the column keeps an address as it is read, so that it names one person."""

    def get_queryset(self) -> PeopleQuerySet:
        """People, to be chosen among."""
        return PeopleQuerySet(self.model, using=self._db)

    def found_by(self, text: str) -> PeopleQuerySet:
        """As `PeopleQuerySet.found_by`, of everybody."""
        return self.get_queryset().found_by(text)

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person who signs in with `email`, without a password unless one is given.

        Raises `ValidationError` for what is no address or no name.
        """
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A coordinator who may also use the back office."""
        return self.create_user(
            email, password, is_staff=True, is_superuser=True, is_coordinator=True, **fields
        )

    def get_by_natural_key(self, username: str | None) -> "User":
        """The person whose address this is, in whatever case it was typed."""
        return self.get(email=as_stored(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Everybody is a practitioner; some have further roles."""

    email = AddressField("work email address", max_length=254, unique=True)
    first_name = NameField(max_length=100, blank=True)
    last_name = NameField(max_length=100, blank=True)
    sort_name = models.GeneratedField(
        expression=Concat(
            HumanOrder("last_name"),
            models.Value(" ", output_field=models.TextField()),
            HumanOrder("first_name"),
        ),
        output_field=models.TextField(db_collation="C"),
        db_persist=True,
        help_text="Where the person stands in a list, by last name.",
    )
    job_title = NameField(max_length=150, blank=True)
    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, null=True, blank=True, related_name="people"
    )
    unlisted_agency = NameField(
        "employer, as the person wrote it",
        max_length=200,
        blank=True,
        help_text="Filled in when the person's agency was not on the list.",
    )
    agency_confirmed_at = models.DateTimeField(
        "agency confirmed",
        null=True,
        blank=True,
        editable=False,
        help_text="Since when it is proved that they work there; until then they only say so.",
    )
    agency_confirmed_by = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="The lead or coordinator who confirmed it; nobody if the address or a file did.",
    )
    manager_email = AddressField("line manager's email address", max_length=254, blank=True)
    phone = NameField("phone number", max_length=30, blank=True)
    level = models.PositiveSmallIntegerField("level of safeguarding work", null=True, blank=True)

    wants_reminders = models.BooleanField("wants reminders", default=True)
    mail_failing_since = models.DateTimeField(
        null=True, blank=True, help_text="Since when mail to the address comes back."
    )
    mail_failure = models.CharField(max_length=500, blank=True)
    mail_doubted_since = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Since when mail to the address may come back: somebody says so, without proof.",
    )
    mail_doubt = models.CharField(max_length=500, blank=True)

    is_agency_lead = models.BooleanField("agency lead", default=False)
    is_trainer = models.BooleanField("trainer", default=False)
    is_coordinator = models.BooleanField("coordinator", default=False)
    is_staff = models.BooleanField("may use the back office", default=False)
    is_active = models.BooleanField("active", default=True)
    date_joined = models.DateTimeField(default=timezone.now)
    session_epoch = models.PositiveIntegerField(
        default=0, editable=False, help_text="Raised to end every session of the person."
    )
    words = models.TextField(
        default="",
        editable=False,
        help_text="What the person is found by; the database writes it.",
    )

    objects: ClassVar[UserManager] = UserManager()

    # Each shows its holder something of other people. In another order, every session would end.
    ROLES: ClassVar[tuple[str, ...]] = (
        "is_agency_lead",
        "is_trainer",
        "is_coordinator",
        "is_staff",
        "is_superuser",
    )

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        ordering = ["sort_name", "id"]
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_person_per_email_address"),
            models.CheckConstraint(
                condition=models.Q(email__regex=_PLAIN_ADDRESS), name="addresses_are_plain"
            ),
            models.CheckConstraint(
                condition=models.Q(agency_confirmed_at=None) | models.Q(agency__isnull=False),
                name="only_an_agency_is_confirmed",
            ),
        ]
        indexes = [
            models.Index(fields=["agency", "sort_name", "id"], name="people_of_agency"),
            models.Index(
                fields=["agency", "is_agency_lead"],
                condition=models.Q(is_active=True, agency_confirmed_at__isnull=False),
                name="confirmed_people_of_agency",
            ),
            models.Index(
                fields=["agency"],
                condition=models.Q(is_active=True, agency_confirmed_at=None),
                name="claimants_of_agency",
            ),
            models.Index(
                fields=["date_joined", "id"], condition=_SAYS_WHERE, name="people_to_confirm"
            ),
            models.Index(
                fields=["sort_name", "id"], condition=_SAYS_WHERE, name="people_to_confirm_by_name"
            ),
            models.Index(
                fields=["sort_name", "id"],
                condition=models.Q(is_trainer=True),
                name="trainers_by_name",
            ),
            models.Index(
                fields=["sort_name", "id"],
                condition=models.Q(is_agency_lead=True),
                name="leads_by_name",
            ),
            models.Index(
                fields=["sort_name", "id"],
                condition=models.Q(is_coordinator=True),
                name="coordinators_by_name",
            ),
            models.Index(
                fields=["sort_name", "id"],
                condition=models.Q(is_active=False),
                name="ended_by_name",
            ),
            models.Index(mailbox(), name="people_by_mailbox"),
            models.Index(
                fields=["id"], condition=models.Q(email__contains="+"), name="people_with_a_suffix"
            ),
            models.Index(
                fields=["id"],
                condition=models.Q(mail_failing_since__isnull=False)
                | models.Q(mail_doubted_since__isnull=False),
                name="people_whose_mail_may_fail",
            ),
            GinIndex(fields=["words"], name="people_by_words", opclasses=["gin_trgm_ops"]),
            models.Index(fields=["sort_name", "id"], name="people_by_name"),
        ]

    def __str__(self) -> str:
        """The name; the address of somebody who has given none, so that lists tell them apart."""
        return self.full_name or self.email

    @property
    def has_address(self) -> bool:
        """Whether mail can be sent to them; who has none is written to by post."""
        return not is_no_address(self.email)

    @property
    def email_if_any(self) -> str:
        """The address; nothing for somebody who has none."""
        return self.email if self.has_address else ""

    @property
    def shown_address(self) -> str:
        """The address for people to read."""
        return self.email if self.has_address else "No email address: write by post"

    @property
    def told_by(self) -> str:
        """By what they are told things, in words."""
        return "by email" if self.has_address else "by post"

    @property
    def named_with_address(self) -> str:
        """The name with the address in brackets; the address alone of somebody without a name."""
        if not self.has_address:
            return self.full_name
        return f"{self.full_name} ({self.email})" if self.full_name else self.email

    def clean(self) -> None:
        """Nobody is their own manager, as the forms of the back office say."""
        super().clean()
        if self.manager_email and same_mailbox(self.manager_email, self.email):
            raise ValidationError({"manager_email": "A person’s manager is somebody else."})

    def _get_session_auth_hash(self, secret: str | bytes | None = None) -> str:
        """What a session must agree with, or Django ends it.

        Besides the password, as Django has it, that is the address, every role and
        `session_epoch`. So whoever changes one of them, in whatever way, ends the sessions that
        began before.
        """
        agreed = [self.password, self.email, self.session_epoch]
        agreed += [getattr(self, role) for role in self.ROLES]
        salt = "accounts.models.User.session"
        return salted_hmac(salt, json.dumps(agreed), secret=secret, algorithm="sha256").hexdigest()

    @property
    def full_name(self) -> str:
        """First and last name, or nothing before the person has given them."""
        return f"{self.first_name} {self.last_name}".strip()

    def get_full_name(self) -> str:
        """As `full_name`; Django and its back office ask by this name."""
        return self.full_name

    def get_short_name(self) -> str:
        """The first name."""
        return str(self.first_name)

    @property
    def work(self) -> str:
        """Their level, and what they can say of their work; nothing if they have not said."""
        if self.level is None:
            return ""
        said = level_at(self.level)
        return f"{said.name}: {said.work}" if said.work else said.name

    @property
    def agency_name(self) -> str:
        """The agency's name, or what the person wrote if it is not on the list."""
        return self.agency.name if self.agency else self.unlisted_agency

    @property
    def agency_is_confirmed(self) -> bool:
        """Whether it is proved that they work for their agency, not only said."""
        return self.agency_id is not None and self.agency_confirmed_at is not None

    @property
    def agency_is_only_said(self) -> bool:
        """Whether they have said whom they work for, and nobody has confirmed it."""
        return bool(self.agency_name) and not self.agency_is_confirmed

    @property
    def proved_agency(self) -> Agency | None:
        """The agency that they are proved to work for; what depends on an agency asks this one."""
        return self.agency if self.agency_is_confirmed else None

    @property
    def agency_and_standing(self) -> str:
        """Whom they work for, for people who see them; what is only said is marked."""
        is_claimed = self.agency_is_only_said
        return f"{self.agency_name} (not confirmed)" if is_claimed else self.agency_name

    @property
    def leads_agency(self) -> bool:
        """Whether they see and book for the people of their agency."""
        return self.is_agency_lead and self.agency_is_confirmed

    @property
    def is_complete(self) -> bool:
        """Whether the person has said who they are and whom they work for."""
        return bool(
            self.first_name
            and self.last_name
            and self.job_title
            and (self.agency_id or self.unlisted_agency)
        )

    @property
    def sees_other_people(self) -> bool:
        """Whether a role of theirs shows them other people's bookings."""
        return any(getattr(self, role) for role in self.ROLES)


class PractitionerGroup(models.Model):
    """Practitioners who belong together, such as designated safeguarding leads.

    Courses may be kept for the members of a group.
    """

    name = models.CharField(max_length=150, unique=True)
    members: "models.ManyToManyField[User, Any]" = models.ManyToManyField(
        "User", blank=True, related_name="practitioner_groups"
    )
    interested: "models.ManyToManyField[User, Any]" = models.ManyToManyField(
        "User",
        blank=True,
        related_name="groups_wanted",
        help_text="People who have asked to join; a coordinator lets them in.",
    )
    purposes = models.TextField(blank=True, help_text="What members do, one a line.")
    is_open = models.BooleanField(
        default=False, help_text="Everybody sees its page and may ask to join."
    )

    class Meta:
        ordering = [HumanOrder("name")]

    def __str__(self) -> str:
        return self.name

    @property
    def each_purpose(self) -> list[str]:
        """What members do, one by one."""
        return [line.strip() for line in self.purposes.splitlines() if line.strip()]
