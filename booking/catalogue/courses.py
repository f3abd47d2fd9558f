"""Courses and venues as they are kept, and what courses ask of the people who book them.

Bookings that exist stay when a course comes to ask for more.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify

from accounts.models import PractitionerGroup
from booking.catalogue.models import CancellationPolicy, Course, Topic, Venue
from booking.site.refusals import Refused

# Written once the course has a key.
_RELATED = ("groups", "topics", "prerequisites")


class EditRefused(Refused):
    """A session, course or venue stays as it is."""


class CodeTaken(EditRefused):
    """Another course has this code."""

    sentence = "Another course has this code. Choose a different one."


class GoesRound(EditRefused):
    """A course would have to be done before itself."""

    def __init__(self, other: Course) -> None:
        self.sentence = f"{other.title} itself asks for this course first, so it cannot come first."


@dataclass(frozen=True, kw_only=True)
class CoursePlan:
    """Everything about a course that coordinators decide."""

    title: str
    code: str
    kind: str
    level: int
    hours: Decimal
    topics: Sequence[Topic]
    summary: str
    learning_outcomes: str
    reading: str
    audience: str
    sectors: Sequence[str]
    least_level: int | None
    groups: Sequence[PractitionerGroup]
    prerequisites: Sequence[Course]
    needs_manager_approval: bool
    may_be_repeated: bool
    usual_capacity: int
    usual_agency_limit: int | None
    usual_policy: CancellationPolicy | None
    usual_sittings: int
    usual_promotion: str
    usual_offer_hours: int
    usual_minimum: int | None
    usual_decide_days: int
    reminder_days: Sequence[int]
    remind_hour_before: bool
    copies_manager: bool
    renew_months: int | None
    must_attend: Sequence[int] = ()
    part_after_minutes: int | None = None
    absent_after_minutes: int | None = None


PLAIN_FIELDS = [each.name for each in fields(CoursePlan) if each.name not in _RELATED]


def add_course(*, plan: CoursePlan) -> Course:
    """A new course, without any date. Raises `CodeTaken`."""
    course = Course()
    _store(course, plan)
    return course


def store_course(*, course: Course, plan: CoursePlan) -> None:
    """Change a course and what it asks for. Raises `CodeTaken` or `GoesRound`."""
    with transaction.atomic():
        lock_course(course)
        for earlier in plan.prerequisites:
            if course.pk in _all_before(earlier):
                raise GoesRound(earlier)
        _store(course, plan)


def lock_course(course: Course) -> Course:
    """A course as it is stored, locked so that no session can come to be one of it.

    Courses are changed one at a time, so that two cannot make a circle together.
    """
    list(Course.objects.select_for_update(no_key=True).order_by("pk").values_list("pk"))
    return Course.objects.select_for_update().get(pk=course.pk)


def _store(course: Course, plan: CoursePlan) -> None:
    # Files name courses without regard to capitals.
    others = Course.objects.exclude(pk=course.pk).filter(code__iexact=plan.code)
    if plan.code != course.code and others.exists():
        raise CodeTaken
    for name in PLAIN_FIELDS:
        setattr(course, name, getattr(plan, name))
    try:
        with transaction.atomic():
            course.save()
            course.groups.set(plan.groups)
            course.topics.set(plan.topics)
            course.prerequisites.set(plan.prerequisites)
    except IntegrityError as error:
        raise CodeTaken from error


def _all_before(course: Course) -> set[int]:
    """The course and all that must be done before it, directly or not."""
    pairs = Course.prerequisites.through.objects.values_list("from_course", "to_course")
    earlier: dict[int, set[int]] = {}
    for later, first in pairs:
        earlier.setdefault(later, set()).add(first)
    found: set[int] = set()
    to_look_at: Iterable[int] = {course.pk}
    while to_look_at:
        found |= set(to_look_at)
        to_look_at = {key for each in to_look_at for key in earlier.get(each, ())} - found
    return found


class TopicNameTaken(EditRefused):
    """Another topic has this name, but for capitals and marks."""

    sentence = "Another topic has this name. Choose a different one."


class TopicGone(EditRefused):
    """Somebody has removed it meanwhile."""

    sentence = "This topic was removed meanwhile. Look at the list again."


def store_topic(*, topic: Topic, name: str) -> Topic:
    """Write a topic down by this name, which also stands in addresses.

    Raises `TopicNameTaken`, or `TopicGone` rather than bring one back that was removed.
    """
    name = " ".join(name.split())
    slug = slugify(name)[:100]
    same = Q(slug=slug) | Q(name__iexact=name)
    if not slug or Topic.objects.filter(same).exclude(pk=topic.pk).exists():
        raise TopicNameTaken
    is_new = topic.pk is None
    topic.name, topic.slug = name, slug
    try:
        with transaction.atomic():
            if not is_new and not Topic.objects.select_for_update().filter(pk=topic.pk).exists():
                raise TopicGone
            topic.save(force_insert=is_new, force_update=not is_new)
    except IntegrityError as error:
        raise TopicNameTaken from error
    return topic


def remove_topic(*, topic: Topic) -> None:
    """Take a topic off: its courses stay, without it."""
    topic.delete()


class VenueNameTaken(EditRefused):
    """Another venue has this name."""

    sentence = "Another venue has this name. Choose a different one."


@dataclass(frozen=True, kw_only=True)
class VenuePlan:
    """Everything about a venue."""

    name: str
    address: str
    getting_there: str


def add_venue(*, plan: VenuePlan) -> Venue:
    """A new venue, where nothing is held yet. Raises `VenueNameTaken`."""
    venue = Venue()
    store_venue(venue=venue, plan=plan)
    return venue


def store_venue(*, venue: Venue, plan: VenuePlan) -> None:
    """Write the venue down as planned. Raises `VenueNameTaken`."""
    venue.name, venue.address = plan.name, plan.address
    venue.getting_there = plan.getting_there
    try:
        with transaction.atomic():
            venue.save()
    except IntegrityError as error:
        raise VenueNameTaken from error
