"""Writing a bulletin: its articles and blocks, in an order, until it is sent."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time

from django.db import transaction
from django.db.models import Max

from booking.bulletins.models import Bulletin, BulletinPart, Subscriber
from booking.catalogue.models import Topic
from booking.catalogue.months import first_of_month, months_later
from booking.partnership.pictures import Picture
from booking.site.refusals import Refused
from booking.site.wording import LONDON, MONTHS

# A digest is made on the first of the month, from this hour on; up to two days late.
_DIGEST_AT = time(9)
_DIGEST_LAST_DAY = 3


class NoDraft(Refused):
    """People have read it."""

    sentence = "This bulletin has been sent, so what it says stays as it is."


@dataclass(frozen=True, kw_only=True)
class Article:
    """What a coordinator writes; a picture is kept unless another is given or it is taken out."""

    heading: str
    text: str
    link: str
    link_words: str
    picture_says: str
    picture: Picture | None = None
    without_picture: bool = False


def begin_bulletin(*, title: str, opening: str, topics: Sequence[Topic], now: datetime) -> Bulletin:
    """A new draft, with nothing in it yet."""
    bulletin = Bulletin.objects.create(title=title, opening=opening, created_at=now)
    bulletin.topics.set(topics)
    return bulletin


def change_bulletin(
    *, bulletin: Bulletin, title: str, opening: str, topics: Sequence[Topic]
) -> None:
    """Change the head of a draft. Raises `NoDraft`."""
    with _draft(bulletin) as draft:
        draft.title, draft.opening = title, opening
        draft.topics.set(topics)


def discard_bulletin(*, bulletin: Bulletin) -> None:
    """Throw a draft away. Raises `NoDraft`."""
    with transaction.atomic():
        drafts = Bulletin.objects.filter(pk=bulletin.pk, state=Bulletin.State.DRAFT)
        draft = drafts.select_for_update().first()
        if draft is None:
            raise NoDraft
        draft.delete()


def add_article(*, bulletin: Bulletin, article: Article) -> BulletinPart:
    """An article at the end. Raises `NoDraft`."""
    with _draft(bulletin) as draft:
        part = BulletinPart(bulletin=draft, position=_next(draft))
        _write(part, article)
    return part


def change_article(*, part: BulletinPart, article: Article) -> None:
    """Write an article anew. Raises `NoDraft`."""
    with _draft(part.bulletin):
        _write(part, article)


def put_block(
    *, bulletin: Bulletin, kind: str, query: str, part: BulletinPart | None = None
) -> BulletinPart:
    """A block at the end, or one narrowed otherwise. Raises `NoDraft`."""
    with _draft(bulletin) as draft:
        part = part or BulletinPart(bulletin=draft, position=_next(draft), kind=kind)
        part.query = query
        part.save()
    return part


def remove_part(*, part: BulletinPart) -> None:
    """Take an article or a block out. Raises `NoDraft`."""
    with _draft(part.bulletin):
        part.delete()


def move_part_up(*, part: BulletinPart) -> None:
    """Let a part stand before the one it follows. Raises `NoDraft`."""
    with _draft(part.bulletin) as draft:
        keys = list(draft.parts.values_list("pk", flat=True))
        at = keys.index(part.pk)
        if at:
            keys[at - 1], keys[at] = keys[at], keys[at - 1]
        for position, key in enumerate(keys):
            BulletinPart.objects.filter(pk=key).update(position=position)


def make_digest(*, now: datetime) -> Bulletin | None:
    """On the first days of a month, the digest of what is new and has places, once; it is sent.

    None is made while nobody wants one.
    """
    local = now.astimezone(LONDON)
    month = first_of_month(local.date())
    is_time = local.day <= _DIGEST_LAST_DAY and (local.day > 1 or local.time() >= _DIGEST_AT)
    if not is_time or Bulletin.objects.filter(month=month).exists():
        return None
    if not Subscriber.objects.live().filter(wants_digest=True).exists():
        return None
    with transaction.atomic():
        bulletin, is_new = Bulletin.objects.get_or_create(
            month=month,
            defaults={
                "title": f"New training and briefings, {MONTHS[month.month - 1]} {month.year}",
                "created_at": now,
                "published_at": now,
                "state": Bulletin.State.SENDING,
            },
        )
        if is_new:
            _fill_digest(bulletin, since=months_later(month, -1))
    return bulletin if is_new else None


def _fill_digest(bulletin: Bulletin, *, since: date) -> None:
    kind = BulletinPart.Kind
    blocks = [
        (kind.BRIEFINGS, f"since={since.isoformat()}&rows=8"),
        (kind.SPACES, "weeks=10&rows=15"),
        (kind.DIARY, "weeks=6"),
    ]
    BulletinPart.objects.bulk_create(
        [
            BulletinPart(bulletin=bulletin, position=position, kind=each, query=query)
            for position, (each, query) in enumerate(blocks)
        ]
    )


@contextmanager
def _draft(bulletin: Bulletin) -> Iterator[Bulletin]:
    """The draft, locked; its revision is raised at the end. Raises `NoDraft`."""
    with transaction.atomic():
        locked = Bulletin.objects.select_for_update().filter(pk=bulletin.pk).first()
        if locked is None or not locked.can_change:
            raise NoDraft
        yield locked
        locked.revision += 1
        locked.save(update_fields=["title", "opening", "revision"])


def _next(bulletin: Bulletin) -> int:
    last = bulletin.parts.aggregate(last=Max("position"))["last"]
    return 0 if last is None else last + 1


def _write(part: BulletinPart, article: Article) -> None:
    for name in ("heading", "text", "link", "link_words", "picture_says"):
        setattr(part, name, getattr(article, name))
    picture = article.picture
    if article.without_picture or picture:
        part.picture = picture.content if picture else b""
        part.picture_type = picture.content_type if picture else ""
        part.picture_width = picture.width if picture else 0
        part.picture_height = picture.height if picture else 0
        part.picture_digest = picture.digest if picture else ""
    if not part.picture_digest:
        part.picture_says = ""
    part.save()
