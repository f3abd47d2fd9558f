"""Pages in two parts: what everybody sees is made once and kept, what is the reader's is put in.

A kept part is made as nobody: of a request without cookies, messages or anybody signed in. So it
holds nothing of whoever came first. What differs stands in the template between `yours` tags:

    {% yours "mark" session.pk %}...{% endyours %}   the view says what stands there for this key,
                                                     or the lines are rendered as its reader
    {% yours "menu" by is_trainer %}...{% endyours %} a part kept by these of the reader's
                                                     attributes, which sees no others of them
    {% yours "csrf" %}, {% yours "messages" %}       known to every page

and `{% same session.agreed %}...{% endsame %}` keeps lines of which many pages show the same, by
what they agree with. Any other page is rendered as if the tags were not there. On every page
`{% once "a template" name=value ... %}` puts in a template that is given these values and nothing
else, so that it can be kept by them and is never out of date. Parts are lost with the process, and
the longest unused ones go when there are many.
"""

import hashlib
import itertools
import pickle
import secrets
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

from django import template
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages import get_messages
from django.core.cache import caches
from django.core.cache.backends.locmem import LocMemCache
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.template import Context, Node, NodeList, RequestContext, Template
from django.template.loader import get_template, render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from booking.site.caching import unkept

register = template.Library()
View = Callable[..., HttpResponse]
Filler = Callable[[Any], str | None]
_MAKING = "two_parts_making"
# With one of these a page may hold somebody's name or a message meant for them alone.
_PERSONAL_COOKIES = frozenset({settings.SESSION_COOKIE_NAME, settings.MESSAGE_COOKIE_NAME})


# What a page or a row is kept for at most, whatever it agrees with.
KEPT_SECONDS = 600
# By its values it is never wrong, only unused.
_KEPT_BY_VALUES = 3600


