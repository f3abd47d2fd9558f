"""Whom the report of a meeting means: by their address, else by their name, which is confirmed.

Names in a report are as people typed them: "Priya (she/her)", "SHARMA Priya - Leeds CC", "Priya S".
A name that could be that of several people is nobody's.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from allauth.account.models import EmailAddress

from booking.attendance.meeting_report import Joiner, MeetingReport
from booking.catalogue.models import Session
from booking.catalogue.sittings import Span
from booking.places.models import Booking
from booking.site.characters import fold

_IN_BRACKETS = re.compile(r"[(\[{]([^)\]}]*)[)\]}]")
_BETWEEN = re.compile(r"\s[-–—|:@]\s|[|/]")
# The last digits of a number tell it, however it begins: "+44 113 …", "0113 …".
_DIGITS_THAT_TELL = 9


@dataclass(frozen=True)
class Expected:
    """Somebody who may be in a meeting; without a booking they lead it or come as a guest."""

    name: str
    addresses: frozenset[str]
    phone: str = ""
    booking: Booking | None = None

    @property
    def words(self) -> list[str]:
        """The words of their name as they are compared."""
        return fold(self.name).split()


@dataclass
class Match:
    """One expected person with all that the report tells of them, on whatever devices."""

    whom: Expected
    joiners: list[Joiner] = field(default_factory=list)
    minutes: int = 0

    @property
    def called(self) -> str:
        """What the report calls them."""
        return ", ".join(dict.fromkeys(each.name for each in self.joiners))


@dataclass(frozen=True)
class Recognised:
    """A report, person by person: those found by their address, those to be confirmed, the rest.

    Somebody found by their address may be on another device by name alone: what that adds to the
    minutes is to be confirmed, with all of them.
    """

    sure: list[Match]
    to_confirm: list[Match]
    # They lead the session, or come as guests.
    others: list[Match]
    unknown: list[Joiner]
    # With a place, and not in the report.
    missing: list[Booking]


def expected_at(session: Session) -> list[Expected]:
    """Everybody who may be in the meeting of a session. Costs five statements."""
    bookings = Booking.objects.for_session(session).confirmed().select_related("person__agency")
    bookings = bookings.defer("person__words").order_by("person__sort_name", "pk")
    people = list(bookings)
    trainers = list(session.trainers.all())
    keys = [each.person_id for each in people] + [each.pk for each in trainers]
    addresses: dict[int, set[str]] = {}
    verified = EmailAddress.objects.filter(user__in=keys, verified=True)
    for key, address in verified.values_list("user_id", "email"):
        addresses.setdefault(key, set()).add(address.lower())

    def of(key: int, email: str) -> frozenset[str]:
        return frozenset({email.lower(), *addresses.get(key, ())})

    found = []
    for booking in people:
        person = booking.person
        found.append(Expected(person.full_name, of(person.pk, person.email), person.phone, booking))
    found += [Expected(each.full_name, of(each.pk, each.email)) for each in trainers]
    guests = session.guests.coming()
    return found + [Expected(str(each.name), frozenset({each.email.lower()})) for each in guests]


def recognise(report: MeetingReport, expected: Sequence[Expected], *, of: Span) -> Recognised:
    """Who the joiners of a report are, each with the minutes of the sitting they were there."""
    by_address = {address: each for each in expected for address in each.addresses}
    by_their_address: dict[int, Match] = {}
    found: dict[int, Match] = {}
    unknown: list[Joiner] = []
    for joiner in report.joiners:
        whom = by_address.get(joiner.email) if joiner.email else None
        is_sure = whom is not None
        whom = whom or _by_phone(joiner, expected) or _by_name(joiner, expected)
        if whom is None:
            unknown.append(joiner)
            continue
        found.setdefault(id(whom), Match(whom)).joiners.append(joiner)
        if is_sure:
            by_their_address.setdefault(id(whom), Match(whom)).joiners.append(joiner)
    for match in (*found.values(), *by_their_address.values()):
        match.minutes = report.minutes(match.joiners, of=of)
    booked = [each for each in found.values() if each.whom.booking is not None]
    sure = [each for each in by_their_address.values() if each.whom.booking is not None]
    by_address_alone = {id(each.whom): len(each.joiners) for each in sure}
    there = {each.whom.booking.pk for each in booked if each.whom.booking is not None}
    return Recognised(
        sure=sure,
        to_confirm=[
            each for each in booked if len(each.joiners) != by_address_alone.get(id(each.whom))
        ],
        others=[each for each in found.values() if each.whom.booking is None],
        unknown=unknown,
        missing=[
            each.booking
            for each in expected
            if each.booking is not None and each.booking.pk not in there
        ],
    )


def _by_phone(joiner: Joiner, expected: Sequence[Expected]) -> Expected | None:
    """Whose number it is; one that the report shows in part is nobody's."""
    digits = re.sub(r"\D", "", joiner.phone)
    if len(digits) < _DIGITS_THAT_TELL or "*" in joiner.phone or "x" in joiner.phone.lower():
        return None
    ending = digits[-_DIGITS_THAT_TELL:]
    return _only(each for each in expected if re.sub(r"\D", "", each.phone).endswith(ending))


def _by_name(joiner: Joiner, expected: Sequence[Expected]) -> Expected | None:
    """Who alone is called so: exactly, then with more words or fewer, then by an initial."""
    if joiner.phone:
        return None
    readings = [words for text in _readings(joiner.name) if (words := fold(text).split())]
    for is_alike in _WAYS:
        alike = [
            each
            for each in expected
            if each.words and any(is_alike(words, each.words) for words in readings)
        ]
        if alike:
            return _only(iter(alike))
    return None


def _only(found: Iterator[Expected]) -> Expected | None:
    first, second = next(found, None), next(found, None)
    return first if second is None else None


def _readings(name: str) -> Iterator[str]:
    """The name, without what stands in brackets, that itself, and what stands before a dash."""
    yield name
    bare = _IN_BRACKETS.sub(" ", name)
    yield bare
    yield from _IN_BRACKETS.findall(name)
    yield _BETWEEN.split(bare)[0]


def _same(words: list[str], name: list[str]) -> bool:
    return sorted(words) == sorted(name)


def _more_or_fewer(words: list[str], name: list[str]) -> bool:
    fewer, more = sorted((set(words), set(name)), key=len)
    return len(fewer) > 1 and fewer <= more


def _initial(words: list[str], name: list[str]) -> bool:
    """ "Priya S", "P Sharma", or the first name alone."""
    if len(words) == 1:
        return words[0] == name[0] and len(words[0]) > 1
    if len(words) != 2 or len(name) < 2:
        return False
    first, last = words
    return (first == name[0] and len(last) == 1 and name[-1].startswith(last)) or (
        last == name[-1] and len(first) == 1 and name[0].startswith(first)
    )


_WAYS: tuple[Callable[[list[str], list[str]], bool], ...] = (_same, _more_or_fewer, _initial)
