"""Why the address of an account cannot be corrected: each with the sentence a coordinator reads."""

from accounts.addresses import SHARED_MAILBOX_REFUSED


class AddressRefused(Exception):
    """Nothing was changed. `sentence` says why."""

    sentence = "The account cannot have this address."

    def __str__(self) -> str:
        return self.sentence


class AddressTaken(AddressRefused):
    """Another person signs in with it."""

    sentence = (
        "This address belongs to another account. If both are the same person, they sign in with"
        " that address and book there; drop this message."
    )


class SharedMailbox(AddressRefused):
    """It names a desk rather than a person."""

    sentence = SHARED_MAILBOX_REFUSED


class OnlyByAdministrator(AddressRefused):
    """Whoever gets mail at the address could see what the person may see of others."""

    sentence = (
        "This person is a coordinator, trainer or agency lead and sees other people’s bookings."
        " So only a superuser can correct the address of their account."
    )
