"""Why a place is not given or not given up: each refusal with the sentence a person reads."""

from enum import Enum

from booking.catalogue.models import Session
from booking.places.models import Booking
from booking.site.refusals import Refused
from booking.site.wording import counted, day, deadline


class Effect(Enum):
    """What a rule that speaks against somebody keeps them from."""

    REFUSES = "nothing can be booked"
    NO_PLACE = "no place can be had, but a turn on the waiting list"
    WAITS = "a place has to be waited for"
    HOLDS = "a place is not certain, but held"


class PlaceRefused(Refused):
    """A place, or what is done with one, was refused.

    `rule` names the rule, if one of `booking.places.rules` spoke; `may_be_overridden` says that a
    coordinator may let the person pass it.
    """

    effect = Effect.REFUSES
    may_be_overridden = False


class RuledOut(PlaceRefused):
    """A rule of a place speaks against somebody. `of_another` is for whoever books for them."""

    may_be_overridden = True

    def __init__(
        self, rule: str, sentence: str, instead: str = "", *, of_another: str = "", field: str = ""
    ) -> None:
        self.rule, self.sentence, self.instead = rule, sentence, instead
        self.of_another = of_another
        self.field = field or self.field


class NotForYou(RuledOut):
    """The course is for other people. `field` is what they say of themselves that decides it."""


class PrerequisiteMissing(RuledOut):
    """Other courses must be done first; `missing` are their keys."""

    def __init__(
        self, rule: str, sentence: str, instead: str, *, of_another: str, missing: frozenset[int]
    ) -> None:
        super().__init__(rule, sentence, instead, of_another=of_another)
        self.missing = missing


class ManagerNeeded(RuledOut):
    """The manager who is to agree is not named, or is the person themselves."""

    field = "manager_email"


class MustWait(RuledOut):
    """No place can be had at the moment: it has to be waited for."""

    effect = Effect.WAITS


class AgencyToConfirm(RuledOut):
    """The place is held until it is confirmed that the person works for the agency they named.

    A coordinator confirms the agency, which settles it for every booking, and overrides nothing.
    """

    effect = Effect.HOLDS
    may_be_overridden = False


class HeldBack(MustWait):
    """A place is free, but not for this person at the moment."""


class SessionNotOpen(PlaceRefused):
    """The session takes no bookings: it is a draft, cancelled or over."""

    def __init__(self, session: Session) -> None:
        words = {
            Session.State.DRAFT: "This session is not published yet.",
            Session.State.CANCELLED: "This session has been cancelled.",
            Session.State.COMPLETED: "This session has already taken place.",
        }
        self.sentence = words.get(Session.State(session.state), "This session takes no bookings.")
        self.instead = "Look for another date of the same course."


class SessionStarted(PlaceRefused):
    """The session has begun."""

    def __init__(self, session: Session) -> None:
        self.sentence = f"This session started at {deadline(session.starts_at)}."
        self.instead = "Look for another date of the same course."


class BookingNotOpenYet(PlaceRefused):
    """Booking has not opened."""

    rule = "booking not open yet"
    may_be_overridden = True

    def __init__(self, session: Session) -> None:
        opens = session.booking_opens_at
        self.sentence = f"Booking opens at {deadline(opens)}." if opens else self.sentence
        self.instead = "Come back then, or look for another date of the same course."


class BookingClosed(PlaceRefused):
    """Booking has closed before the start."""

    rule = "booking closed"
    may_be_overridden = True

    def __init__(self, session: Session) -> None:
        self.sentence = f"Booking closed at {deadline(session.booking_ends_at)}."
        self.instead = "Look for another date of the same course."


class AccountEnded(PlaceRefused):
    """Nobody signs in to the account any more: it was ended, merged or anonymised."""

    sentence = "This account has ended."
    instead = "Choose the account that the person signs in to now."


class AlreadyBooked(PlaceRefused):
    """The person already has a live booking for this session."""

    def __init__(self, booking: Booking) -> None:
        self.booking = booking
        words = {
            Booking.State.WAITING: "You are already on the waiting list for this session.",
            Booking.State.OFFERED: "A place on this session is already on offer to you.",
            Booking.State.REQUESTED: "You have already asked for a place on this session.",
        }
        self.sentence = words.get(
            Booking.State(booking.state), "You already have a place on this session."
        )
        self.instead = "Open your booking to see it, change it or cancel it."
        others = {
            Booking.State.WAITING: "They are already on the waiting list for this session.",
            Booking.State.OFFERED: "A place on this session is already on offer to them.",
            Booking.State.REQUESTED: "A place is already held for them, which is not certain yet.",
        }
        self.of_another = others.get(
            Booking.State(booking.state), "They already have a place on this session."
        )


class Clash(PlaceRefused):
    """`other`, a booking of theirs that holds a place, overlaps with this session."""

    effect = Effect.NO_PLACE
    rule = "clash"
    instead = "Cancel that booking first, or choose another date."
    of_another = "They have a place on another session at that time."

    def __init__(self, other: Booking) -> None:
        self.other = other
        self.sentence = (
            "This session overlaps with one you have booked:"
            f" {other.session.course.title}, on {day(other.session.starts_at)}."
        )


class OnAnotherDate(PlaceRefused):
    """`other`, a booking of theirs, holds a place on another date of the course."""

    rule = "another date"
    may_be_overridden = True
    instead = "Move that place to this date, or say that you want both."

    def __init__(self, other: Booking) -> None:
        self.other = other
        when = day(other.session.starts_at)
        self.sentence = f"You have a place on this course already, on {when}."
        self.of_another = f"They have a place on this course already, on {when}."


