"""The partnership that this installation serves: one row, changed by its coordinators."""

import re

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse

from booking.partnership.acronyms import USUAL_ACRONYMS
from booking.site.environment import name_and_address

_WHOLE_ADDRESS = re.compile(r"https://[^\s<>\"]{3,400}")
ONLY_KEY = 1
LONGEST_WORD = 30
USUAL_LEVELS = """\
Level 1 = I may come across children and families in my work
Level 2 = I work with children or families regularly
Level 3 = I lead on safeguarding or take part in multi-agency work"""


def usual_shared_words() -> list[str]:
    """Words of which the names of mailboxes are made that several people read."""
    return [
        "accounts", "admin", "administration", "administrator", "admissions", "advice", "bookings",
        "booking", "bursar", "business", "caretaker", "centre", "children", "childrens", "club",
        "complaints", "contact", "contacts", "contactus", "data", "desk", "dsl", "duty",
        "education", "enquiries", "enquiry", "events", "event", "family", "families", "feedback",
        "finance", "front", "general", "governors", "head", "headteacher", "hello", "help", "hq",
        "hr", "hub", "inbox", "info", "information", "it", "jobs", "lado", "mail", "mailbox",
        "main", "manager", "managers", "mash", "mailroom", "media", "no", "nursery", "office",
        "our", "paediatrics", "payroll", "policy", "postmaster", "practice", "preschool", "press",
        "privacy", "protection", "reception", "recruitment", "referral", "referrals", "reply",
        "safeguarding", "school", "schools", "secretary", "sen", "senco", "service", "services",
        "staff", "support", "surgery", "team", "teams", "the", "training", "trust", "us", "ward",
        "webmaster", "welfare",
    ]  # fmt: skip


def channels_of(text: str) -> list[tuple[str, str]]:
    """Names and addresses of lines like "LinkedIn = https://…"; others are left out."""
    parted = [line.partition("=") for line in text.splitlines()]
    said = [(name.strip(), address.strip()) for name, _, address in parted]
    return [(name, url) for name, url in said if name and _WHOLE_ADDRESS.fullmatch(url)]


class Partnership(models.Model):
    """What coordinators decide about the whole site.

    A new setting is a column here and a field of the form in `booking.desk.settings`. Until
    somebody changes one, there is no row, and the defaults below apply.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY_KEY)
    # Grows with each change: whoever saves says which version they saw.
    revision = models.PositiveIntegerField(default=0)
    name = models.CharField(max_length=200, default="Safeguarding Children Partnership")
    welcome = models.CharField(
        max_length=300, blank=True, default="", help_text="Below the heading of the start page."
    )
    colour = models.CharField(
        max_length=7, blank=True, default="", help_text="#rrggbb; empty for the site's own."
    )
    # A few kilobytes, so that no files have to be kept beside the database.
    logo = models.BinaryField(default=b"")
    logo_type = models.CharField(max_length=20, blank=True, default="")
    logo_width = models.PositiveSmallIntegerField(default=0)
    logo_height = models.PositiveSmallIntegerField(default=0)
    logo_digest = models.CharField(
        max_length=16, blank=True, default="", help_text="Of its bytes; empty without a logo."
    )
    help_email = models.EmailField(blank=True, default="")
    help_phone = models.CharField(max_length=40, blank=True, default="")
    help_page = models.URLField(max_length=500, blank=True, default="")
    shared_words = ArrayField(
        models.CharField(max_length=LONGEST_WORD),
        default=usual_shared_words,
        blank=True,
        help_text="What names of mailboxes are made of that several people read, in lower case.",
    )
    excused_addresses = ArrayField(
        models.CharField(max_length=254),
        default=list,
        blank=True,
        help_text="Addresses of one person each, whatever their names are made of.",
    )
    usual_capacity = models.PositiveIntegerField(default=20, help_text="Places of a new course.")
    usual_policy = models.CharField(
        max_length=100, blank=True, default="", help_text="Rules of cancelling, by their name."
    )
    closes_days = models.PositiveSmallIntegerField(
        default=0, help_text="Working days before a new session at which booking closes."
    )
    school_terms = models.TextField(
        blank=True, default="", help_text="One a line; between them are school holidays."
    )

    levels = models.TextField(
        default=USUAL_LEVELS,
        help_text="One a line, the lowest first: its name = what people can say of their work.",
    )
    join_opens_minutes = models.PositiveSmallIntegerField(
        default=15, help_text="How long before a date begins its meeting can be joined."
    )
    join_closes_minutes = models.PositiveSmallIntegerField(
        default=30, help_text="How long after its end a meeting can still be joined."
    )
    join_before_agency = models.BooleanField(
        default=False,
        help_text="A place that is only held until the agency is confirmed opens the meeting too.",
    )
    list_days = models.PositiveSmallIntegerField(
        default=14,
        help_text="Days after the end of a session for which its trainers see who was there.",
    )
    usual_part_minutes = models.PositiveSmallIntegerField(
        default=15, null=True, blank=True, help_text="Of a new course: missed, it is part."
    )
    usual_absent_minutes = models.PositiveSmallIntegerField(
        default=30, null=True, blank=True, help_text="Of a new course: missed, it is absence."
    )
    repeated_absences = models.PositiveSmallIntegerField(
        default=2, help_text="So many absences are shown; 0: none ever."
    )
    repeated_months = models.PositiveSmallIntegerField(
        default=12, help_text="In so many months before."
    )
    social_links = models.TextField(
        blank=True, default="", help_text="One a line, such as LinkedIn = https://…; in the footer."
    )
    quick_exit = models.URLField(
        max_length=500, blank=True, default="", help_text="Where “Leave this site quickly” leads."
    )
    acronyms = models.TextField(
        blank=True,
        default=USUAL_ACRONYMS,
        help_text="One a line, such as DA = domestic abuse; what the search takes for the same.",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(id=ONLY_KEY), name="partnership_is_one_row"),
            models.CheckConstraint(condition=~Q(name=""), name="partnership_has_a_name"),
            models.CheckConstraint(
                condition=Q(colour__regex="^(#[0-9a-f]{6})?$"), name="partnership_colour_is_hex"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def help_address(self) -> str:
        """The address for help; until any way to ask is set, the one that mail is answered to."""
        if self.help_email or self.help_phone or self.help_page:
            return self.help_email
        return name_and_address(settings.MAIL_REPLY_TO)[1]

    @property
    def channels(self) -> list[tuple[str, str]]:
        """The names and addresses of the partnership's own pages elsewhere."""
        return channels_of(self.social_links)

    @property
    def dialled_phone(self) -> str:
        """The phone number as a `tel:` link has it (RFC 3966): "+44 (0)113" is "+44113"."""
        dialled = self.help_phone.replace("(0)", "")
        return "".join(each for each in dialled if each.isdecimal() or each == "+")

    @property
    def help_page_words(self) -> str:
        """The address of the page for help as people read it."""
        return self.help_page.partition("://")[2].removesuffix("/")

    @property
    def stylesheet_url(self) -> str:
        """Where the colour is served from; empty for the site's own colours."""
        digits = self.colour.removeprefix("#")
        return reverse("partnership_colour", args=[digits]) if digits else ""

    @property
    def logo_address(self) -> str:
        """The whole address of the logo, for other sites; empty if there is none."""
        return self.logo_url and f"{settings.SITE_URL}{self.logo_url}"

    @property
    def logo_url(self) -> str:
        """Where the logo is served from; empty if there is none."""
        if not self.logo_digest:
            return ""
        return reverse("partnership_logo", args=[self.logo_digest])
