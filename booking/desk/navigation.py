"""The desk's sub-navigation: its sections, the pages of each, and what waits on them.

A page of the desk belongs to the section whose names its own begins with.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from booking.desk import waiting


@dataclass(frozen=True)
class Tab:
    """A link of the navigation: its words, the page it leads to, and what it stands for."""

    words: str
    page: str
    # How the names of the pages begin that it stands for, after "manage_".
    names: tuple[str, ...]
    # The kinds of `waiting` that are counted beside it.
    kinds: tuple[str, ...] = ()
    pages: tuple["Tab", ...] = field(default=())

    def stands_for(self, name: str) -> bool:
        """Whether the page of this name is found here."""
        begins = tuple(f"manage_{each}" for each in self.names)
        return name == self.page or bool(begins and name.startswith(begins))


def _section(words: str, *pages: Tab) -> Tab:
    """A section of several pages, which leads to the first."""
    names = tuple(name for each in pages for name in each.names)
    kinds = tuple(kind for each in pages for kind in each.kinds)
    return Tab(words, pages[0].page, names, kinds, pages)


SECTIONS = (
    Tab("Today", "manage", ()),
    Tab(
        "Sessions",
        "manage_sessions",
        ("session", "booking", "guest"),
        ("at_risk", "no_meeting", "drafts"),
    ),
    _section(
        "Courses",
        Tab("Courses", "manage_courses", ("course",)),
        Tab("Venues", "manage_venues", ("venue",)),
        Tab("Groups of practitioners", "manage_groups", ("group",), ("groups",)),
        Tab("Import and export", "manage_files", ("files",)),
    ),
    _section(
        "People",
        Tab("Find people", "manage_people", ("people", "person")),
        Tab("Agencies to confirm", "manage_agencies", ("agenc",), ("agencies",)),
        Tab("Needs to arrange", "manage_needs", ("needs",), ("needs",)),
        Tab("Managers to confirm", "manage_managers", ("manager",), ("managers",)),
        Tab("Without the course first", "manage_earlier", ("earlier",), ("earlier",)),
        Tab("Absences", "manage_absences", ("absence",), ("absences",)),
        Tab("Training elsewhere", "manage_learning", ("learning",), ("learning",)),
        Tab("Shared mailboxes", "manage_mailboxes", ("mailbox",)),
    ),
    _section(
        "Mail",
        Tab("Mail we send", "manage_messages", ("message",), ("parked",)),
        Tab("Post to go out", "manage_post", ("post",), ("letters",)),
        Tab("Mail that came in", "manage_received", ("received",), ("received",)),
        Tab("Addresses that fail", "manage_addresses", ("address",), ("addresses",)),
    ),
    _section(
        "Bulletins",
        Tab("Bulletins", "manage_bulletins", ("bulletin",)),
        Tab("Spaces to share", "manage_blocks", ("block",)),
        Tab("Dates for the diary", "manage_diary", ("diary",)),
    ),
    _section(
        "Figures",
        Tab("Who came", "manage_figures", ("figures",)),
        Tab("Who would come", "manage_demand", ("demand",)),
    ),
    _section(
        "Settings",
        Tab("Partnership", "manage_settings", ("settings",)),
        Tab("Topics", "manage_topics", ("topic",)),
        Tab("Agencies", "manage_listed", ("listed",)),
        Tab("Rules of cancelling", "manage_policies", ("polic",)),
        Tab("Who looked at whom", "manage_looks", ("looks",)),
    ),
)


@dataclass(frozen=True)
class Link:
    """A tab as one page shows it; `current` is what `aria-current` says, or nothing."""

    tab: Tab
    current: str
    waits: int


@dataclass(frozen=True)
class Navigation:
    """The sections, the pages of the section that the reader is in, and what waits, by kind."""

    sections: tuple[Link, ...]
    pages: tuple[Link, ...]
    counts: Mapping[str, int]

    @property
    def needs(self) -> list[tuple[waiting.Kind, int]]:
        """The kinds of which something waits, with how many."""
        return [(kind, self.counts[kind.name]) for kind in waiting.KINDS if self.counts[kind.name]]

    @property
    def needs_in_all(self) -> int:
        """How many things wait, of all kinds."""
        return sum(number for _, number in self.needs)


def navigation(name: str) -> Navigation:
    """The navigation as the page of this name shows it. Costs one statement."""
    counts = waiting.counts(now=timezone.now())

    def links(tabs: tuple[Tab, ...]) -> Iterator[Link]:
        for tab in tabs:
            current = "page" if tab.page == name else "true" if tab.stands_for(name) else ""
            yield Link(tab, current, sum(counts[kind] for kind in tab.kinds))

    sections = tuple(links(SECTIONS))
    pages = next((each.tab.pages for each in sections if each.current), ())
    return Navigation(sections, tuple(links(pages)), counts)


def in_templates(request: HttpRequest) -> dict[str, object]:
    """The desk's navigation, found only for a page that shows it."""
    name = request.resolver_match.view_name if request.resolver_match else ""
    return {"desk_navigation": SimpleLazyObject(lambda: navigation(name))}
