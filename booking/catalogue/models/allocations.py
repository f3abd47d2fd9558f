"""Places that are reserved for an agency or a sector."""

from django.db import models
from django.db.models import Q

from accounts.models import Agency, Sector
from booking.catalogue.models.programme import Course
from booking.catalogue.models.sessions import Session


class Reserved(models.Model):
    """Places that are reserved for one agency or sector, until they are released to all."""

    sector = models.CharField(max_length=30, choices=Sector, blank=True)
    agency = models.ForeignKey(
        Agency, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    places = models.PositiveIntegerField()
    release_days = models.PositiveSmallIntegerField(
        default=5, help_text="Working days before the start when unused places go to everybody."
    )

    class Meta:
        abstract = True
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.places} for {self.whom}"

    @property
    def whom(self) -> str:
        """The agency's name, or the sector's."""
        return self.agency.name if self.agency else self.get_sector_display()


def _for_one(name: str) -> models.CheckConstraint:
    is_agency = Q(sector="", agency__isnull=False)
    is_sector = ~Q(sector="") & Q(agency__isnull=True)
    return models.CheckConstraint(condition=is_agency | is_sector, name=name)


def _once(owner: str, name: str) -> models.UniqueConstraint:
    fields = [owner, "sector", "agency"]
    return models.UniqueConstraint(fields=fields, nulls_distinct=False, name=name)


class Allocation(Reserved):
    """Reserved places of a session."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="allocations")
    release_at = models.DateTimeField(help_text="The moment that follows from `release_days`.")

    class Meta(Reserved.Meta):
        constraints = [
            _for_one("reserved_for_an_agency_or_a_sector"),
            models.CheckConstraint(condition=Q(places__gt=0), name="reserves_a_place_at_least"),
            _once("session", "one_reservation_for_each"),
        ]


class UsualAllocation(Reserved):
    """What new sessions of a course have reserved."""

    course = models.ForeignKey(Course, on_delete=models.CASCADE, related_name="usual_allocations")

    class Meta(Reserved.Meta):
        constraints = [
            _for_one("usually_for_an_agency_or_a_sector"),
            _once("course", "one_usual_reservation_for_each"),
        ]
