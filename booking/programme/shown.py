"""Pages that show sessions, in two parts: what the kept one agrees with, and what readers add.

See `booking/site/two_parts.py`. Here it is known what a page of sessions has to agree with: the
revision of the catalogue and of the settings, how its sessions stand, and the clock. Nothing is
kept of a session whose places depend on the reader's agency but the rest of its row.
"""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.html import format_html

from accounts.models import User
from booking.catalogue.availability import Availability, availability, opening
from booking.catalogue.models import Session
from booking.partnership.kept import the_partnership
from booking.places.pages.readers import MARKS, Stand, standing_so, stands_of
from booking.site.caching import unkept
from booking.site.two_parts import (
    KEPT_SECONDS,
    Filler,
    Part,
    filled,
    found,
    is_stranger,
    keep_part,
    made,
    opened,
    pressed,
    to_stranger,
)
from booking.site.wording import LONDON, in_london

_LIST_KEPT = timedelta(minutes=1)
# Of a kept page, besides its text.
_LEAST_BYTES = 2_000
# A page of a session counts a tenth of it, a full month two thirds.
_STAYS_OPEN_TO = 30_000
_BRIEF = '<span class="app-places app-places--{}">{}</span>'


def reader_of(request: HttpRequest) -> User | None:
    """Who is signed in, if anybody."""
    return request.user if isinstance(request.user, User) else None


@dataclass(frozen=True)
class SessionsPage:
    """What a page of sessions is made of: the catalogue of a revision, good until a moment.

    `own` is the session whose page it is. What is said of places is put in for all of them. `more`
    is what the slots of a reader need of what was read.
    """

    revision: str
    until: datetime
    sessions: dict[int, Session]
    more: Mapping[str, Any]
    own: Session | None = None

    @classmethod
    def of(
        cls,
        revision: str,
        sessions: Iterable[Session],
        *,
        now: datetime,
        own: Session | None = None,
        more: Mapping[str, Any] | None = None,
        moments: Iterable[datetime] = (),
        is_whole: bool = False,
    ) -> "SessionsPage":
        """Of sessions just read, whose rows may be kept; `is_whole` if they are all it counts."""
        shown = {each.pk: each for each in sessions}
        for each in shown.values():
            each.agreed = (revision, each.pk, opening(each, now=now))
        # Of those that a list only counts, none says when it is over.
        longest = timedelta(seconds=KEPT_SECONDS) if own or is_whole else _LIST_KEPT
        until = _changes_at(shown.values(), [now + longest, *moments], now)
        return cls(revision, until, shown, more or {}, own)

    def keep_rows_alone(self) -> None:
        """Once it is made: of other sessions than its own, keep what their rows hold alone."""
        for key, each in self.sessions.items():
            if each is not self.own and not each.has_own_places:
                self.sessions[key] = row = copy.copy(each)
                row._state.fields_cache.clear()
                row._prefetched_objects_cache = {}  # type: ignore[attr-defined]
                row.reading = None


@dataclass
class _KeptPage:
    """A page of sessions, pressed, and what it agrees with.

    Of the session whose page it is that is whether it is full and whether people wait, or, if its
    places differ with the reader, how many. `lines` are what was last said of places, and
    `to_strangers` is the page with what stands there for nobody, once nobody has asked for it, with
    the counts that it says.
    """

    revision: str
    until: datetime
    keys: tuple[int, ...]
    own: tuple[int, int, bool] | None
    own_stand: tuple[int, int] | None
    octets: bytes
    length: int
    lines: dict[tuple[str, int], tuple[tuple[int, int], str]] = field(default_factory=dict)
    to_strangers: tuple[tuple[int, ...], bytes] = ((), b"")

    @classmethod
    def of(cls, part: Part) -> "_KeptPage":
        about: SessionsPage = part.about
        own = stand = None
        if (each := about.own) is not None:
            own = each.pk, each.capacity, each.has_own_places
            stand = _stand_of(own, each.places_taken, each.waiting_count)
        octets, keys = pressed(part), tuple(about.sessions)
        # With its lines and what strangers see, which is half as long again, in tens of bytes.
        length = (len(octets) + 2 * part.length + _LEAST_BYTES) // 10
        return cls(about.revision, about.until, keys, own, stand, octets, length)

    @property
    def part(self) -> Part:
        """As it was made; a long one is opened for each reader."""
        is_long = self.length > _STAYS_OPEN_TO
        return opened.__wrapped__(self.octets) if is_long else opened(self.octets)

    def agrees(self, revision: str, stands: Mapping[int, Stand], *, now: datetime) -> bool:
        """Whether the page would say the same if it were made now."""
        if self.revision != revision or not now < self.until:
            return False
        if self.own is None:
            return True
        stand = stands[self.own[0]]
        return _stand_of(self.own, stand.taken, stand.waiting) == self.own_stand

    def counts(self, stands: Mapping[int, Stand]) -> tuple[int, ...]:
        """Of all its sessions, how many have a place and how many wait."""
        return tuple(
            number for key in self.keys for number in (stands[key].taken, stands[key].waiting)
        )

    def line(
        self, name: str, session: Session, stand: Stand, make: Callable[[Session], str]
    ) -> str:
        """What a line says of the places of a session, which are the same for every reader."""
        counts = stand.taken, stand.waiting
        said = self.lines.get((name, session.pk))
        if said is None or said[0] != counts:
            session = copy.copy(session)
            (session.places_taken, session.waiting_count), session.reading = counts, None
            said = self.lines[name, session.pk] = counts, make(session)
        return said[1]


