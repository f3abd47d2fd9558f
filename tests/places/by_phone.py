"""What a coordinator does on the telephone, as rules of the histories made up by chance."""

from contextlib import suppress
from datetime import datetime

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from accounts.models import User
from booking.catalogue.models import Session
from booking.places import actions
from booking.places.changing import undoing
from booking.places.models import Booking
from booking.places.refusals import PlaceRefused
from booking.places.rules import rules

whose, which_date, numbers = st.integers(0, 8), st.integers(0, 3), st.integers(0, 40)
_RULES = sorted(rules.NEEDS_ONE_MORE | {rules.LIMIT, rules.SECTOR, rules.EARLIER, rules.MANAGER})


class ByPhone(RuleBasedStateMachine):
    """The people and sessions are those of the machine that it is part of."""

    now: datetime
    people: list[User]
    sessions: list[Session]
    coordinator: User

    def chosen(self, number: int, **which: object) -> Booking | None:
        """One of the bookings that are so, if there are any."""
        raise NotImplementedError

    def prepare(self) -> None:
        """What else stands before the first of them books."""

    def check(self, *touched: Session) -> None:
        """See that everything holds."""
        raise NotImplementedError

    @rule(person=whose, date=which_date, past=st.sets(st.sampled_from(_RULES)))
    def book_by_phone(self, person: int, date: int, past: set[str]) -> None:
        """A coordinator books for a caller past some rules; nobody else has a place by it."""
        session, who = self.sessions[date], self.people[person]
        with suppress(PlaceRefused):
            actions.book(
                session=session,
                person=who,
                by=self.coordinator,
                now=self.now,
                overriding=dict.fromkeys(past, "A court case"),
            )
        self.check(session)

    @rule(number=numbers)
    def take_back_cancelling(self, number: int) -> None:
        """A cancellation is undone, if it can be."""
        booking = self.chosen(number, state__in=["cancelled", "withdrawn"])
        if booking:
            with suppress(PlaceRefused):
                undoing.take_back_cancelling(booking=booking, by=self.coordinator, now=self.now)
            self.check(booking.session)
