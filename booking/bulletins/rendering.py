"""A bulletin as it is read: on its page, where blocks are live, in mail, which says the moment, and
a block of it as it is copied into a newsletter.

The mail is rendered once a minute and process for all who get the same, with `STOP_HERE` where the
link stands by which its recipient stops.
"""

import time
from dataclasses import dataclass, replace
from datetime import datetime

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from booking.bulletins.blocks import Block, BlockKind, read_block
from booking.bulletins.models import Bulletin, BulletinPart
from booking.partnership.kept import the_partnership
from booking.site.plain_text import one_line, plain_text

# Mail programs cut off longer ones; with the encoding of a mail it still stays below 102 kB.
MOST_BYTES = 100_000
STOP_HERE = "https://stop.invalid/"
_KEPT_SECONDS = 60.0
_MOST_KEPT = 200
_kept: dict[tuple[int, int, tuple[str, ...]], tuple[float, "Rendered"]] = {}


@dataclass(frozen=True)
class Shown:
    """One part of a bulletin, with its block if it is one."""

    part: BulletinPart
    block: Block | None


@dataclass(frozen=True)
class Rendered:
    """The mail of a bulletin. `is_new` says whether its blocks have any session."""

    subject: str
    html: str
    text: str
    is_new: bool

    @property
    def size(self) -> int:
        """Bytes of the mail, before it is encoded for transport."""
        return len(self.html.encode()) + len(self.text.encode())

    @property
    def kilobytes(self) -> int:
        """Its size in kB, rounded up."""
        return -(-self.size // 1000)

    def stopped_at(self, url: str) -> "Rendered":
        """The same with the link by which one person stops."""
        return replace(
            self,
            html=self.html.replace(STOP_HERE, url),
            text=self.text.replace(STOP_HERE, url),
        )


def shown(bulletin: Bulletin, *, now: datetime, topics: tuple[str, ...] = ()) -> list[Shown]:
    """Its parts in order, blocks as they are at this moment."""
    parts = bulletin.parts.defer("picture")
    return [Shown(part, _block(part, topics, now=now)) for part in parts]


def _block(part: BulletinPart, topics: tuple[str, ...], *, now: datetime) -> Block | None:
    if part.is_article:
        return None
    return read_block(BlockKind(part.kind), part.asks, now=now, topics=topics)


def rendered(bulletin: Bulletin, *, now: datetime, topics: tuple[str, ...] = ()) -> Rendered:
    """The mail as it is at this moment."""
    parts = shown(bulletin, now=now, topics=topics)
    words = {
        "bulletin": bulletin,
        "parts": parts,
        "has_blocks": any(each.block for each in parts),
        "now": now,
        "partnership": the_partnership(),
        "site_url": settings.SITE_URL,
        "page_url": settings.SITE_URL + bulletin.get_absolute_url(),
        "choices_url": settings.SITE_URL + reverse("bulletin_choices"),
        "stop_url": STOP_HERE,
    }
    subject = one_line(render_to_string("mail/bulletin.issue/subject.txt", words))
    whole = render_to_string("mail/bulletin.issue/body.html", {**words, "subject": subject})
    html = "\n".join(line.strip() for line in whole.splitlines() if line.strip())
    is_new = any(
        each.block.rows
        for each in parts
        if each.block is not None and each.block.kind != BlockKind.DIARY
    )
    return Rendered(subject=subject, html=html, text=plain_text(html), is_new=is_new)


def rendered_lately(
    bulletin_id: int, revision: int, *, now: datetime, topics: tuple[str, ...] = ()
) -> Rendered:
    """As `rendered`, at most a minute old: of a revision that is being sent.

    Raises `Bulletin.DoesNotExist`.
    """
    key = bulletin_id, revision, topics
    until, found = _kept.get(key, (0.0, None))
    if found is None or time.monotonic() >= until:
        found = rendered(Bulletin.objects.get(pk=bulletin_id), now=now, topics=topics)
        if len(_kept) >= _MOST_KEPT:
            _kept.clear()
        _kept[key] = time.monotonic() + _KEPT_SECONDS, found
    return found


@dataclass(frozen=True)
class Copied:
    """What is pasted into a newsletter tool, the whole page to look at, and the text."""

    html: str
    page: str
    text: str


def copied(block: Block) -> Copied:
    """The block for another tool: 600 pixels wide, every style in its element."""
    context = {"block": block, "partnership": the_partnership()}
    page = render_to_string("bulletins/copied.html", context)
    body = page.partition("<body")[2].partition(">")[2].rpartition("</body>")[0]
    return Copied(html=body.strip(), page=page, text=plain_text(page))