class NotYoursToOverride(PlaceRefused):
    """Only coordinators let other people past a rule, or waive what they are charged."""

    sentence = "Only a coordinator can let somebody past a rule, and nobody can themselves."


class CannotBeUndone(PlaceRefused):
    """The place is somebody else's by now, or was not given up by cancelling."""

    sentence = (
        "This cannot be undone any more: the place has gone to somebody else, or there is none to"
        " give back."
    )
    instead = "Book again for them."


class AddressRefused(PlaceRefused):
    """An address cannot be booked by this agency, or is none."""


class NotAColleague(PlaceRefused):
    """The other person works for another agency."""

    sentence = "Only a colleague of the same agency can take this place."
    instead = "Cancel the booking, so that the next person on the waiting list gets the place."


class TheirsAlready(PlaceRefused):
    """The place was to be given to the person who has it."""

    sentence = "The person you named has this place already."
    instead = "Name the colleague who should have it."


class NotConfirmed(PlaceRefused):
    """Whose place it is has no confirmed agency, or another one than the place counts for."""

    sentence = "A place can be handed over once your agency is confirmed."
    instead = "A lead of your agency or a coordinator confirms it. You can cancel the booking."
    of_another = "A place can be handed over once the agency of its owner is confirmed."


class TooManyHandedOver(PlaceRefused):
    """Somebody has handed over as many places as they may in a day."""

    def __init__(self, most: int) -> None:
        self.sentence = (
            f"You have handed over {counted(most, 'place')} in the last 24 hours, which is the"
            " most that one person can."
        )
        self.instead = "Try again tomorrow, or ask the partnership."
        self.of_another = self.sentence


class CannotTakeIt(PlaceRefused):
    """A colleague cannot have the place. Who may not see others' bookings is not told why."""

    def __init__(self, email: str) -> None:
        self.sentence = f"{email} cannot take this place."
        self.instead = (
            "They may not meet what the course asks, or may be booked at that time. Ask them, or"
            " a lead of your agency."
        )
        self.of_another = self.sentence


class NoPlaceToGive(PlaceRefused):
    """The booking holds no confirmed place."""

    def __init__(self, booking: Booking) -> None:
        words = {
            Booking.State.WAITING: (
                "You are on the waiting list and have no place yet.",
                "They are on the waiting list and have no place yet.",
            ),
            Booking.State.OFFERED: (
                "This place is only offered to you: accept it first.",
                "This place is only offered to them: they accept it first.",
            ),
            Booking.State.REQUESTED: (
                "This place is held for you and is not certain yet.",
                "This place is held for them and is not certain yet.",
            ),
        }
        nothing = "This booking has no confirmed place to give."
        self.sentence, self.of_another = words.get(Booking.State(booking.state), (nothing, nothing))


class AlreadyAnswered(PlaceRefused):
    """The manager has answered, or the question does not stand any more."""

    sentence = "This question has been answered, or is not needed any more."


class NotWaiting(PlaceRefused):
    """The booking is not on a waiting list."""

    sentence = "This booking is not on the waiting list any more."


class ReservedPlaces(PlaceRefused):
    """More places are taken or reserved than the change allows."""

    def __init__(self, *, wanted: int, taken: int, reserved: int) -> None:
        self.sentence = (
            f"{counted(taken, 'place')} of {wanted} would be taken and {reserved} reserved, which"
            " is more than there are. Lower what is reserved first."
        )


class LimitTooLow(PlaceRefused):
    """An agency has more places already."""

    def __init__(self, *, wanted: int, held: int, agency: str) -> None:
        self.sentence = (
            f"{agency} has {counted(held, 'place')} already, so the most for one agency cannot be"
            f" {wanted}."
        )


class NotLive(PlaceRefused):
    """The booking has ended already."""

    def __init__(self, booking: Booking) -> None:
        words = {
            Booking.State.CANCELLED: "This booking has already been cancelled.",
            Booking.State.WITHDRAWN: "You have already left this waiting list.",
            Booking.State.DECLINED: "This offer has already been declined.",
            Booking.State.LAPSED: "The time for this has run out.",
        }
        self.sentence = words.get(Booking.State(booking.state), "This booking has ended.")
        if booking.state == Booking.State.WITHDRAWN:
            self.of_another = "They have already left this waiting list."
        self.instead = "You can book again if there are places."


class OfferRanOut(PlaceRefused):
    """The time to accept is over."""

    def __init__(self, booking: Booking) -> None:
        until = f" at {deadline(booking.offered_until)}" if booking.offered_until else ""
        self.sentence = f"This offer ran out{until}, and the place went to the next person."
        self.instead = "You can join the waiting list again."


class NothingOffered(PlaceRefused):
    """There is no offer to answer."""

    sentence = "There is no offer to answer on this booking."
    instead = "Open the booking to see where it stands."


class ChairTaken(PlaceRefused):
    """Somebody is to come in a place that is not there to be had."""

    sentence = "The place you named is taken: they came, or somebody else has it already."
    instead = "Name another, or say that there is room."


class NoRoomForWalkIn(PlaceRefused):
    """Every place is taken when somebody comes without one."""

    sentence = "All places of this session are taken."
    instead = "If there is room all the same, say so, or say in whose place they come."


class CapacityTooLow(PlaceRefused):
    """More places are taken or reserved than the new capacity allows."""

    def __init__(self, *, wanted: int, taken: int, reserved: int) -> None:
        taken_words = counted(taken, "place is", "places are")
        more = f" and {reserved} reserved" if reserved else ""
        self.sentence = (
            f"{taken_words} taken{more}, so the capacity cannot be {wanted}."
            f" The lowest it can be is {taken + reserved}."
        )
