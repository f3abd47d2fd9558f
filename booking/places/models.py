"""Bookings: one practitioner's claim on a place, through its whole life."""

import secrets
from datetime import datetime
from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Count, Exists, OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone

from accounts.models import Agency, User
from booking.catalogue.models import CancellationPolicy, Session, Sitting
from booking.catalogue.sittings import overlapping
from booking.outbox.posting import our_mail_domain

_KEY_BYTES = 16


def new_calendar_key() -> str:
    """A random key from which the UIDs of a booking's calendar entries are made."""
    return secrets.token_hex(_KEY_BYTES)


def new_join_key() -> str:
    """A random key that a booking's join link signs."""
    return secrets.token_hex(_KEY_BYTES)


class BookingQuerySet(models.QuerySet["Booking"]):
    """Ways to choose bookings. `now` is an aware moment."""

    def live(self) -> Self:
        """Those that have not ended."""
        return self.filter(state__in=Booking.LIVE)

    def holding_a_place(self) -> Self:
        """Those that take up one unit of their session's capacity."""
        return self.filter(state__in=Booking.HOLDING)

    def confirmed(self) -> Self:
        """Those whose place is certain."""
        return self.filter(state=Booking.State.CONFIRMED)

    def waiting(self) -> Self:
        """Those on a waiting list, in the order in which they joined it."""
        return self.filter(state=Booking.State.WAITING).order_by("ticket")

    def for_person(self, person: User) -> Self:
        """One person's."""
        return self.filter(person=person)

    def for_session(self, session: Session) -> Self:
        """One session's."""
        return self.filter(session=session)

    def visible_to(self, person: User) -> Self:
        """Those whose page this person may open: their own, and every one for a coordinator."""
        return self if person.is_coordinator else self.filter(person=person)

    def of_agency(self, agency_id: int, *, now: datetime) -> Self:
        """Those of one agency's people, for sessions that are not over: what its lead sees.

        Who only says that they work there is none of them.
        """
        return self.filter(
            person__agency=agency_id,
            person__agency_confirmed_at__isnull=False,
            session__ends_at__gt=now,
        )

    def arranged_by(self, person: User, *, now: datetime) -> Self:
        """Those this person may cancel, hand over or move.

        Everybody their own, an agency lead those of their agency's people, a coordinator all.
        """
        if person.is_coordinator:
            return self
        own = Q(person=person)
        if person.leads_agency:
            own |= Q(
                person__agency=person.agency_id,
                person__agency_confirmed_at__isnull=False,
                session__ends_at__gt=now,
            )
        return self.filter(own)

    def counting_as_done(self, *, now: datetime) -> Self:
        """Those whose course the person has done, as for courses that build on it: attended, or
        without a closed register held to the end."""
        return self.confirmed().filter(
            session__ends_at__lte=now,
            session__state__in=(Session.State.PUBLISHED, Session.State.COMPLETED),
            outcome__in=("", Booking.Outcome.ATTENDED),
        )

    def with_position(self) -> Self:
        """Each with `position`: its place in its session's queue, where 1 is next."""
        ahead = (
            Booking.objects.filter(
                session_id=OuterRef("session_id"),
                state=Booking.State.WAITING,
                ticket__lte=OuterRef("ticket"),
            )
            .order_by()
            .values("session_id")
            .annotate(number=Count("pk"))
            .values("number")
        )
        return self.annotate(position=Subquery(ahead))

    def with_who_has_it_instead(self) -> Self:
        """Each with `taken_over_by`: who has its place, or one on another date, instead."""
        instead = Booking.objects.filter(replaces=OuterRef("pk")).order_by("pk")
        return self.annotate(taken_over_by=Subquery(instead.values("person")[:1]))

    def at_the_time_of(self, session_id: int) -> Self:
        """Those that hold a place on another session, one of whose sittings overlaps."""
        here = Sitting.objects.filter(
            overlapping(
                OuterRef("session__sittings__starts_at"), OuterRef("session__sittings__ends_at")
            ),
            session_id=session_id,
        )
        return self.holding_a_place().exclude(session_id=session_id).filter(Exists(here))

    def offers_run_out(self, *, now: datetime) -> Self:
        """Offers whose time is over."""
        return self.filter(state=Booking.State.OFFERED, offered_until__lte=now)

    def requests_run_out(self, *, now: datetime) -> Self:
        """Those whose manager has not answered in time."""
        return self.filter(
            state=Booking.State.REQUESTED,
            approval__state__in=["unconfirmed", "asked"],
            approval__expires_at__lte=now,
        )

    def agency_run_out(self, *, now: datetime) -> Self:
        """Those whose place is held until their agency is confirmed, which it was not in time."""
        return self.filter(state=Booking.State.REQUESTED, agency_until__lte=now)

    def to_settle(self, *, now: datetime) -> Self:
        """Live ones that count for no agency yet, of people whose agency is confirmed now."""
        return self.live().filter(
            agency=None, person__agency_confirmed_at__isnull=False, session__starts_at__gt=now
        )

    def first_refusals_run_out(self, *, now: datetime) -> Self:
        """Those we put on a list for a set time which is over, without a place to offer."""
        return self.filter(state=Booking.State.WAITING, must_accept_by__lte=now)

    def with_session(self) -> Self:
        """With what pages and mails show of the session, in a constant number of statements."""
        return self.select_related(
            "person__agency",
            "booked_by",
            "session__course",
            "session__venue",
            "session__policy",
        ).prefetch_related("session__sittings")


