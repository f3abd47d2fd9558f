"""What happened to a booking, in the words that the person reads."""

from booking.places.models import BookingEvent

What = BookingEvent.What
_BEFORE_WHY = {
    What.JOINED: "Joined the waiting list. {why}",
    What.PASSED_OVER: "A place went to somebody further back, because of a rule. {why}",
    What.MOVED_BACK: "Somebody was moved up before you. The reason given: {why}",
    What.MOVED_UP: "Moved up the waiting list. The reason given: {why}",
    What.REQUESTED: "Asked for a place, to which the line manager must agree. {why}",
    What.MANAGER_ASKED: "The manager is asked: {why}",
    What.APPROVED: "{why}",
    What.REFUSED: "{why}",
    What.INVITED: "Put in line for this date before others. {why}",
}


def told_of(event: BookingEvent) -> str:
    """The event in a sentence or two, with the reason or the rule that decided."""
    words = _BEFORE_WHY.get(What(event.what), "{what}. {why}" if event.why else "{what}")
    return words.format(what=event.get_what_display(), why=event.why).strip()
