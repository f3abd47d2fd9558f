"""Bulletins that tests write and people who get them."""

from datetime import datetime
from typing import Any

from booking.bulletins import subscribing
from booking.bulletins.models import Bulletin, BulletinPart, Subscriber
from booking.bulletins.writing import Article, add_article, begin_bulletin, put_block
from tests.factories import NOW, make_person


def make_article(**fields: Any) -> Article:
    """A few words under a heading."""
    usual = {
        "heading": "Safer summers",
        "text": "Read **this** <b>now</b>.\n\n- One\n- Two",
        "link": "https://www.example.org/more",
        "link_words": "Read the full update",
        "picture_says": "",
    }
    return Article(**{**usual, **fields})


def make_bulletin(*blocks: str, now: datetime = NOW, **fields: Any) -> Bulletin:
    """A draft with an article and these blocks."""
    topics = fields.pop("topics", ())
    title = fields.pop("title", "July newsletter")
    bulletin = begin_bulletin(title=title, opening="Hello all.", topics=topics, now=now)
    add_article(bulletin=bulletin, article=make_article(**fields))
    for kind in blocks or (BulletinPart.Kind.SPACES,):
        put_block(bulletin=bulletin, kind=kind, query="")
    bulletin.refresh_from_db()
    return bulletin


def make_subscriber(**chosen: Any) -> Subscriber:
    """Somebody with an account who gets bulletins."""
    person = chosen.pop("person", None) or make_person()
    usual = {"wants_bulletins": True, "wants_digest": False, "topics": (), "now": NOW}
    return subscribing.choose(person=person, **{**usual, **chosen})


def make_stranger(email: str) -> Subscriber:
    """Somebody without an account who has confirmed their address."""
    subscribing.ask_by_address(email=email, now=NOW)
    found = Subscriber.objects.get(email=email)
    subscribing.confirm_wish(subscriber=found, now=NOW)
    return found