class Booking(models.Model):
    """One practitioner's claim on a place in one session. Rows are never deleted."""

    class State(models.TextChoices):
        """Live states, then ends."""

        REQUESTED = "requested", "Held until it is confirmed"
        WAITING = "waiting", "On the waiting list"
        OFFERED = "offered", "A place is offered"
        CONFIRMED = "confirmed", "Booked"
        DECLINED = "declined", "Offer declined"
        LAPSED = "lapsed", "Offer ran out"
        WITHDRAWN = "withdrawn", "Left the waiting list"
        CANCELLED = "cancelled", "Cancelled"

    LIVE = (State.REQUESTED, State.WAITING, State.OFFERED, State.CONFIRMED)
    HOLDING = (State.REQUESTED, State.OFFERED, State.CONFIRMED)
    UNCERTAIN = (State.REQUESTED, State.WAITING, State.OFFERED)

    class Outcome(models.TextChoices):
        """What came of a place, once the session's register is closed."""

        ATTENDED = "attended", "Attended"
        PART = "part", "Attended in part"
        APOLOGIES = "apologies", "Sent apologies"
        ABSENT = "absent", "Absent"

    CAME = (Outcome.ATTENDED, Outcome.PART)
    MISSED = (Outcome.PART, Outcome.APOLOGIES, Outcome.ABSENT)

    # Indexes of the table begin with these two, and two are for the few rows that name anybody.
    session = models.ForeignKey(
        Session, on_delete=models.PROTECT, related_name="bookings", db_index=False
    )
    person = models.ForeignKey(
        User, on_delete=models.PROTECT, related_name="bookings", db_index=False
    )
    booked_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=10, choices=State)
    needs = models.TextField(
        "access and dietary needs", max_length=500, blank=True, help_text="Shown to the trainers."
    )
    needs_arranged_at = models.DateTimeField(
        null=True, help_text="Since when what the person needs is arranged; empty if it is not."
    )
    needs_arranged_by = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="+",
        help_text="Who says so.",
    )
    ticket = models.PositiveBigIntegerField(
        null=True, help_text="Its number on the waiting list; lower is earlier."
    )
    booked_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)
    offered_until = models.DateTimeField(null=True)
    must_accept_by = models.DateTimeField(
        null=True,
        help_text="Set if we put the person on the list: a place is only offered, until then.",
    )
    agency = models.ForeignKey(
        Agency,
        on_delete=models.PROTECT,
        null=True,
        related_name="bookings",
        help_text="Whose place it counts as: the person's confirmed agency when it was booked,"
        " given or confirmed.",
    )
    overridden = ArrayField(
        models.CharField(max_length=30),
        default=list,
        help_text="Rules that a coordinator lets it past, also when it is looked at anew.",
    )
    agency_until = models.DateTimeField(
        null=True,
        help_text="Until when the place is held for the person's agency to be confirmed; empty if"
        " nothing depends on that, or it was.",
    )
    replaces = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        null=True,
        db_index=False,
        related_name="replaced_by",
        help_text="The booking whose place this one took over or exchanged.",
    )
    notice_days = models.PositiveSmallIntegerField(
        default=0, help_text="Working days of notice, as promised when it was booked."
    )
    free_until = models.DateTimeField(
        default=timezone.now,
        help_text="Until when cancelling is free, worked out from the promised notice.",
    )
    policy = models.ForeignKey(
        CancellationPolicy, on_delete=models.PROTECT, null=True, related_name="bookings"
    )
    charge_pence = models.PositiveIntegerField(default=0)
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(
        max_length=10,
        choices=Outcome,
        blank=True,
        default="",
        help_text="Empty until the register is closed, and for good where none was kept.",
    )
    is_walk_in = models.BooleanField(
        default=False, help_text="Came without a place, and was let in by a trainer’s word."
    )
    join_key = models.CharField(
        max_length=32, unique=True, default=new_join_key, help_text="What its join link signs."
    )
    calendar_key = models.CharField(max_length=32, unique=True, default=new_calendar_key)
    calendar_domain = models.CharField(
        max_length=255,
        default=our_mail_domain,
        help_text="What its UIDs end in, for good: mail may come to be sent from elsewhere.",
    )
    calendar_sequence = models.PositiveIntegerField(
        default=0, help_text="SEQUENCE of its calendar entries (RFC 5545, 3.8.7.4)."
    )

    # Set by `with_who_has_it_instead`, or by a page that has read it.
    taken_over_by: int | None = None

    objects = BookingQuerySet.as_manager()

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["session", "person"],
                condition=Q(state__in=["requested", "waiting", "offered", "confirmed"]),
                name="one_live_booking_per_person_and_session",
            ),
            models.UniqueConstraint(
                fields=["session", "ticket"],
                name="one_ticket_per_waiting_place",
                # Looked at when a statement ends, so that tickets may be exchanged.
                deferrable=models.Deferrable.IMMEDIATE,
            ),
            models.CheckConstraint(
                condition=~Q(state="waiting") | Q(ticket__isnull=False),
                name="waiting_needs_a_ticket",
            ),
            models.CheckConstraint(
                condition=~Q(state="offered") | Q(offered_until__isnull=False),
                name="offer_needs_an_end",
            ),
        ]
        indexes = [
            models.Index(fields=["person", "state"], name="bookings_of_person"),
            models.Index(fields=["session", "state", "ticket"], name="bookings_of_session"),
            models.Index(
                fields=["offered_until"], condition=Q(state="offered"), name="offers_by_end"
            ),
            models.Index(
                fields=["agency_until"],
                condition=Q(state="requested", agency_until__isnull=False),
                name="held_for_agency_by_end",
            ),
            models.Index(
                fields=["person"],
                condition=Q(
                    agency=None, state__in=["requested", "waiting", "offered", "confirmed"]
                ),
                name="bookings_of_no_agency",
            ),
            models.Index(
                fields=["must_accept_by"],
                condition=Q(state="waiting", must_accept_by__isnull=False),
                name="first_refusals_by_end",
            ),
            models.Index(fields=["session"], condition=~Q(needs=""), name="bookings_with_needs"),
            models.Index(fields=["person"], condition=Q(outcome="absent"), name="absences"),
            models.Index(
                fields=["replaces"], condition=Q(replaces__isnull=False), name="bookings_replaced"
            ),
            models.Index(
                fields=["needs_arranged_by"],
                condition=Q(needs_arranged_by__isnull=False),
                name="needs_by_who_arranged",
            ),
        ]

    def __str__(self) -> str:
        return f"Booking {self.pk}"

    def get_absolute_url(self) -> str:
        """The booking's own page."""
        return reverse("booking", args=[self.pk])

    def get_state_display(self) -> str:  # type: ignore[no-redef]
        """Where it stands, in words; what became of a place that was passed on, if that is read."""
        if self.state == self.State.CANCELLED and self.taken_over_by is not None:
            is_moved = self.taken_over_by == self.person_id
            return "Moved to another date" if is_moved else "Given to a colleague"
        return str(self.State(self.state).label)

    @property
    def is_moved(self) -> bool:
        """Whether the person had a place on another date before; costs none if it is loaded."""
        return self.replaces is not None and self.replaces.person_id == self.person_id

    @property
    def is_live(self) -> bool:
        """Whether it has not ended."""
        return self.state in self.LIVE

    @property
    def waiting_position(self) -> int:
        """Its place in the queue: 1 is next. Costs one statement."""
        ahead = Booking.objects.waiting().filter(session_id=self.session_id, ticket__lt=self.ticket)
        return ahead.count() + 1
