"""What is taught: topics and courses."""

from decimal import Decimal

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models.functions import Upper
from django.urls import reverse

from accounts.models import PractitionerGroup, Sector
from booking.catalogue.models.policies import CancellationPolicy
from booking.partnership.levels import level_at
from booking.site.human_order import HumanOrder


def usual_reminders() -> list[int]:
    """Working days before the first sitting on which people are reminded, if none are set."""
    return [5, 1]


class Promotion(models.TextChoices):
    """What happens to a freed place."""

    AUTOMATIC = "automatic", "The next person gets the place at once"
    OFFER = "offer", "The next person is offered the place for a set time"


class Topic(models.Model):
    """A subject that people filter the programme by."""

    name = models.CharField(max_length=100, unique=True)
    slug = models.SlugField(max_length=100, unique=True)

    class Meta:
        ordering = [HumanOrder("name")]

    def __str__(self) -> str:
        return self.name


class Course(models.Model):
    """What is taught; it runs as sessions."""

    class Kind(models.TextChoices):
        """The shape of a course."""

        TRAINING = "training", "Training"
        BRIEFING = "briefing", "Briefing"
        WEBINAR = "webinar", "Webinar"
        CONFERENCE = "conference", "Conference"

    code = models.CharField(max_length=20, unique=True)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=20, choices=Kind)
    level = models.PositiveSmallIntegerField(default=1)
    summary = models.TextField(blank=True)
    learning_outcomes = models.TextField(
        blank=True, help_text="What people can do afterwards, one a line."
    )
    reading = models.TextField(blank=True, help_text="What to read before or after it.")
    audience = models.CharField("who it is for", max_length=300, blank=True)
    sectors = ArrayField(
        models.CharField(max_length=30, choices=Sector),
        default=list,
        blank=True,
        help_text="Sectors it is meant for; none chosen means all of them.",
    )
    least_level = models.PositiveSmallIntegerField(
        "level of safeguarding work needed",
        null=True,
        blank=True,
        help_text="People whose work is at a lower level cannot book.",
    )
    groups = models.ManyToManyField(
        PractitionerGroup,
        blank=True,
        related_name="courses",
        help_text="Practitioner groups it is kept for; none chosen means everybody.",
    )
    topics = models.ManyToManyField(Topic, blank=True, related_name="courses")
    prerequisites = models.ManyToManyField(
        "self", blank=True, symmetrical=False, related_name="leads_to"
    )
    hours = models.DecimalField(
        "length in hours", max_digits=4, decimal_places=1, default=Decimal("3.0")
    )
    usual_capacity = models.PositiveIntegerField(default=20)
    usual_agency_limit = models.PositiveIntegerField(
        "most places for one agency", null=True, blank=True
    )
    renew_months = models.PositiveSmallIntegerField(
        "renew after", null=True, blank=True, help_text="Months after which it is due again."
    )
    needs_manager_approval = models.BooleanField(default=False)
    may_be_repeated = models.BooleanField(
        "may be taken again",
        default=False,
        help_text="People may hold places on several dates of it without being asked.",
    )
    usual_policy = models.ForeignKey(
        CancellationPolicy,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="courses",
        help_text="The rules of cancelling that new sessions take over.",
    )
    usual_sittings = models.PositiveSmallIntegerField(
        "number of dates", default=1, help_text="How many dates a session of it usually has."
    )
    usual_promotion = models.CharField(
        "when a place comes free", max_length=10, choices=Promotion, default=Promotion.AUTOMATIC
    )
    usual_offer_hours = models.PositiveSmallIntegerField(default=24)
    usual_minimum = models.PositiveIntegerField("fewest people", null=True, blank=True)
    usual_decide_days = models.PositiveSmallIntegerField(
        "days to decide",
        default=5,
        help_text="Working days before the start when it is decided whether it goes ahead.",
    )
    reminder_days = ArrayField(
        models.PositiveSmallIntegerField(),
        default=usual_reminders,
        blank=True,
        help_text="Working days before a session at which people are reminded.",
    )
    remind_hour_before = models.BooleanField("remind an hour before online sessions", default=True)
    copies_manager = models.BooleanField(
        "copy to the manager",
        default=False,
        help_text="The practitioner's manager gets a copy of confirmations, changes and"
        " cancellations.",
    )
    must_attend = ArrayField(
        models.PositiveSmallIntegerField(),
        default=list,
        blank=True,
        help_text="Numbers of the dates that must be attended; none given means all of them.",
    )
    part_after_minutes = models.PositiveSmallIntegerField(
        "minutes missed that make it part",
        null=True,
        blank=True,
        default=15,
        help_text="Whoever misses more of a date has attended it in part; empty: no such rule.",
    )
    absent_after_minutes = models.PositiveSmallIntegerField(
        "minutes missed that make it absent",
        null=True,
        blank=True,
        default=30,
        help_text="Whoever misses more of a date counts as absent; empty: no such rule.",
    )
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="english")
        + SearchVector("code", weight="A", config="simple")
        + SearchVector("audience", weight="B", config="english")
        + SearchVector("summary", weight="B", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        ordering = [HumanOrder("title")]
        indexes = [
            GinIndex(fields=["search"], name="course_search"),
            GinIndex(OpClass(Upper("title"), name="gin_trgm_ops"), name="course_title_trigrams"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def level_name(self) -> str:
        """What the partnership calls its level."""
        return level_at(self.level).name

    @property
    def outcomes(self) -> list[str]:
        """The learning outcomes, one by one."""
        lines = (line.strip().lstrip("-*•").strip() for line in self.learning_outcomes.splitlines())
        return [line for line in lines if line]

    def get_absolute_url(self) -> str:
        """The course's public page."""
        return reverse("course", args=[self.code])
