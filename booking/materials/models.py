"""Materials: files and links of a course or of one session, and who may open them."""

from datetime import datetime, timedelta
from functools import cache
from typing import Any, Self

from django.db import models
from django.db.models import Exists, ExpressionWrapper, OuterRef, Q
from django.template.defaultfilters import filesizeformat
from django.utils.crypto import get_random_string
from django.utils.timezone import localdate

from accounts.models import User
from booking.catalogue.models import Course, Session
from booking.materials.files import NAME_LENGTH, TYPES
from booking.places.models import Booking
from booking.site.ready_queries import Later, Ready
from booking.site.wording import short_day

TITLE_LENGTH = 120
LINK_LENGTH = 500
# For how long pages call it new.
NEW_FOR = timedelta(days=14)


def unguessable_name(material: "Material", name: str) -> str:
    """Where a file is stored: nothing of its own name, and nobody can guess it."""
    return f"materials/{get_random_string(32)}"


class MaterialQuerySet(models.QuerySet["Material"]):
    """Ways to choose materials. `now` is an aware moment."""

    def of_session(self, session: Session) -> Self:
        """Those of a session and of its course."""
        return self.filter(Q(session=session) | Q(course=session.course_id))

    def open_to(self, person: User | None, *, now: datetime) -> Self:
        """Those that somebody may open, each with `is_new`; nobody is a visitor.

        A coordinator opens all. Who leads a session of theirs opens what is for people with a
        place, whose places must be certain. A draft shows nothing, and a recording that has seen
        its last day is open to nobody else.
        """
        key = person and person.pk
        return self._open_to(_roles(person), key, **_moments(now))

    def _open_to(
        self, roles: frozenset[str], person: Any, *, now: Any, today: Any, new: Any
    ) -> Self:
        """As `open_to`, of a person of whom no more is known than these roles and their key."""
        is_new = ExpressionWrapper(Q(added_at__gt=new), output_field=models.BooleanField())
        marked = self.annotate(is_new=is_new).order_by("-added_at", "-pk")
        if "is_coordinator" in roles:
            return marked
        public = Session.objects.public().filter(_is_of_it)
        lasting = marked.filter(Q(last_day=None) | Q(last_day__gte=today))
        shown = lasting.filter(Q(session=None) | Exists(public))
        may = Q(audience=Material.Audience.EVERYBODY)
        if "is_active" in roles:
            held = Session.objects.exclude(state=Session.State.CANCELLED).filter(_is_of_it)
            with_place = held.filter(
                bookings__person=person, bookings__state=Booking.State.CONFIRMED
            )
            may |= Q(Exists(with_place)) & ~Q(audience=Material.Audience.AFTER)
            may |= Q(Exists(with_place.filter(ends_at__lte=now)))
            if "is_trainer" in roles:
                may |= Q(Exists(public.filter(trainers=person)))
        return shown.filter(may)


def materials_for(
    person: User | None, *, course_id: int, session_id: int | None = None, now: datetime
) -> list["Material"]:
    """Those of a course, and of one session of it, that this person may open. One statement."""
    key = person and person.pk
    ready = _ready(_roles(person))
    return ready(course=course_id, session=session_id, person=key, **_moments(now))


@cache
def _ready(roles: frozenset[str]) -> "Ready[Material]":
    key, moment = models.BigIntegerField(), models.DateTimeField()
    moments = {name: Later(name, moment) for name in ("now", "new")}
    moments["today"] = Later("today", models.DateField())

    def build() -> MaterialQuerySet:
        of_it = Q(course=Later("course", key)) | Q(session=Later("session", key))
        found = Material.objects.filter(of_it)
        return found._open_to(roles, Later("person", key), **moments)

    return Ready(build)


def _roles(person: User | None) -> frozenset[str]:
    of_matter = ("is_active", "is_coordinator", "is_trainer")
    return frozenset(name for name in of_matter if getattr(person, name, False))


def _moments(now: datetime) -> dict[str, Any]:
    return {"now": now, "today": localdate(now), "new": now - NEW_FOR}


_is_of_it = Q(pk=OuterRef("session")) | Q(course=OuterRef("course"))


class Material(models.Model):
    """A file or a link of a course, or of one session."""

    class Audience(models.TextChoices):
        """Who may open it."""

        EVERYBODY = "everybody", "Everybody"
        BOOKED = "booked", "People with a place"
        AFTER = "after", "People who had a place, once the session is over"

    course = models.ForeignKey(
        Course, on_delete=models.CASCADE, null=True, related_name="materials"
    )
    session = models.ForeignKey(
        Session, on_delete=models.CASCADE, null=True, related_name="materials"
    )
    title = models.CharField(max_length=TITLE_LENGTH)
    audience = models.CharField(max_length=10, choices=Audience)
    file = models.FileField(upload_to=unguessable_name, blank=True)
    file_name = models.CharField(
        max_length=NAME_LENGTH, blank=True, help_text="What it is called when it is saved."
    )
    content_type = models.CharField(max_length=100, blank=True)
    size = models.PositiveIntegerField(default=0, help_text="In bytes.")
    link = models.URLField(max_length=LINK_LENGTH, blank=True)
    last_day = models.DateField(null=True, help_text="Of a recording: nobody opens it after that.")
    added_at = models.DateTimeField()
    added_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    told_at = models.DateTimeField(null=True, help_text="When people were told of it.")

    objects = MaterialQuerySet.as_manager()

    class Meta:
        ordering = ["-added_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(course=None) ^ Q(session=None), name="material_of_course_or_session"
            ),
            models.CheckConstraint(
                condition=(Q(file="") ^ Q(link="")), name="material_is_file_or_link"
            ),
            models.CheckConstraint(
                condition=Q(last_day=None) | ~Q(link=""), name="only_a_link_has_a_last_day"
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def kind(self) -> str:
        """ "PDF, 1.2 MB", "Link", "Recording, until Tue 9 Feb 2027"."""
        if self.last_day:
            return f"Recording, until {short_day(self.last_day)}"
        if self.link:
            return "Link"
        words = next((each.words for each in TYPES.values() if each.mime == self.content_type), "")
        return f"{words or 'File'}, {filesizeformat(self.size)}"