def _stand_of(own: tuple[int, int, bool], taken: int, waiting: int) -> tuple[int, int]:
    _, capacity, has_own_places = own
    return (taken, waiting) if has_own_places else (taken >= capacity, waiting > 0)


def _changes_at(sessions: Iterable[Session], more: Iterable[datetime], now: datetime) -> datetime:
    """When the clock alone makes a page of these say something else; no later than midnight."""
    tomorrow = in_london(now).date() + timedelta(days=1)
    moments = [datetime.combine(tomorrow, time(), tzinfo=LONDON), *more]
    for each in sessions:
        moments += [each.starts_at, each.ends_at, each.booking_ends_at]
        moments += [each.booking_opens_at] if each.booking_opens_at else []
    return min(moment for moment in moments if moment > now)


Made = tuple[dict[str, Any], SessionsPage]


def answer(
    request: HttpRequest,
    template: str,
    make: Callable[[str], Made],
    *,
    now: datetime,
    yours: Callable[[SessionsPage, Mapping[int, Stand]], dict[str, Any]] = lambda *_: {},
) -> HttpResponse:
    """A page in two parts. One statement, and none of the page's own while the kept part agrees.

    `make` gives what everybody sees, `yours` what the slots of the reader need.
    """
    person = reader_of(request)
    key = template, request.get_host(), request.get_full_path()
    kept: _KeptPage | None = found(key)
    revision, stands = stands_of(kept.keys if kept else (), person)
    revision = f"{revision} {the_partnership().revision}"
    if kept is not None and kept.agrees(revision, stands, now=now):
        counts, octets = kept.to_strangers
        if octets and is_stranger(request) and counts == kept.counts(stands):
            return to_stranger(octets)
        part = kept.part
        about: SessionsPage = part.about
    else:
        context, about = make(revision)
        context = {"partnership": the_partnership(), **context}
        part = made(request, template, context, about)
        about.keep_rows_alone()
        kept = _KeptPage.of(part)
        keep_part(key, kept)
        stands = _stands_as_read(about, person)
    of_agencies = [each for each in about.sessions.values() if each.has_own_places]
    of_reader = [
        each
        for each in about.sessions.values()
        if each.has_own_places or (each.pk in stands and stands[each.pk].mine)
    ]
    read = {each.pk: each for each in standing_so(of_reader, stands, person, now=now)}
    said = kept.line

    def line(name: str, make: Callable[[Availability], str]) -> Filler:
        def of_session(session: Session) -> str:
            return make(availability(session, now))

        return lambda key: (
            of_session(read[key])
            if key in read
            else said(name, about.sessions[key], stands[key], of_session)
        )

    context = yours(about, stands)
    fillers: dict[str, Filler] = {
        "mark": lambda key: _mark(stands[key].mine) if key in stands else "",
        "places": line("places", _places),
        "brief": line("brief", lambda there: format_html(_BRIEF, there.tone, there.brief)),
        "materials": lambda key: None if context.get("materials") else "",
        "event": lambda key: context["event_data"],
    }
    text = filled(part, request, context, fillers)
    if not is_stranger(request):
        return unkept(HttpResponse(text))
    if not of_agencies:
        kept.to_strangers = kept.counts(stands), text.encode()
    return to_stranger(text)


def _stands_as_read(about: SessionsPage, person: User | None) -> dict[int, Stand]:
    """How the sessions of a page just made stand; nobody has bookings to be read."""
    found = {
        key: Stand(each.places_taken, each.waiting_count, None, None)
        for key, each in about.sessions.items()
    }
    return found if person is None else found | stands_of(found, person)[1]


def _places(there: Availability) -> str:
    return render_to_string("programme/_places.html", {"places": there})


@cache
def _mark(state: str | None) -> str:
    """The reader's own booking in a row."""
    if not state:
        return ""
    return render_to_string("places/_state_tag.html", {"state": state, "words": MARKS[state]})
