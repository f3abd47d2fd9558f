"""Dates for the diary, which are no sessions: nobody books them."""

from django.db import models
from django.db.models import F, Q

from booking.catalogue.models.programme import Course
from booking.site.human_order import HumanOrder


class DiaryDate(models.Model):
    """An awareness day or week."""

    title = models.CharField(max_length=200)
    starts = models.DateField()
    ends = models.DateField()
    page = models.URLField("page with more", max_length=500, blank=True)
    courses = models.ManyToManyField(
        Course,
        blank=True,
        related_name="diary_dates",
        help_text="Courses on its subject, which pages name beside it.",
    )
    changed_at = models.DateTimeField(
        auto_now=True, help_text="When it was last changed; the calendar feed's DTSTAMP."
    )

    class Meta:
        ordering = ["starts", HumanOrder("title")]
        constraints = [
            models.UniqueConstraint(fields=["title", "starts"], name="one_diary_date_a_day"),
            models.CheckConstraint(
                condition=Q(ends__gte=F("starts")), name="diary_date_ends_after_it_starts"
            ),
        ]

    def __str__(self) -> str:
        return self.title
