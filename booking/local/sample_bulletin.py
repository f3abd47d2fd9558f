"""The partnership's July newsletter as a bulletin of the demo, made from its own text.

What was typed there by hand and stale by the afternoon are blocks here: the spaces, the new
briefings and the dates for the diary.
"""

import re
import struct
import zlib
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from accounts.agencies import add_group
from accounts.groups import describe_group
from accounts.models import User
from booking.bulletins import subscribing
from booking.bulletins.models import Bulletin, BulletinPart
from booking.bulletins.writing import Article, add_article, begin_bulletin, put_block
from booking.catalogue.models import Course, DiaryDate, Session
from booking.partnership.pictures import Picture, picture_of

_NEWSLETTER = Path(__file__).resolve().parent / "sample" / "newsletter-july.txt"
_SITE = "https://www.leedsscp.example"
# Where the newsletter's last sentences of an article lead, by its heading.
_LINKS = {
    "Professional concerns resolution process": (
        f"{_SITE}/professional-concerns",
        "Professional Concerns Resolution Process",
    ),
    "Safeguarding children in elective home education": (
        f"{_SITE}/elective-home-education",
        "Safeguarding children in Elective Home Education",
    ),
    "Update from the Independent Scrutineer": (f"{_SITE}/scrutineer", "Read the full update"),
    "Safeguarding children all summer": (f"{_SITE}/social-media", "Find and repost our messages"),
}
_TRAINING, _BRIEFINGS, _DIARY = (
    "LSCP Safeguarding Training",
    "New briefings",
    "Dates for your diary",
)
# Awareness days that the partnership has a course for.
_OF_COURSE = {
    "World Day against Trafficking of Persons": "CE-INTRO",
    "International Safe Sport Day": "SPORT",
    "World Suicide Prevention Day": "SUICIDE",
    "ICON Week": "BABY",
    "Safer Internet Day": "ONLINE",
    "Child Exploitation Awareness Day": "CE-GUIDE",
}
_PURPOSES = """\
Give feedback on the LSCP’s guidance and information
Share their opinions on learning from reviews and LSCP messaging
Be encouraged to make suggestions from a practitioner's point of view"""
_WANT_BULLETINS = 12


def add_july_newsletter(*, now: datetime) -> Bulletin:
    """The bulletin, sent a while ago, and some people who get the next one."""
    for title, code in _OF_COURSE.items():
        for date in DiaryDate.objects.filter(title=title):
            date.courses.set(Course.objects.filter(code=code))
    group = add_group(name="Practitioner Group")
    describe_group(group=group, purposes=_PURPOSES, is_open=True)
    Session.objects.update(published_at=now - timedelta(days=60))
    briefings = Session.objects.filter(course__kind=Course.Kind.BRIEFING)
    briefings.update(published_at=now - timedelta(days=3))
    title, _, articles = _text().partition("\n\n")
    bulletin = begin_bulletin(title=title, opening="", topics=(), now=now)
    # Two empty lines stand between two articles.
    for section in re.split(r"\n\n\n+", articles):
        _add(bulletin, *_heading_and_text(section))
    put_block(bulletin=bulletin, kind=BulletinPart.Kind.BRIEFINGS, query="rows=6")
    put_block(bulletin=bulletin, kind=BulletinPart.Kind.DIARY, query="weeks=60&rows=6")
    sent = now - timedelta(days=2)
    Bulletin.objects.filter(pk=bulletin.pk).update(state=Bulletin.State.SENT, published_at=sent)
    for person in User.objects.filter(is_active=True).order_by("email")[:_WANT_BULLETINS]:
        subscribing.choose(
            person=person, wants_bulletins=True, wants_digest=True, topics=(), now=now
        )
    return bulletin


def _text() -> str:
    """The newsletter without what a page brings by itself."""
    text = _NEWSLETTER.read_text(encoding="utf-8").replace("\r\n", "\n")
    return text.partition(f"\n{_BRIEFINGS}\n")[0].strip()


def _heading_and_text(section: str) -> tuple[str, str]:
    heading, _, text = section.strip().partition("\n")
    return heading.strip(), text.strip()


def _add(bulletin: Bulletin, heading: str, text: str) -> None:
    """One article; that about training is followed by the spaces that there are."""
    says, picture = "", None
    if text.startswith("Image\n"):
        _, says, text = text.split("\n", 2)
        picture = portrait()
    link, link_words = _LINKS.get(heading, ("", ""))
    if heading == "Practitioner group":
        link, link_words = f"{settings.SITE_URL}{reverse('groups')}", "I am interested"
    add_article(
        bulletin=bulletin,
        article=Article(
            heading=heading,
            text=_as_markdown(text.strip()),
            link=link,
            link_words=link_words,
            picture_says=says,
            picture=picture,
        ),
    )
    if heading == _TRAINING:
        put_block(bulletin=bulletin, kind=BulletinPart.Kind.SPACES, query="rows=8")


def _as_markdown(text: str) -> str:
    """Its lists as Markdown has them: a sign and a space, after an empty line."""
    return re.sub(r"^[ \t]*•[ \t]*", "- ", text, flags=re.MULTILINE)


def portrait(width: int = 480, height: int = 320) -> Picture:
    """A drawn head and shoulders, in place of the newsletter's photograph."""
    ground, figure = b"\xdc\xe9\xe7", b"\x0a\x3d\x48"
    rows = []
    for y in range(height):
        row = bytearray(b"\0")
        for x in range(width):
            across = (x - width / 2) / height
            head = across**2 + (y / height - 0.36) ** 2 < 0.034
            shoulders = (across / 0.42) ** 2 + ((y / height - 1.02) / 0.4) ** 2 < 1
            row += figure if head or shoulders else ground
        rows.append(bytes(row))
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"".join(rows), 9)),
        (b"IEND", b""),
    ]
    return picture_of(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack(">I", len(told)) + kind + told + struct.pack(">I", zlib.crc32(kind + told))
            for kind, told in chunks
        )
    )
