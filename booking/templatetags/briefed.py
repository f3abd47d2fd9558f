"""Filters that every template may use without loading them (a builtin in settings)."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Protocol

import css_inline
import nh3
from django import template
from django.forms import BoundField
from django.utils.html import format_html_join
from django.utils.safestring import SafeString, mark_safe

from booking.outbox.reasons import in_plain_words
from booking.site import wording
from booking.site.plain_text import one_line

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

register = template.Library()


class Timed(Protocol):
    """Anything that starts and ends, such as a sitting."""

    starts_at: datetime
    ends_at: datetime


# ---------------------------------------------------------------- dates and counts
def _of_moment[Moment: date](words: Callable[[Moment], str]) -> Callable[[Moment | None], str]:
    """The filter that says this of a moment, and nothing where there is none."""

    def told(moment: Moment | None) -> str:
        return words(moment) if moment else ""

    register.filter(words.__name__, told)
    return told


# {{ sitting.starts_at|day }} and the like, in the words of `booking/site/wording.py`.
day = _of_moment(wording.day)
short_day = _of_moment(wording.short_day)
clock = _of_moment(wording.clock)
deadline = _of_moment(wording.deadline)
register.filter("pounds", wording.pounds)
register.filter("working_time", wording.working_time)
# {{ message.last_error|in_plain_words }}: what a mail server's refusal means.
register.filter("in_plain_words", in_plain_words)


@register.filter
def sitting_times(sitting: Timed | None) -> str:
    """{{ sitting|sitting_times }}: "Tuesday 9 February 2027, 9:30am to 12:30pm".

    No line ends within the hours.
    """
    if not sitting:
        return ""
    date, _, hours = wording.sitting_times(sitting.starts_at, sitting.ends_at).rpartition(", ")
    return f"{date}, {hours.replace(' ', chr(0xA0))}"


@register.filter
def times_of_day(sittings: Iterable[Timed]) -> str:
    """{{ session.sittings.all|times_of_day }}: what stands beside the date of the first."""
    return wording.times_of_day([(each.starts_at, each.ends_at) for each in sittings])


@register.filter
def away(moment: datetime | None, now: datetime) -> str:
    """{{ sitting.starts_at|away:now }}: "tomorrow", "in 3 days"."""
    return wording.away(moment, now=now) if moment else ""


@register.filter
def duration(length: Timed | timedelta | None) -> str:
    """{{ sitting|duration }}, or of a timedelta: "1 hour 30 minutes"."""
    if length is None or length == "":
        return ""
    if isinstance(length, timedelta):
        return wording.duration(length)
    return wording.duration(wording.elapsed(length.starts_at, length.ends_at))


@register.filter
def counted(number: int | None, noun: str) -> str:
    """{{ n|counted:"place" }}: "1 place", "3 places"; {{ n|counted:"person,people" }}."""
    singular, _, plural = noun.partition(",")
    return wording.counted(number or 0, singular, plural)


_BROWSERS = ("Edg", "OPR", "FxiOS", "Firefox", "CriOS", "Chrome", "Safari")
_DEVICES = ("iPhone", "iPad", "Android", "Windows", "Mac", "CrOS", "Linux")
_PLAIN_NAMES = {
    "Edg": "Edge",
    "OPR": "Opera",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "CrOS": "Chromebook",
}


@register.filter
def device(user_agent: str) -> str:
    """{{ session.user_agent|device }}: "Chrome on Windows", as far as the browser says it.

    Browsers name others before themselves, so the first in our order counts.
    """
    found = [
        next((each for each in names if each in user_agent), "") for names in (_BROWSERS, _DEVICES)
    ]
    browser, device = (_PLAIN_NAMES.get(each, each) for each in found)
    return f"{browser or 'a browser'} on {device}" if device else browser or "an unnamed browser"


@register.filter
def is_chosen(key: int, chosen: Iterable[object] | None) -> bool:
    """{% if session.pk|is_chosen:form.chosen.value %}: as it is stored or was typed."""
    return str(key) in map(str, chosen or ())


# {% filter one_line %}: a title that came in several lines, as from templates that we include.
register.filter("one_line", one_line, is_safe=True)


# ---------------------------------------------------------------- text written by coordinators
_MARKDOWN_TAGS = {
    "a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "h6", "hr", "li", "ol", "p", "pre",
    "strong", "table", "tbody", "td", "th", "thead", "tr", "ul",
}  # fmt: skip


@cache
def _reader_of_markdown() -> "MarkdownIt":
    """Loaded with the first text: lists and forms show none."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark", {"html": False}).enable("table")


@register.filter
def markdown(text: str | None) -> SafeString:
    """Markdown as safe HTML; put it inside <div class="app-prose">.

    Raw HTML is shown as text. Headings begin at level 3, since the page has its own first and
    second levels.
    """
    reader = _reader_of_markdown()
    tokens = reader.parse(text or "")
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 6)}"
    html = reader.renderer.render(tokens, reader.options, {})
    clean = nh3.clean(
        html,
        tags=_MARKDOWN_TAGS,
        attributes={"a": {"href", "title"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto", "tel"},
    )
    return mark_safe(clean)  # noqa: S308 -- nh3 has just cleaned it


# ---------------------------------------------------------------- form controls
@register.filter
def control_attributes(attrs: Mapping[str, Any], block: str) -> SafeString:
    """The attributes of a form control, with the design system's classes joined to its own.

    `block` is the class of the control and any more it needs, such as a width, which gives way
    to one that the form names: {{ widget.attrs|control_attributes:"govuk-input
    govuk-input--width-10" }}. A control that Django marked as invalid gets the error class. It has
    no `maxlength`: browsers cut off what is pasted without a word, and the form says it.
    """
    own = str(attrs.get("class", "")).split()
    has_width = any("--width-" in name for name in own)
    first, *more = block.split()
    classes = [first]
    if attrs.get("aria-invalid") == "true":
        classes.append(f"{first}--error")
    classes += [name for name in more if not (has_width and "--width-" in name)]
    classes += own
    pairs = [("class", " ".join(classes))]
    for name, value in attrs.items():
        if name in ("class", "maxlength") or value is False or value is None:
            continue
        pairs.append((name, "" if value is True else str(value)))
    return format_html_join("", ' {}="{}"', pairs)


@register.filter
def described_also(attrs: Mapping[str, Any], identifier: str) -> dict[str, Any]:
    """The same attributes, described by one more element."""
    described = f"{attrs.get('aria-describedby', '')} {identifier}".strip()
    return {**attrs, "aria-describedby": described}


@register.filter
def first_input_id(field: BoundField) -> str:
    """The id that a link in an error summary must lead to: the field's first control."""
    if field.id_for_label:
        return str(field.id_for_label)
    return f"{field.auto_id}_0"


# ---------------------------------------------------------------- mail
# Rules for dark mode and narrow screens cannot be inlined, so they stay where they are.
_INLINER = css_inline.CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


@register.filter(is_safe=True)
def inline_css(html: str) -> SafeString:
    """{% filter inline_css %}: the page with its style sheet written into the elements.

    Several mail programs drop style sheets, but keep the styles of single elements.
    """
    return mark_safe(_INLINER.inline(html))  # noqa: S308 -- the page was escaped when rendered