class PartsInMemory(LocMemCache):
    """Django's cache in a process, of things as they are: whoever gets one must not change it.

    Anybody can ask for pages by addresses without number, so it is bounded by their length too, by
    the option `MOST_CHARACTERS`: with all that belongs to it, each takes up to ten bytes.
    """

    # Of all that is kept under a name, which every thread has its own instance for.
    _characters: Counter[str] = Counter()

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        options = dict(params["OPTIONS"])
        self._name, self._most_characters = name, options.pop("MOST_CHARACTERS")
        super().__init__(name, {**params, "OPTIONS": options})

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """What is kept by this, which may be anything that can be a key of a dict."""
        with self._lock:  # type: ignore[attr-defined]
            if self._has_expired(key):  # type: ignore[attr-defined]
                self._delete(key)
                return default
            self._cache.move_to_end(key, last=False)  # type: ignore[attr-defined]
            return self._cache[key]  # type: ignore[attr-defined]

    def set(self, key: Any, value: Any, timeout: Any = 300, version: Any = None) -> None:
        """Keep it for so many seconds; what was not used for longest makes room."""
        with self._lock:  # type: ignore[attr-defined]
            self._delete(key)
            self._characters[self._name] += _length(value)
            self._set(key, value, timeout)  # type: ignore[attr-defined]
            while self._characters[self._name] > self._most_characters:
                self._delete(next(reversed(self._cache)))  # type: ignore[attr-defined]

    def clear(self) -> None:
        """Keep nothing."""
        with self._lock:  # type: ignore[attr-defined]
            self._cache.clear()  # type: ignore[attr-defined]
            self._expire_info.clear()  # type: ignore[attr-defined]
            self._characters[self._name] = 0

    def _delete(self, key: Any) -> bool:
        if key in self._cache:  # type: ignore[attr-defined]
            self._characters[self._name] -= _length(self._cache[key])  # type: ignore[attr-defined]
        return bool(super()._delete(key))  # type: ignore[misc]

    def _cull(self) -> None:
        for key in list(itertools.islice(reversed(self._cache), len(self._cache) // 10)):  # type: ignore[attr-defined]
            self._delete(key)


def _length(kept: Any) -> int:
    """Of what knows its own, of a whole answer with its type, or of what else is kept."""
    if hasattr(kept, "length"):
        return int(kept.length)
    return len(kept[0] if isinstance(kept, tuple) else kept)


@dataclass(frozen=True)
class Slot:
    """Where in a kept part something of the reader's stands."""

    name: str
    key: Any
    by: tuple[str, ...]
    lines: NodeList
    template: Template

    def __reduce__(self) -> tuple[Any, ...]:
        _STAYS.update({id(each): each for each in (self.lines, self.template)})
        return _slot, (self.name, self.key, self.by, id(self.lines), id(self.template))


# Of templates, which stay as they are loaded: of a pressed slot only their numbers are kept.
_STAYS: dict[int, Any] = {}


def _slot(name: str, key: Any, by: tuple[str, ...], lines: int, of_template: int) -> Slot:
    return Slot(name, key, by, _STAYS[lines], _STAYS[of_template])


@dataclass
class Part:
    """What everybody sees: text, and slots between. `about` is whatever its view has to know."""

    pieces: Sequence[str | Slot]
    length: int
    about: Any = None


def pressed(part: Part) -> bytes:
    """A part with what it is about, in a tenth of the room, and nothing for Python's collector.

    To be opened in this process alone.
    """
    return zlib.compress(pickle.dumps(part), 1)


# As many of the latest stay open as Python's collector goes through in some milliseconds.
@lru_cache(maxsize=512)
def opened(octets: bytes) -> Part:
    """The part that was pressed; whoever gets it must not change it."""
    part: Part = pickle.loads(zlib.decompress(octets))  # noqa: S301 - it never left the process
    return part


class _Making:
    """A part that is being made: its slots, and what stands for them in the text."""

    def __init__(self) -> None:
        self.slots: list[Slot] = []
        # Nothing that anybody writes can look like it.
        self.mark = f"<{secrets.token_hex(16)}>"

    def stands_for(self, slot: Slot) -> SafeString:
        self.slots.append(slot)
        return mark_safe(self.mark)  # noqa: S308 -- taken out again below

    def part(self, text: str, about: Any = None) -> Part:
        texts = text.split(self.mark)
        pieces: list[str | Slot] = [texts[0]]
        for slot, after in zip(self.slots, texts[1:], strict=True):
            pieces += (slot, after)
        return Part(pieces, len(text), about)


def found(key: Hashable) -> Any:
    """What is kept by this key, or nothing."""
    return caches["pages"].get(key)


def keep_part(key: Any, part: object, *, seconds: float = KEPT_SECONDS) -> None:
    """Keep it by this key for so long."""
    caches["pages"].set(key, part, seconds)


def made(request: HttpRequest, name: str, context: Mapping[str, Any], about: Any = None) -> Part:
    """The part of the template of this name that everybody sees."""
    making = _Making()
    loaded: Any = get_template(name)
    text = loaded.template.render(_as_nobody(request, {**context, _MAKING: making}))
    return making.part(text, about)


def _as_nobody(request: HttpRequest, values: dict[str, Any]) -> Context:
    """A context with these and a request that says nothing but what is asked for."""
    blank = HttpRequest()
    blank.method, blank.GET, blank.resolver_match = "GET", request.GET, request.resolver_match
    blank.path, blank.path_info = request.path, request.path_info
    blank.user = AnonymousUser()
    context = Context({"user": blank.user, **values, "request": blank})
    # Where `querystring` looks.
    context.request = blank  # type: ignore[attr-defined]
    return context


def filled(
    part: Part, request: HttpRequest, context: Mapping[str, Any], fillers: Mapping[str, Filler]
) -> str:
    """The part with what is the reader's in its slots.

    `fillers` say by its key what stands in a slot of their name; the slots of which they say
    nothing are rendered in the `context`, as the page of the reader.
    """
    reader = _Reader(request, context, fillers)
    return "".join([each if isinstance(each, str) else reader.put(each) for each in part.pieces])


class _Reader:
    def __init__(
        self, request: HttpRequest, context: Mapping[str, Any], fillers: Mapping[str, Filler]
    ) -> None:
        self.request, self.context = request, context
        self.token = ""
        self.fillers = {"csrf": self._csrf, **fillers}

    def put(self, slot: Slot) -> str:
        if slot.by:
            return self._kept_by(slot)
        filler = self.fillers.get(slot.name)
        if filler is not None and (text := filler(slot.key)) is not None:
            return text
        if slot.name == "messages" and not self._has_messages():
            return ""
        return _rendered(slot, RequestContext(self.request, dict(self.context)))

    def _kept_by(self, slot: Slot) -> str:
        part = _kept_by(slot, self.request)
        return "".join([each if isinstance(each, str) else self.put(each) for each in part.pieces])

    def _csrf(self, key: object) -> str:
        # Two forms of one page have the same.
        self.token = self.token or get_token(self.request)
        name = "csrfmiddlewaretoken"
        return format_html('<input type="hidden" name="{}" value="{}">', name, self.token)

    def _has_messages(self) -> bool:
        return not is_stranger(self.request) and bool(list(get_messages(self.request)))


def _kept_by(slot: Slot, request: HttpRequest) -> Part:
    seen = {name: getattr(request.user, name, False) for name in slot.by}
    here = request.resolver_match.view_name if request.resolver_match else ""
    key = "by", slot.name, here, tuple(seen.values())
    part: Part | None = found(key)
    if part is None:
        making = _Making()
        context = _as_nobody(request, {"user": seen, _MAKING: making})
        part = making.part(_rendered(slot, context))
        keep_part(key, part)
    return part


def _rendered(slot: Slot, context: Context) -> str:
    with context.render_context.push_state(slot.template), context.bind_template(slot.template):
        return slot.lines.render(context)


class _Yours(Node):
    def __init__(self, name: str, key: Any, by: tuple[str, ...], nodelist: Any) -> None:
        self.name, self.key, self.by, self.nodelist = name, key, by, nodelist

    def render(self, context: Context) -> SafeString:
        making: _Making | None = context.get(_MAKING)
        request: Any = context.get("request")
        page: Any = context.template
        if making is not None:
            key = self.key.resolve(context) if self.key else None
            return making.stands_for(Slot(self.name, key, self.by, self.nodelist, page))
        if self.by and hasattr(request, "user"):
            slot = Slot(self.name, None, self.by, self.nodelist, page)
            values: Any = context.flatten()
            return mark_safe(_Reader(request, values, {}).put(slot))  # noqa: S308
        return SafeString(self.nodelist.render(context))


@register.tag
def yours(parser: Any, token: Any) -> Node:
    """Lines of which each reader has their own: see above."""
    _, name, *words = token.split_contents()
    nodelist = parser.parse(("endyours",))
    parser.delete_first_token()
    by = tuple(words[1:]) if words[:1] == ["by"] else ()
    key = parser.compile_filter(words[0]) if words and not by else None
    return _Yours(name.strip('"'), key, by, nodelist)


class _Same(Node):
    def __init__(self, name: str, keys: list[Any], nodelist: NodeList) -> None:
        self.name, self.keys, self.nodelist = name, keys, nodelist

    def render(self, context: Context) -> SafeString:
        making = context.get(_MAKING)
        agreed = [each.resolve(context, ignore_failures=True) for each in self.keys]
        if making is None or not agreed[0]:
            return SafeString(self.nodelist.render(context))
        key = "same", self.name, *agreed
        part: Part | None = found(key)
        if part is None:
            within = _Making()
            with context.push(**{_MAKING: within}):
                part = within.part(self.nodelist.render(context))
            keep_part(key, part)
        pieces = [
            each if isinstance(each, str) else making.stands_for(each) for each in part.pieces
        ]
        return mark_safe("".join(pieces))  # noqa: S308 -- as it was rendered


@register.tag
def same(parser: Any, token: Any) -> Node:
    """Lines that are the same wherever these agree; the first of them must not be empty."""
    _, name, *words = token.split_contents()
    nodelist = parser.parse(("endsame",))
    parser.delete_first_token()
    return _Same(name.strip('"'), [parser.compile_filter(each) for each in words], nodelist)


@register.simple_tag
def once(name: str, **shown: Hashable) -> SafeString:
    """What the template of this name makes of these values alone, made once for each of them."""
    # What is equal may yet be shown differently: 1 and True, and a text that is safe or not.
    key = "once", name, *((word, type(value), value) for word, value in shown.items())
    lines: SafeString | None = found(key)
    if lines is None:
        lines = render_to_string(name, shown)
        keep_part(key, lines, seconds=_KEPT_BY_VALUES)
    return lines


def is_stranger(request: HttpRequest) -> bool:
    """Whether nothing says who asks: no session, and no message that waits for somebody."""
    return _PERSONAL_COOKIES.isdisjoint(request.COOKIES)


def to_stranger(content: bytes | str, content_type: str | None = None) -> HttpResponse:
    """The answer to somebody of whom nothing is known."""
    answer = HttpResponse(content, content_type=content_type)
    answer.headers["Vary"] = "Cookie, HX-Request"
    return unkept(answer)


def same_for_everyone(
    *, seconds: int, while_same: Callable[..., object] | None = None
) -> Callable[[View], View]:
    """Keep a page's answer for this many seconds, in this process only.

    Only for visitors without a session or a pending message, and only for GET, so that nobody
    sees another person's page, and whoever books reads the places left from the database. Kept
    apart by whole address and by whether htmx asked for a part.

    `while_same` is given what the address names and says what the page must agree with, such as
    the places left. It is asked each time; an answer that differs is a page not yet kept.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def kept(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method != "GET" or not is_stranger(request):
                return unkept(view(request, *args, **kwargs))
            headers = request.headers
            part = headers.get("HX-Request"), headers.get("HX-History-Restore-Request")
            agreed = repr(while_same(*args, **kwargs)) if while_same else ""
            parts = (request.get_host(), part, request.get_full_path(), agreed)
            key = hashlib.sha256(repr(parts).encode()).hexdigest()
            stored: tuple[bytes, str] | None = found(key)
            if stored is None:
                response = view(request, *args, **kwargs)
                if response.status_code != 200 or response.cookies:
                    return unkept(response)
                stored = response.content, response.headers["Content-Type"]
                keep_part(key, stored, seconds=seconds)
            return to_stranger(*stored)

        return kept

    return decorate
