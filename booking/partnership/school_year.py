"""When schools are open, as coordinators write it down, and days on which few people can come."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from booking.partnership.kept import the_partnership
from booking.site.wording import day, short_day
from booking.site.working_days import bank_holiday

_FORMS = ("%d %B %Y", "%d %b %Y", "%d/%m/%Y", "%Y-%m-%d")


@dataclass(frozen=True)
class SchoolTerm:
    """A stretch in which schools are open, both days included."""

    name: str
    first: date
    last: date


def school_term_of(line: str) -> SchoolTerm | None:
    """What "Autumn = 1 September 2026 to 23 October 2026" says; nothing if it cannot be so."""
    term = typed_term(line)
    return term if term and term.first <= term.last else None


def typed_term(line: str) -> SchoolTerm | None:
    """What a line says, even if it ends before it begins; nothing if it is no term."""
    name, _, days = " ".join(line.split()).partition("=")
    typed, _, until = days.partition(" to ")
    first, last = _day(typed.strip()), _day(until)
    if not name.strip() or first is None or last is None:
        return None
    return SchoolTerm(name.strip(), first, last)


def _day(typed: str) -> date | None:
    for form in _FORMS:
        try:
            return datetime.strptime(typed, form).date()  # noqa: DTZ007 - a day has no zone
        except ValueError:
            continue
    return None


def school_terms_of(text: str) -> list[SchoolTerm]:
    """The terms of a text, one a line, the earliest first."""
    found = filter(None, map(school_term_of, text.splitlines()))
    return sorted(found, key=lambda term: term.first)


def holiday(on: date, terms: Sequence[SchoolTerm]) -> str:
    """ "Christmas Day", "school holidays" or nothing: those lie between terms, not beyond them."""
    if name := bank_holiday(on):
        return name
    is_open = any(term.first <= on <= term.last for term in terms)
    return "school holidays" if is_known(on, terms) and not is_open else ""


def is_known(on: date, terms: Sequence[SchoolTerm]) -> bool:
    """Whether these terms say if schools are open on this day."""
    return bool(terms) and terms[0].first <= on <= max(term.last for term in terms)


def holidays_known() -> str:
    """Which holidays are known, to whoever plans: "bank holidays, and school holidays until …"."""
    terms = school_terms_of(the_partnership().school_terms)
    if not terms:
        return "bank holidays (no school terms are entered in the settings)"
    until = day(max(term.last for term in terms))
    return f"bank holidays, and school holidays until {until}, the last day of term in the settings"


def why_few_come(on: date, terms: Sequence[SchoolTerm]) -> str:
    """As `holiday`, and "the weekend"."""
    return holiday(on, terms) or ("" if on.weekday() < 5 else "the weekend")


def warnings_of_days(days: Iterable[date]) -> list[str]:
    """A sentence for each of these days on which few people can come."""
    terms = school_terms_of(the_partnership().school_terms)
    whys = {on: why_few_come(on, terms) for on in sorted(set(days))}
    return [f"{short_day(on)}: {why}." for on, why in whys.items() if why]
