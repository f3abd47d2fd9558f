"""Confirmations with invitations, delivered to a mail server in another process."""

import time
from email import message_from_bytes, policy
from email.message import EmailMessage
from statistics import fmean

from django.core.mail import EmailMultiAlternatives, mailers

from accounts.models import User
from booking.mail.composing import compose
from booking.outbox.delivery import deliver
from booking.outbox.models import Message
from booking.outbox.smtp import SmtpConnection
from tests.load import crowd
from tests.load.counting import Counting
from tests.load.report import Line, Target
from tests.load.statements import pairs
from tests.load.together import in_processes, meet

_AT_LEAST = 100
# Each measured between two of the reference, since the speed of a machine changes meanwhile.
_ROUNDS = 4


def measure(count: int) -> list[Line]:
    """So many confirmations by one and by two delivering processes, beside Django's own backend."""
    lines = []
    for processes in (1, 2):
        references, seconds, statements = [_django_alone(count // _ROUNDS)], 0.0, 0
        for _ in range(_ROUNDS):
            keys = post_confirmations(count // _ROUNDS)
            took = in_processes(processes, _deliver_all)
            sent = Message.objects.filter(pk__in=keys, state=Message.State.SENT).count()
            assert sent == len(keys), f"{sent} of {len(keys)} were sent"
            seconds += max(each[1] for each in took) - min(each[0] for each in took)
            statements += sum(each[2] for each in took)
            references.append(_django_alone(count // _ROUNDS))
        rate = count / seconds
        lines.append(
            Line(
                name=f"confirmations delivered, {processes} process{'es' * (processes > 1)}",
                rate=rate,
                sql=f"{statements / count:.1f}",
                reference="Django's SMTP backend, parts prepared",
                reference_rate=fmean(references),
                target=Target(words=f"rate >= {_AT_LEAST}", met=rate >= _AT_LEAST),
            )
        )
    return lines


def post_confirmations(count: int) -> list[int]:
    """Post confirmations and nothing else; their keys."""
    crowd.nothing_to_send()
    session = crowd.add_session(capacity=count, days_ahead=700)
    people = list(User.objects.order_by("-pk").values_list("pk", flat=True)[:count])
    crowd.add_bookings(pairs(people, [session.pk]), told="waiting")
    return list(Message.objects.unsettled().values_list("pk", flat=True))


def _deliver_all(number: int) -> tuple[float, float, int]:
    """Deliver until nothing is due: when that began and ended, and the statements it took.

    A worker has its templates and its connections from the mails before, as the reference has.
    """
    post = SmtpConnection()
    assert dict(compose(list(Message.objects.unsettled()[:1])))
    post.open()
    with Counting() as counting:
        meet()
        began = time.monotonic()
        while deliver(compose=compose, post=post):
            pass
        ended = time.monotonic()
    post.close()
    return began, ended, len(counting.statements)


def _django_alone(count: int) -> float:
    """Mails a second by Django's backend and one connection, every part written beforehand."""
    keys = post_confirmations(1)
    composed = compose(list(Message.objects.filter(pk__in=keys)))[keys[0]]
    assert isinstance(composed, bytes), composed
    sample = message_from_bytes(composed, policy=policy.default)
    assert isinstance(sample, EmailMessage)
    text, html, calendar = (part.get_content() for part in sample.walk() if not part.is_multipart())
    if isinstance(calendar, bytes):
        calendar = calendar.decode()
    mailer = mailers["smtp"]
    mailer.open()
    began = time.perf_counter()
    for number in range(count):
        mail = EmailMultiAlternatives(
            str(sample["Subject"]), text, str(sample["From"]), [f"person{number}@agency.example"]
        )
        mail.attach_alternative(html, "text/html")
        mail.attach_alternative(calendar, "text/calendar; method=REQUEST")
        mailer.send_messages([mail])
    seconds = time.perf_counter() - began
    mailer.close()
    return count / seconds
