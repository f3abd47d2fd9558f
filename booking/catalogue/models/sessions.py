"""When and where it is taught: venues, sessions and their sittings."""

from datetime import datetime
from typing import Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import ExpressionWrapper, F, Q
from django.urls import reverse
from django.utils import timezone

from accounts.finding import Folded
from accounts.models import User
from booking.catalogue.models import programme
from booking.catalogue.models.policies import CancellationPolicy
from booking.catalogue.models.programme import Course
from booking.catalogue.reading import Reading
from booking.site.human_order import HumanOrder
from booking.site.ready_queries import Later, Ready
from booking.site.sealing import Sealed, SealedField


class Venue(models.Model):
    """A place where sessions are held in person."""

    name = models.CharField(max_length=200, unique=True)
    address = models.CharField(max_length=400)
    getting_there = models.TextField(
        blank=True,
        help_text="Parking, buses, entrance and access: printed in joining instructions.",
    )

    class Meta:
        ordering = [HumanOrder("name")]

    def __str__(self) -> str:
        return self.name


class SessionQuerySet(models.QuerySet["Session"]):
    """Ways to choose sessions. `now` is an aware moment."""

    def public(self) -> Self:
        """Those the public may see: everything but drafts."""
        return self.exclude(state=Session.State.DRAFT)

    def upcoming(self, *, now: datetime | Later) -> Self:
        """Published and not yet started, soonest first."""
        ahead = self.filter(state=Session.State.PUBLISHED, starts_at__gt=now)
        return ahead.order_by("starts_at", "id")

    def with_a_date_ahead(self, *, now: datetime) -> Self:
        """Published, with a sitting that has not begun, though others may have."""
        ahead = Sitting.objects.filter(starts_at__gt=now)
        return self.filter(state=Session.State.PUBLISHED, pk__in=ahead.values("session"))

    def with_places(self) -> Self:
        """With a free place that nobody on a waiting list is ahead for, whoever it is kept for.

        What one reader could have is `booking.places.pages.readers.bookable`.
        """
        return self.filter(places_taken__lt=F("capacity"), waiting_count=0)

    def besides(self, session: "Session") -> Self:
        """Others of its course, first those that are another way to come to it."""
        at_its_time = Q(starts_at=session.starts_at, ends_at=session.ends_at)
        is_other_way = ExpressionWrapper(
            at_its_time & ~Q(delivery=session.delivery), models.BooleanField()
        )
        others = self.filter(course=session.course_id).exclude(pk=session.pk)
        return others.alias(is_other_way=is_other_way).order_by("-is_other_way", "starts_at", "id")

    def led_by(self, person: User) -> Self:
        """Those this person is a trainer of."""
        return self.filter(trainers=person)

    def for_pages(self, *, sittings: bool = True) -> Self:
        """With what every page shows of a session, in a constant number of statements."""
        shown = self.select_related("course", "venue", "policy").defer("course__search")
        return shown.prefetch_related("sittings") if sittings else shown

    def for_rows(self, *, sittings: bool = True) -> Self:
        """What a row of a list shows, without the long texts it does not."""
        return self.for_pages(sittings=sittings).defer(
            "joining_instructions", "course__search", "course__summary", "venue__getting_there"
        )

    def without_a_meeting(self, *, now: datetime) -> Self:
        """Published sessions online that are not over and whose meeting has no address yet."""
        online = self.filter(state=Session.State.PUBLISHED, delivery=Session.Delivery.ONLINE)
        return online.filter(ends_at__gt=now, meeting=Sealed())

    def to_complete(self, *, now: datetime) -> Self:
        """Published sessions whose last sitting has ended."""
        return self.filter(state=Session.State.PUBLISHED, ends_at__lte=now)


