"""What the delivery desk reads."""

from collections.abc import Iterable, Mapping

from django.db.models import Q, QuerySet

from accounts.failing_mail import people_whose_mail_fails
from accounts.models import User
from booking.catalogue.models import Session
from booking.outbox.models import ACCOUNT_MAIL, Message
from booking.replies.models import mail_to_read

State = Message.State

# The states that the desk can show, by the name in its address.
DESK_FILTERS = {
    "all": "All unsent",
    "parked": "Parked",
    "retrying": "Being tried again",
    "waiting": "Waiting",
    "returned": "Came back",
    "sent": "Sent",
    "given-up": "Given up",
}
_CHOSEN = {
    "all": Q(state__in=Message.UNSETTLED),
    "parked": Q(state=State.PARKED),
    "retrying": Q(state__in=[State.WAITING, State.SENDING]) & ~Q(last_error=""),
    "waiting": Q(state__in=[State.WAITING, State.SENDING], last_error=""),
    "returned": Q(state=State.SENT, bounced_at__isnull=False),
    "sent": Q(state=State.SENT, bounced_at__isnull=True),
    "given-up": Q(state__in=[State.DROPPED, State.SUPERSEDED]),
}
_NEWEST_FIRST = frozenset({"returned", "sent", "given-up"})

# Mail to trainers, and of a new date, is about a session and about nobody's booking.
_ABOUT_A_SESSION = "session:"


def sessions_about(messages: Iterable[Message]) -> Mapping[int, Session]:
    """Which session each message is about, by the message's key; nothing for mail about accounts.

    The messages come with their bookings. Costs one statement at most.
    """
    found: dict[int, Session] = {}
    without_booking: dict[int, int] = {}
    for message in messages:
        if message.booking is not None:
            found[message.pk] = message.booking.session
        elif message.subject_key.startswith(_ABOUT_A_SESSION):
            without_booking[message.pk] = int(message.subject_key.removeprefix(_ABOUT_A_SESSION))
    if without_booking:
        sessions = Session.objects.select_related("course").in_bulk(set(without_booking.values()))
        found |= {
            key: sessions[about] for key, about in without_booking.items() if about in sessions
        }
    return found


def messages_on_desk(*, show: str, search: str, session: str) -> QuerySet[Message]:
    """The mail of one filter, about one session if its reference is given.

    Every word of `search` must occur in the address or in the name of the person; mail about an
    account belongs to whose address it is. What waits comes oldest first, what is over newest
    first.
    """
    chosen = Message.objects.filter(_CHOSEN[show]).select_related("recipient", "booking__session")
    for word in search.split():
        named = User.objects.filter(Q(first_name__icontains=word) | Q(last_name__icontains=word))
        chosen = chosen.filter(
            Q(to_email__icontains=word)
            | Q(recipient__first_name__icontains=word)
            | Q(recipient__last_name__icontains=word)
            | Q(recipient__email__icontains=word)
            | Q(topic=ACCOUNT_MAIL, to_email__in=named.values("email"))
        )
    if session:
        keys = Session.objects.filter(reference__iexact=session).values_list("pk", flat=True)
        about_it = [f"{_ABOUT_A_SESSION}{key}" for key in keys]
        chosen = chosen.filter(
            Q(booking__session__reference__iexact=session) | Q(subject_key__in=about_it)
        )
    # The text of a mail can hold a sign-in code; the desk does not read it.
    return chosen.defer("mime", "payload").order_by("-id" if show in _NEWEST_FIRST else "id")


def mail_counts() -> dict[str, int]:
    """What of the mail waits for a coordinator, beside its links. Costs two statements."""
    return {"to_be_read": mail_to_read().count(), "failing": people_whose_mail_fails().count()}
