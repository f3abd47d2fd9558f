"""What a coordinator is told after doing something about messages."""

from booking.outbox.remedies import Corrected
from booking.outbox.topics import topic_words
from booking.site.wording import counted


def corrected_words(done: Corrected) -> str:
    """What correcting an address did, with what is left for the coordinator to do."""
    email = done.sent[0].to_email
    told = [f"{counted(len(done.sent), 'message')} will be sent to {email}."]
    if done.with_account:
        told.append("Their account has this address now: they sign in with a code sent to it.")
    links = [topic_words(each.topic) for each in done.dropped if not each.holds_a_code]
    if links:
        told.append(
            f"Not sent, because it holds a link only they may use: {', '.join(links)}. Tell them to"
            " sign in and answer on the page of their booking."
        )
    return " ".join(told)
