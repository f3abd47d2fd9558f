"""Mail to be sent, made by the thousand, and whether each of it arrived once."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from accounts.models import User
from booking.outbox.models import Message
from booking.places.models import Booking
from tests.faults.mail_server import TakenMail
from tests.faults.report import Row
from tests.faults.site import Site
from tests.load import crowd
from tests.load.statements import pairs

ON_THE_WAY = (Message.State.WAITING, Message.State.SENDING)


def begin_anew(site: Site, *, people: int) -> None:
    """Empty tables, so many people, nothing in Redis, and a mail server that has seen nothing."""
    crowd.clear()
    crowd.populate(crowd.Size(people=people, upcoming=1, past=1, bookings_each=0))
    site.mail.forget()


def people_of(count: int) -> list[User]:
    """The first people."""
    return list(User.objects.order_by("pk")[:count])


def post_confirmations(count: int) -> None:
    """Confirmations with an invitation each, written to the outbox as bookings write them."""
    first = Message.objects.count()
    keys = list(User.objects.order_by("pk").values_list("pk", flat=True)[:count])
    assert len(keys) == count, "there are too few people"
    session = crowd.add_session(capacity=count, days_ahead=200 + first % 1000)
    crowd.add_bookings(pairs(keys, [session.pk]), told="waiting")


def on_the_way() -> int:
    """How many messages are neither sent nor parked, superseded or dropped."""
    return Message.objects.filter(state__in=ON_THE_WAY).count()


def nothing_on_the_way() -> bool:
    """Whether every message is settled, or parked for a coordinator."""
    return not Message.objects.filter(state__in=ON_THE_WAY).exists()


def settle(
    row: Row, taken: Sequence[TakenMail], *, most_duplicates: int = 0, parked: int = 0
) -> None:
    """Every message was taken by the mail server, and no more than so many of them twice.

    A duplicate must be byte for byte the same; `parked` is how many must wait for a coordinator.
    Every booking must have a message, or nobody would have missed a mail.
    """
    times = Counter(mail.message_id for mail in taken)
    forms: defaultdict[str, set[str]] = defaultdict(set)
    for mail in taken:
        forms[mail.message_id].add(mail.digest)
    rows = dict(Message.objects.values_list("message_id", "state"))
    shown = {key for key, state in rows.items() if state == Message.State.PARKED}
    lost = [key for key in rows if key not in times and key not in shown]
    row.lost += len(lost)
    row.duplicated += sum(times.values()) - len(times)
    row.expect(not lost, f"{len(lost)} of {len(rows)} messages never arrived")
    row.expect_equal("messages parked", len(shown), parked)
    untold = Booking.objects.filter(messages=None).count()
    row.lost += untold
    row.expect_equal("bookings without a message", untold, 0)
    row.expect_equal("mails that nobody posted", len(set(times) - set(rows)), 0)
    row.expect(
        row.duplicated <= most_duplicates,
        f"{row.duplicated} duplicates, where {most_duplicates} can be explained",
    )
    differing = sum(len(digests) > 1 for digests in forms.values())
    row.expect_equal("duplicates that differ from their original", differing, 0)
    unmarked = sum(rows[key] != Message.State.SENT for key in times if key in rows)
    row.expect_equal("messages that arrived and are not marked as sent", unmarked, 0)


def parked() -> int:
    """How many messages wait for a coordinator."""
    return Message.objects.filter(state=Message.State.PARKED).count()


def keys_of(taken: Iterable[TakenMail]) -> set[str]:
    """The Message-IDs of mails."""
    return {mail.message_id for mail in taken}
