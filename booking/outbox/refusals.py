"""Why nothing is done with a message, in sentences for a coordinator."""

from booking.outbox.models import Message
from booking.site.refusals import Refused


class MessageRefused(Refused):
    """Nothing was done with the message."""


class NotStuck(MessageRefused):
    """The message is on its way, arrived or given up."""

    def __init__(self, message: Message) -> None:
        words = {
            Message.State.SENDING: "This message is being sent at this moment. Look again soon.",
            Message.State.SENT: "The mail server has accepted this message.",
            Message.State.DROPPED: "This message has been dropped.",
            Message.State.SUPERSEDED: "This message is not needed any more.",
        }
        self.sentence = words.get(Message.State(message.state), "This message is on its way.")


class MayHaveArrived(MessageRefused):
    """Nobody knows whether a mail server took it, so it is not sent to somebody else as well."""

    sentence = (
        "A mail server may have accepted this message already. Wait until it is known, or send it"
        " again to the same address."
    )


class ReplacedSince(MessageRefused):
    """A later message brings the same calendar entry up to date."""

    sentence = (
        "A later message about the same calendar entry has been written since. Send that one"
        " again instead."
    )


class PlaceGone(MessageRefused):
    """It invites to a session, and the booking has ended since."""

    sentence = (
        "This message invites to a session, and the booking does not hold a place any more. So it"
        " is not sent again."
    )


class OnlyForItsRecipient(MessageRefused):
    """A code or a link that only one person may use."""

    sentence = (
        "This message holds a code or a link that is for this address only, so it cannot go to"
        " another one. The person can ask for a new code; a manager's address is corrected, and an"
        " offer answered, on the page of the booking."
    )


class Forgotten(MessageRefused):
    """The text of a sign-in mail is not kept, and of others not for ever."""

    sentence = (
        "The text of this message is not kept, so it cannot be sent again. A person who waits for"
        " a code can ask for a new one."
    )


class SameAddress(MessageRefused):
    """The corrected address is the one it has."""

    sentence = "This is the address the message has already. Enter another one."


class CorrectedSince(MessageRefused):
    """Somebody else gave the message another address while this one was typed."""

    sentence = (
        "Somebody else has corrected the address of this message meanwhile. Look at the address it"
        " has now before you enter another one."
    )
