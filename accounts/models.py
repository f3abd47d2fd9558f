"""People, and the agencies that employ them."""

from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone


class Sector(models.TextChoices):
    """The part of the safeguarding system an agency belongs to."""

    LOCAL_AUTHORITY = "local authority", "Local authority"
    POLICE = "police", "Police"
    HEALTH = "health", "Health"
    EDUCATION = "education", "Education"
    EARLY_YEARS = "early years", "Early years"
    PROBATION = "probation", "Probation"
    FAMILY_COURT = "family court", "Family court"
    VOLUNTARY = "voluntary and community", "Voluntary and community"
    INDEPENDENT = "independent", "Independent"
    OTHER = "other", "Other"


class AgencyQuerySet(models.QuerySet["Agency"]):
    """Ways to choose agencies."""

    def listed(self) -> Self:
        """Those a person may choose from, by name."""
        return self.filter(is_listed=True).order_by("name")

    def with_email_domain(self, domain: str) -> Self:
        """Those whose staff have addresses at this domain; there may be several."""
        return self.filter(email_domains__contains=[domain.lower()], is_listed=True)


class Agency(models.Model):
    """The employer of a practitioner."""

    name = models.CharField(max_length=200, unique=True)
    sector = models.CharField(max_length=30, choices=Sector)
    email_domains = ArrayField(
        models.CharField(max_length=253),
        default=list,
        blank=True,
        help_text="The parts after the @ of its staff's addresses, in lower case.",
    )
    trainers_in_kind = models.BooleanField(
        "gives trainers in kind", default=False, help_text="It lends trainers to the partnership."
    )
    annual_turnover_pence = models.PositiveBigIntegerField(
        "annual turnover in pence",
        null=True,
        blank=True,
        help_text="Of a charity: small ones may be free of charges.",
    )
    is_listed = models.BooleanField(
        "on the list", default=True, help_text="People may choose it when they join."
    )

    objects = AgencyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "agencies"
        ordering = ["name"]
        indexes = [GinIndex(fields=["email_domains"], name="agency_email_domains")]

    def __str__(self) -> str:
        return self.name


class PractitionerGroup(models.Model):
    """Practitioners who belong together, such as designated safeguarding leads.

    Courses may be kept for the members of a group.
    """

    name = models.CharField(max_length=150, unique=True)
    members: "models.ManyToManyField[User, Any]" = models.ManyToManyField(
        "User", blank=True, related_name="practitioner_groups"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Level(models.IntegerChoices):
    """How closely somebody works with safeguarding, as the level of training they need."""

    ONE = 1, "Level 1: I may come across children and families in my work"
    TWO = 2, "Level 2: I work with children or families regularly"
    THREE = 3, "Level 3: I lead on safeguarding or take part in multi-agency work"


class UserManager(BaseUserManager["User"]):
    """Makes people; an address is kept in lower case so that it names one person."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A person who signs in with `email`, without a password unless one is given."""
        user = self.model(email=email.strip().lower(), **fields)
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
        return self.get(email=(username or "").lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A person. Everybody is a practitioner; some have further roles."""

    email = models.EmailField("work email address", max_length=254, unique=True)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    job_title = models.CharField(max_length=150, blank=True)
    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, null=True, blank=True, related_name="people"
    )
    unlisted_agency = models.CharField(
        "employer, as the person wrote it",
        max_length=200,
        blank=True,
        help_text="Filled in when the person's agency was not on the list.",
    )
    manager_email = models.EmailField("line manager's email address", max_length=254, blank=True)
    phone = models.CharField("phone number", max_length=30, blank=True)
    level = models.PositiveSmallIntegerField(
        "level of safeguarding work", choices=Level, null=True, blank=True
    )

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

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"
        constraints = [
            models.UniqueConstraint(Lower("email"), name="one_person_per_email_address"),
        ]
        indexes = [
            models.Index(fields=["agency", "last_name", "first_name"], name="people_of_agency"),
        ]

    def __str__(self) -> str:
        return self.full_name or self.email

    @property
    def full_name(self) -> str:
        """First and last name, or nothing before the person has given them."""
        return f"{self.first_name} {self.last_name}".strip()

    def get_full_name(self) -> str:
        """As `full_name`; Django and its back office ask by this name."""
        return self.full_name

    def get_short_name(self) -> str:
        """The first name."""
        return self.first_name

    @property
    def agency_name(self) -> str:
        """The agency's name, or what the person wrote if it is not on the list."""
        return self.agency.name if self.agency else self.unlisted_agency

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
        return self.is_coordinator or self.is_trainer or self.is_agency_lead or self.is_staff


class AccessRecord(models.Model):
    """Somebody looked at, printed or downloaded a list of people.

    Kept because such a list shows many people's names, employers and needs at once
    (UK GDPR, article 5(1)(f): integrity and confidentiality, and 5(2): accountability).
    """

    class Form(models.TextChoices):
        """How it was seen."""

        PAGE = "page", "On screen"
        PRINT = "print", "Printable page"
        CSV = "csv", "Downloaded as CSV"

    by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    form = models.CharField(max_length=10, choices=Form)
    what = models.CharField(max_length=40, help_text="The kind of list: attendees.")
    about = models.CharField(max_length=200, help_text="Whose list it was, in words.")
    about_id = models.BigIntegerField(help_text="The key of what the list belongs to.")
    rows = models.PositiveIntegerField(help_text="How many people it showed.")

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["what", "about_id", "-at"], name="access_by_list")]

    def __str__(self) -> str:
        return f"{self.by} saw the {self.what} of {self.about} at {self.at:%Y-%m-%d %H:%M}"


def unfinished_accounts(*, before: datetime) -> models.QuerySet[User]:
    """Accounts begun by typing an address but never confirmed with the code sent to it."""
    return User.objects.filter(
        date_joined__lt=before,
        last_login__isnull=True,
        first_name="",
        bookings__isnull=True,
        # Whoever made one of these by hand meant it.
        is_coordinator=False,
        is_trainer=False,
        is_agency_lead=False,
        is_staff=False,
        is_superuser=False,
    )
