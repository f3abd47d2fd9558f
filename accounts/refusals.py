"""Why the address of an account cannot be corrected: each with the sentence a coordinator reads."""

from accounts.addresses import SHARED_MAILBOX_REFUSED
from booking.site.refusals import Refused


class CorrectionRefused(Refused):
    """The account keeps the address that it has."""


class AddressTaken(CorrectionRefused):
    """Another person signs in with it."""

    sentence = (
        "This address belongs to another account. If both are the same person, they sign in with"
        " that address and book there; drop this message."
    )


class SharedMailbox(CorrectionRefused):
    """It names a desk rather than a person."""

    sentence = SHARED_MAILBOX_REFUSED


class OnlyByAdministrator(CorrectionRefused):
    """Whoever gets mail at the address could see what the person may see of others."""

    sentence = (
        "This person is a coordinator, trainer or agency lead and sees other people’s bookings."
        " So only a superuser can correct the address of their account."
    )
