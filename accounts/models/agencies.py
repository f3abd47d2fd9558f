"""The employers of people."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models

from accounts.fields import DomainField
from booking.site.human_order import HumanOrder


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
        return self.filter(is_listed=True).order_by(HumanOrder("name"))

    def with_email_domain(self, domain: str) -> Self:
        """Those whose staff have addresses at this domain, on the list or not; maybe several."""
        return self.filter(email_domains__contains=[domain.lower()])


class Agency(models.Model):
    """The employer of a practitioner."""

    name = models.CharField(max_length=200, unique=True)
    sector = models.CharField(max_length=30, choices=Sector)
    email_domains = ArrayField(
        DomainField(max_length=253),
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
        ordering = [HumanOrder("name")]
        indexes = [GinIndex(fields=["email_domains"], name="agency_email_domains")]

    def __str__(self) -> str:
        return self.name
