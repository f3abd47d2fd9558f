"""What changed about a published session, in words, and whom each change concerns."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from booking.places.models import Booking


class Matter(Enum):
    """What a change is about, which decides who is told of it. Its value stands in payloads."""

    TIMES = "times"
    WHEN_AND_WHERE = "when and where"
    TITLE = "title"
    # For those with a place and those a place is held for.
    TRAINERS = "trainers"
    # The way in: for nobody but those whose place is certain.
    JOIN_LINK = "join link"
    INSTRUCTIONS = "instructions"


_ATTENDING = (Matter.JOIN_LINK, Matter.INSTRUCTIONS)
_CONCERNED: dict[Matter, tuple[Booking.State, ...]] = {
    Matter.TIMES: Booking.LIVE,
    Matter.WHEN_AND_WHERE: Booking.LIVE,
    Matter.TITLE: Booking.LIVE,
    Matter.TRAINERS: Booking.HOLDING,
    Matter.JOIN_LINK: (Booking.State.CONFIRMED,),
    Matter.INSTRUCTIONS: (Booking.State.CONFIRMED,),
}
_OF_QUESTION = (Matter.TIMES, Matter.WHEN_AND_WHERE, Matter.TITLE)
_TO_RECONSIDER = (Matter.TIMES, Matter.WHEN_AND_WHERE)
# As they stand in payloads.
_FOR_OTHERS_TOO = frozenset(matter.value for matter in Matter if matter not in _ATTENDING)


@dataclass(frozen=True)
class Change:
    """One thing that changed, in words."""

    what: str
    before: str
    after: str
    matter: Matter = Matter.WHEN_AND_WHERE

    def as_payload(self) -> dict[str, str]:
        """For a message's payload: the words, and the matter by which code decides."""
        words = {"what": self.what, "before": self.before, "after": self.after}
        return {**words, "matter": self.matter.value}

    @property
    def is_for_attending(self) -> bool:
        """Whether it is the way in, for nobody but people whose place is certain."""
        return self.matter in _ATTENDING

    @property
    def in_history(self) -> str:
        """In words for whoever may read a history: the way in is not among them."""
        changed = f"{self.what} changed"
        return changed if self.is_for_attending else f"{self.what}: {self.after}"


def for_others_too(changes: Iterable[dict[str, str]]) -> list[dict[str, str]]:
    """Those of a payload's changes that people without a certain place may know.

    A change of no matter that we know may be the way in, so it is left out.
    """
    return [each for each in changes if each.get("matter") in _FOR_OTHERS_TOO]


def states_concerned(changes: Iterable[Change]) -> tuple[Booking.State, ...]:
    """The states of the bookings whose people are told of any of these changes."""
    told = {state for change in changes for state in _CONCERNED[change.matter]}
    return tuple(state for state in Booking.LIVE if state in told)


def concerning(changes: Iterable[Change], state: str) -> list[Change]:
    """Those of these changes that somebody with a booking in this state is told of."""
    return [change for change in changes if state in _CONCERNED[change.matter]]


def for_managers(changes: Iterable[Change]) -> list[Change]:
    """Those that a manager who is asked to agree should know of."""
    return [change for change in changes if change.matter in _OF_QUESTION]


def gives_time_to_react(changes: Iterable[Change]) -> bool:
    """Whether people may reconsider: nothing but when and where it is is a reason."""
    return any(change.matter in _TO_RECONSIDER for change in changes)


def changes_every_entry(changes: Iterable[Change]) -> bool:
    """Whether every calendar entry of a session shows something else: all but times and trainers.

    Of the times it depends on the sitting, and who leads a session no calendar shows.
    """
    return any(change.matter not in (Matter.TIMES, Matter.TRAINERS) for change in changes)


def in_history(changes: Iterable[Change]) -> str:
    """These changes, in words for a history."""
    return "; ".join(change.in_history for change in changes)