class Session(models.Model):
    """One scheduled run of a course, with a capacity.

    `places_taken` counts the bookings that hold a place (confirmed, offered and requested) and
    `waiting_count` those on the waiting list; only `booking.places.actions` moves them.
    """

    class State(models.TextChoices):
        """A session's life."""

        DRAFT = "draft", "Draft"
        PUBLISHED = "published", "Published"
        CANCELLED = "cancelled", "Cancelled"
        COMPLETED = "completed", "Completed"

    class Delivery(models.TextChoices):
        """How people attend."""

        IN_PERSON = "in person", "In person"
        ONLINE = "online", "Online"

    Promotion = programme.Promotion

    reference = models.CharField(max_length=30, unique=True)
    # The indexes of the table begin with it.
    course = models.ForeignKey(
        Course, on_delete=models.PROTECT, related_name="sessions", db_index=False
    )
    state = models.CharField(max_length=10, choices=State, default=State.DRAFT)
    delivery = models.CharField(max_length=10, choices=Delivery, default=Delivery.IN_PERSON)
    venue = models.ForeignKey(
        Venue, on_delete=models.PROTECT, null=True, blank=True, related_name="sessions"
    )
    meeting = SealedField("meeting address")
    sent_openly = models.BooleanField(
        default=False,
        editable=False,
        help_text="Mails and calendars hold the meeting's address itself, from before everybody"
        " had a join link of their own.",
    )
    joining_instructions = models.TextField(blank=True)
    trainers = models.ManyToManyField(User, blank=True, related_name="sessions_led")
    starts_at = models.DateTimeField(help_text="Start of the first sitting.")
    ends_at = models.DateTimeField(help_text="End of the last sitting.")
    capacity = models.PositiveIntegerField(validators=[MinValueValidator(1)])
    agency_limit = models.PositiveIntegerField("most places for one agency", null=True, blank=True)
    booking_opens_at = models.DateTimeField(null=True, blank=True)
    booking_closes_at = models.DateTimeField(
        null=True, blank=True, help_text="Left empty, booking closes when the session starts."
    )
    has_allocations = models.BooleanField(
        default=False, editable=False, help_text="Whether places are reserved for anybody."
    )
    minimum = models.PositiveIntegerField("fewest people", null=True, blank=True)
    decide_on = models.DateField(
        "day to decide",
        null=True,
        blank=True,
        help_text="From this day on it is at risk if fewer people have a place.",
    )
    goes_ahead_at = models.DateTimeField(
        null=True, editable=False, help_text="When a coordinator decided that it is held anyway."
    )
    policy = models.ForeignKey(
        CancellationPolicy,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="sessions",
        help_text="The rules of cancelling; without any, cancelling is free until the start.",
    )
    promotion = models.CharField(max_length=10, choices=Promotion, default=Promotion.AUTOMATIC)
    offer_hours = models.PositiveSmallIntegerField(
        default=24,
        help_text="Working hours (9am to 5pm, Monday to Friday) an offered place is held.",
    )
    cancellation_reason = models.CharField(max_length=500, blank=True)

    places_taken = models.PositiveIntegerField(default=0, editable=False)
    waiting_count = models.PositiveIntegerField(default=0, editable=False)
    last_ticket = models.PositiveBigIntegerField(
        default=0, editable=False, help_text="The last number handed out on the waiting list."
    )
    revision = models.PositiveIntegerField(
        default=0, editable=False, help_text="Raised by every change that people are told of."
    )
    changed_at = models.DateTimeField(
        default=timezone.now,
        editable=False,
        help_text="When something people are told of last changed; feeds take DTSTAMP from it.",
    )

    published_at = models.DateTimeField(
        null=True, editable=False, help_text="When it was first shown on the programme."
    )

    # Who reads it; set by `booking.places.pages.readers.as_read_by`.
    reading: Reading | None = None
    # What a row that shows it to everybody agrees with; set where rows are kept.
    agreed: object = None

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(places_taken__lte=F("capacity")), name="no_place_sold_twice"
            ),
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="session_ends_after_it_starts"
            ),
        ]
        indexes = [
            models.Index(
                fields=["starts_at", "id"],
                condition=Q(state="published"),
                name="published_sessions",
            ),
            models.Index(fields=["course", "starts_at"], name="sessions_of_course"),
            GinIndex(
                OpClass(Folded("reference"), name="gin_trgm_ops"), name="sessions_by_reference"
            ),
            models.Index(
                fields=["decide_on"],
                condition=Q(state="published", minimum__isnull=False, goes_ahead_at__isnull=True),
                name="sessions_to_decide",
            ),
            models.Index(
                fields=["id"],
                # Without the places taken, which change with every booking: none of the table's
                # indexes is to be written for that.
                condition=Q(state="published", waiting_count__gt=0),
                name="sessions_to_fill",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.course.title} ({self.reference})"

    def get_absolute_url(self) -> str:
        """The session's public page."""
        return reverse("session", args=[self.pk])

    @property
    def places_left(self) -> int:
        """Places that its reader could still have: none while people are waiting for them.

        Until it is known who reads, a session with reserved places promises none.
        """
        if self.reading is not None:
            return self.reading.left
        is_open = not self.waiting_count and not self.has_allocations
        return self.capacity - self.places_taken if is_open else 0

    @property
    def has_own_places(self) -> bool:
        """Whether readers may see different numbers of places, by their agency."""
        return self.has_allocations or self.agency_limit is not None

    @property
    def is_full(self) -> bool:
        """Whether every place is taken; if not, a rule may still keep people waiting."""
        return self.places_taken >= self.capacity

    def is_another_way_to(self, session: "Session") -> bool:
        """Whether it is held at the same time, online if that is in a hall, or in a hall."""
        at_its_time = (self.starts_at, self.ends_at) == (session.starts_at, session.ends_at)
        return at_its_time and self.delivery != session.delivery

    @property
    def is_online(self) -> bool:
        """Whether people attend by a join link of their own."""
        return self.delivery == self.Delivery.ONLINE

    @property
    def where(self) -> str:
        """The venue's name, or "Online"."""
        return where_held(self.delivery, self.venue.name if self.venue else None)

    @property
    def where_in_full(self) -> str:
        """The venue's name and address, or "Online"."""
        at = self.venue.address if self.venue and not self.is_online else ""
        return ", ".join(filter(None, (self.where, at)))

    @property
    def notice_days(self) -> int:
        """Working days before the start until which cancelling is free; 0 is until the start."""
        return self.policy.notice_days if self.policy else 0

    @property
    def booking_ends_at(self) -> datetime:
        """When booking closes: the moment set, or the start."""
        return min(self.booking_closes_at or self.starts_at, self.starts_at)


def where_held(delivery: str, venue: str | None) -> str:
    """The name of the venue, if it is known yet, or "Online"."""
    return "Online" if delivery == Session.Delivery.ONLINE else venue or "To be announced"


class Sitting(models.Model):
    """One date and time block of a session."""

    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="sittings")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        ordering = ["starts_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__gt=F("starts_at")), name="sitting_ends_after_it_starts"
            ),
            # Deferred, so that all sittings of a session may move in one transaction.
            models.UniqueConstraint(
                fields=["session", "starts_at"],
                name="one_sitting_at_a_time",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]
        indexes = [models.Index(fields=["starts_at"], name="sittings_by_start")]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M}"


_SITTINGS: Ready[Sitting] = Ready(
    lambda: Sitting.objects.extra(
        where=["session_id = ANY(%s)"], params=[Later("sessions", models.BigIntegerField())]
    ).order_by("starts_at", "id")
)


def with_sittings(sessions: list[Session]) -> list[Session]:
    """The same, each with its sittings, as `for_pages` reads them. One statement."""
    found: dict[int, list[Sitting]] = {each.pk: [] for each in sessions}
    for sitting in _SITTINGS(sessions=list(found)) if found else ():
        found[sitting.session_id].append(sitting)
    for each in sessions:
        read = Sitting.objects.all()
        read._result_cache = found[each.pk]
        each._prefetched_objects_cache = {"sittings": read}  # type: ignore[attr-defined]
    return sessions
