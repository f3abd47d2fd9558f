"""The rules of cancelling: until when it is free, and what is charged after that.

A version is never changed once made, so that what a person was promised when they booked stays
what it was. Amounts are whole pence.
"""

from decimal import Decimal
from typing import Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from accounts.models import Agency, Sector
from booking.site.human_order import HumanOrder


class PolicyQuerySet(models.QuerySet["CancellationPolicy"]):
    """Ways to choose policies."""

    def current(self) -> Self:
        """The newest version of each."""
        return self.filter(replaced_at__isnull=True).order_by(HumanOrder("name"))


class CancellationPolicy(models.Model):
    """One version of the rules of cancelling. Rows are never changed, only replaced."""

    name = models.CharField(max_length=100)
    version = models.PositiveIntegerField(default=1)
    notice_days = models.PositiveSmallIntegerField(
        "working days of notice",
        default=5,
        help_text="Cancelling is free until this many working days before the start.",
    )
    free_for_trainers_in_kind = models.BooleanField(
        "no charge for agencies that give trainers", default=True
    )
    free_for_charities_under_pence = models.PositiveBigIntegerField(
        "no charge for charities with a smaller annual turnover, in pence", null=True, blank=True
    )
    absence_free_if_taken = models.BooleanField(
        "no charge for an absence if somebody else came in the place", default=True
    )
    created_at = models.DateTimeField(default=timezone.now)
    replaced_at = models.DateTimeField(null=True, editable=False)

    objects = PolicyQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "cancellation policies"
        ordering = [HumanOrder("name"), "-version"]
        constraints = [
            models.UniqueConstraint(fields=["name", "version"], name="one_policy_of_each_version"),
            models.UniqueConstraint(
                fields=["name"],
                condition=Q(replaced_at__isnull=True),
                name="one_current_version_of_a_policy",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def is_free_for(self, agency: Agency | None) -> bool:
        """Whether this agency is never charged: it gives trainers, or is a small charity."""
        if agency is None:
            return False
        if self.free_for_trainers_in_kind and agency.trainers_in_kind:
            return True
        limit, turnover = self.free_for_charities_under_pence, agency.annual_turnover_pence
        is_charity = agency.sector == Sector.VOLUNTARY
        return is_charity and limit is not None and turnover is not None and turnover < limit

    def charge_pence(self, occasion: str, *, hours: Decimal, agency: Agency | None) -> int:
        """What a place on a session of so many hours costs an agency that does not use it.

        `occasion` is one of `ChargeBand.Occasion`. The band of the longest sessions that this one
        is longer than applies; without a band nothing is charged. Costs one statement unless the
        bands were prefetched.
        """
        if self.is_free_for(agency):
            return 0
        bands = [
            band
            for band in self.bands.all()
            if band.occasion == occasion and hours > band.over_hours
        ]
        return max(bands, key=lambda band: band.over_hours).pence if bands else 0


class ChargeBand(models.Model):
    """What is charged on one occasion for sessions longer than so many hours."""

    class Occasion(models.TextChoices):
        """What a charge is for."""

        LATE = "late", "Late cancellation"
        ABSENT = "absent", "Non-attendance"

    policy = models.ForeignKey(CancellationPolicy, on_delete=models.CASCADE, related_name="bands")
    occasion = models.CharField(max_length=10, choices=Occasion)
    over_hours = models.DecimalField(
        "for sessions longer than (hours)", max_digits=4, decimal_places=1, default=Decimal(0)
    )
    pence = models.PositiveIntegerField("charge in pence")

    class Meta:
        ordering = ["occasion", "over_hours"]
        constraints = [
            models.UniqueConstraint(
                fields=["policy", "occasion", "over_hours"], name="one_charge_of_each_length"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_occasion_display()}, over {self.over_hours} hours: {self.pence}p"
