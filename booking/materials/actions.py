"""Adding and removing materials, and telling people of new ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial

import structlog
from django.db import transaction
from django.db.models import Q
from django.utils.timezone import localdate

from accounts.models import User
from booking.catalogue.models import Course, Session, SessionEvent
from booking.materials.files import Upload, known_file
from booking.materials.models import Material, MaterialQuerySet
from booking.outbox import posting as outbox
from booking.outbox.topics import MailTopic, register
from booking.places.models import Booking
from booking.places.news.drafts import about
from booking.site.refusals import Refused
from booking.site.wording import counted

log = structlog.get_logger(__name__)

MATERIALS = "session.materials"
register(MailTopic(MATERIALS, "New materials"))

type Owner = Course | Session
MOST_OF_ONE = 60
# Of a course, those hear of new materials whose session lies ahead or is not long over.
_TOLD_AFTER_END = timedelta(days=14)
Audience = Material.Audience


class TooMany(Refused):
    """A course or session has as many materials as it can."""

    sentence = f"There are {MOST_OF_ONE} materials already, which is the most. Remove one first."


class ToldAlready(Refused):
    """What is new, or who hears of it, is not what was shown."""

    sentence = (
        "What is new, or who hears of it, has changed meanwhile. Check it, then tell people again."
    )


@dataclass(frozen=True)
class News:
    """New materials of which nobody has been told, and who would be told of which.

    One booking for each person: the latest of theirs.
    """

    materials: list[Material]
    told: dict[Booking, list[Material]]

    @property
    def letters(self) -> int:
        """How many of these people are written to by post."""
        return sum(not booking.person.has_address for booking in self.told)

    @property
    def shown(self) -> str:
        """What a page shows of it, for the press that follows."""
        return f"{len(self.told)}:{','.join(str(each.pk) for each in self.materials)}"


def materials_of(owner: Owner) -> MaterialQuerySet:
    """Those of this course, or of this session alone."""
    return Material.objects.filter(**_of(owner))


def _of(owner: Owner) -> dict[str, Owner]:
    return {"course" if isinstance(owner, Course) else "session": owner}


def add_material(
    *,
    owner: Owner,
    title: str,
    audience: str,
    file: Upload | None,
    link: str,
    last_day: date | None,
    by: User,
    now: datetime,
) -> Material:
    """A new file or link, of which nobody is told yet. Raises `FileRefused` or `TooMany`."""
    material = Material(
        **_of(owner),
        title=title,
        audience=audience,
        link=link,
        last_day=last_day,
        added_at=now,
        added_by=by,
    )
    if file is not None:
        known = known_file(file, file.name or "")
        material.file_name, material.content_type = known.name, known.mime
        material.size = known.size
    try:
        with transaction.atomic():
            type(owner)._default_manager.select_for_update(no_key=True).get(pk=owner.pk)
            if materials_of(owner).count() >= MOST_OF_ONE:
                raise TooMany
            if file is not None:
                material.file.save(known.name, file, save=False)
            material.save()
            _note(owner, f"Added to the materials: {title}", by=by, now=now)
    except BaseException:
        if material.file:
            material.file.storage.delete(str(material.file.name))
        raise
    log.info("material_added", by=by.pk, material=material.pk, size=material.size)
    return material


def remove_material(*, material: Material, by: User, now: datetime) -> None:
    """Take a material away from everybody; its file is deleted."""
    with transaction.atomic():
        owner = material.session or material.course
        assert owner is not None  # noqa: S101
        _note(owner, f"Removed from the materials: {material.title}", by=by, now=now)
        log.info("material_removed", by=by.pk, material=material.pk)
        storage, name = material.file.storage, str(material.file.name or "")
        material.delete()
        if name:
            transaction.on_commit(partial(storage.delete, name))


def forget_files_of(session: Session) -> None:
    """Delete the files of a session that is about to be removed, once it is."""
    for material in materials_of(session).exclude(file=""):
        storage, name = material.file.storage, str(material.file.name)
        transaction.on_commit(partial(storage.delete, name))


def news_of(owner: Owner, *, now: datetime) -> News:
    """What is new, and who would hear of it. Costs two statements.

    Whoever cannot open it yet, or not any more, does not: what is for after the session is told
    once it is over. Each session of a course has its own day, so what is for after it is told to
    those whose session has ended since others were.
    """
    may_be_news = Q(told_at=None) | Q(audience=Audience.AFTER)
    new = list(materials_of(owner).filter(may_be_news).order_by("added_at", "pk"))
    last = [each for each in new if each.last_day is None or each.last_day >= localdate(now)]
    bookings = Booking.objects.confirmed().exclude(session__state=Session.State.CANCELLED)
    bookings = bookings.select_related("person", "session").order_by("session__starts_at", "pk")
    bookings = bookings.filter(person__is_active=True)
    if isinstance(owner, Course):
        recent = now - _TOLD_AFTER_END
        bookings = bookings.filter(session__course=owner, session__ends_at__gt=recent)
    else:
        bookings = bookings.filter(session=owner)
    latest: dict[int, tuple[Booking, set[int]]] = {}
    for booking in bookings if last else ():
        opened = {each.pk for each in last if _is_news(each, booking.session, now=now)}
        before = latest[booking.person_id][1] if booking.person_id in latest else set()
        if opened | before:
            latest[booking.person_id] = booking, opened | before
    told = {
        booking: [each for each in last if each.pk in keys] for booking, keys in latest.values()
    }
    heard = {each.pk for materials in told.values() for each in materials}
    return News([each for each in last if each.pk in heard], told)


def _is_news(material: Material, session: Session, *, now: datetime) -> bool:
    is_after = material.audience == Audience.AFTER
    is_open = not is_after or session.ends_at <= now
    return is_open and (material.told_at is None or session.ends_at > material.told_at)


def tell_of_news(*, owner: Owner, shown: str, by: User, now: datetime) -> News:
    """Tell people of all that is new, in one message each. Raises `ToldAlready`.

    `shown` is what the page showed of it.
    """
    with transaction.atomic():
        type(owner)._default_manager.select_for_update(no_key=True).get(pk=owner.pk)
        news = news_of(owner, now=now)
        if not news.told or news.shown != shown:
            raise ToldAlready
        keys = [each.pk for each in news.materials]
        Material.objects.filter(pk__in=keys).update(told_at=now)
        outbox.post(
            [
                about(
                    booking, MATERIALS, now.isoformat(), {"materials": [each.pk for each in opened]}
                )
                for booking, opened in news.told.items()
            ],
            now=now,
        )
        people = counted(len(news.told), "person", "people")
        _note(owner, f"Told {people} of {_titles(news.materials)}", by=by, now=now)
    log.info("materials_told", by=by.pk, materials=keys, people=len(news.told))
    return news


def _titles(materials: Sequence[Material]) -> str:
    first, *others = materials
    return first.title if not others else f"{first.title} and {len(others)} more"


def _note(owner: Owner, what: str, *, by: User, now: datetime) -> None:
    """On record with a session; what happens to a course is in the log."""
    if isinstance(owner, Session):
        SessionEvent.objects.create(session=owner, at=now, by=by, what=what[:200])
