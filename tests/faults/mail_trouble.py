"""A mail server that is away, refuses, hangs or drops the line; and mail that cannot be sent."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.core.mail import mailers
from django.core.mail.backends.smtp import EmailBackend
from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from booking.outbox import remedies
from booking.outbox.models import Message
from tests.faults.accounts_of_mail import (
    begin_anew,
    nothing_on_the_way,
    on_the_way,
    parked,
    post_confirmations,
    settle,
)
from tests.faults.mail_server import Manner
from tests.faults.proxy import Line
from tests.faults.report import Row
from tests.faults.scale import Scale
from tests.faults.site import STARTED_WITHIN, Programs, Site, wait_until
from tests.load import client, crowd
from tests.load.client import Script

_MINUTES = 180.0


@dataclass(frozen=True)
class _Trouble:
    """What is wrong with the mail server, and whether it takes mail without saying so."""

    name: str
    begin: Callable[[Site], None]
    takes_silently: bool = False
    goes_on: bool = False
    # There is no answer at all, which is noticed when the time for one is over.
    gives_no_answer: bool = False


def _line(line: Line) -> Callable[[Site], None]:
    def begin(site: Site) -> None:
        site.smtp.line = line
        if line is Line.REFUSING:
            site.smtp.cut()

    return begin


def _manner(manner: Manner) -> Callable[[Site], None]:
    def begin(site: Site) -> None:
        site.mail.manner = manner

    return begin


def _slow(site: Site) -> None:
    site.mail.pause = 0.5


def _end(site: Site) -> None:
    site.smtp.line = Line.OPEN
    site.mail.manner, site.mail.pause = Manner.ACCEPTING, 0.0


_TROUBLES = (
    _Trouble("SMTP down", _line(Line.REFUSING)),
    _Trouble("SMTP silent", _line(Line.SWALLOWING), gives_no_answer=True),
    _Trouble("SMTP 4xx", _manner(Manner.REFUSING_FOR_NOW)),
    _Trouble("SMTP 421 and closed", _manner(Manner.CLOSING)),
    _Trouble("SMTP hanging in DATA", _manner(Manner.HANGING), gives_no_answer=True),
    _Trouble("SMTP dropped before 250", _manner(Manner.DROPPING_BEFORE_REPLY), takes_silently=True),
    _Trouble("SMTP dropped after 250", _manner(Manner.DROPPING_AFTER_REPLY), goes_on=True),
    _Trouble("SMTP slow", _slow, goes_on=True),
)


def server_trouble(site: Site, scale: Scale) -> list[Row]:
    """Every kind of trouble, one after the other, with the same programs throughout."""
    begin_anew(site, people=1_000)
    with site.worker_and_beat() as programs:
        post_confirmations(20)
        wait_until(nothing_on_the_way, *programs.all, seconds=STARTED_WITHIN)
        return [_tried(trouble, site, programs, scale) for trouble in _TROUBLES]


def _tried(trouble: _Trouble, site: Site, programs: Programs, scale: Scale) -> Row:
    count, seconds = scale.messages_waiting, scale.mail_outage
    if trouble.gives_no_answer:
        seconds = max(seconds, _longer_than_anybody_waits())
    row = Row(trouble.name, f"{count:,} messages, {seconds:.0f} s")
    begin_anew(site, people=1_000)
    trouble.begin(site)
    post_confirmations(count)
    time.sleep(seconds)
    left, taken = on_the_way(), len(site.mail.taken)
    _end(site)
    row.took(wait_until(nothing_on_the_way, *programs.all, seconds=2 * _MINUTES), at_most=_MINUTES)
    settle(row, site.mail.taken, most_duplicates=taken if trouble.takes_silently else 0)
    if trouble.goes_on:
        row.notes.append(f"{count - left:,} of {count:,} left during the trouble.")
    else:
        row.expect_equal("waiting when it ended", left, count)
    return row


def _longer_than_anybody_waits() -> float:
    """A little more than a worker waits for an answer, in seconds."""
    mailer = mailers["smtp"]
    assert isinstance(mailer, EmailBackend), "mail goes by SMTP"
    assert mailer.timeout is not None, "a worker would wait for ever"
    return mailer.timeout + 5


def refused_for_good(site: Site, scale: Scale) -> list[Row]:
    """5xx: tried once, parked, shown, and sent when a coordinator says so."""
    count = scale.messages_waiting // 5
    row = Row("SMTP 5xx", f"{count:,} messages")
    begin_anew(site, people=1_000)
    with site.worker_and_beat() as programs:
        site.mail.manner = Manner.REFUSING_FOR_GOOD
        post_confirmations(count)
        wait_until(lambda: parked() == count, *programs.all, seconds=STARTED_WITHIN)
        # Long enough for a first retry, if there were one.
        time.sleep(15)
        row.expect_equal("tries of each", set(site.mail.handed_over.values()), {1})
        with site.web() as web:
            _expect_shown(row, web.port)
        site.mail.manner = Manner.ACCEPTING
        coordinator = User.objects.order_by("-pk")[0]
        for message in Message.objects.filter(state=Message.State.PARKED):
            remedies.retry(message=message, by=coordinator, now=timezone.now())
        row.took(wait_until(nothing_on_the_way, *programs.all, seconds=_MINUTES), at_most=_MINUTES)
    settle(row, site.mail.taken)
    return [row]


def poison(site: Site, scale: Scale) -> list[Row]:
    """One message in 1,000 that cannot be composed: it is parked and shown, the others leave."""
    row = Row("poison message", "1 in 1,000")
    begin_anew(site, people=1_000)
    post_confirmations(1_000)
    bad = Message.objects.order_by("pk")[500]
    Message.objects.filter(pk=bad.pk).update(payload={"event": {}})
    with site.worker_and_beat() as programs:
        took = wait_until(nothing_on_the_way, *programs.all, seconds=_MINUTES)
        row.took(took, at_most=_MINUTES)
        with site.web() as web:
            _expect_shown(row, web.port)
    settle(row, site.mail.taken, parked=1)
    row.expect_equal("delivered", len(site.mail.taken), 999)
    bad.refresh_from_db()
    row.expect_equal("the poison", bad.state, Message.State.PARKED)
    return [row]


def _expect_shown(row: Row, port: int) -> None:
    """A coordinator sees a parked message on the page of messages."""
    message = Message.objects.filter(state=Message.State.PARKED).order_by("pk")[0]
    coordinator = User.objects.order_by("-pk")[0]
    User.objects.filter(pk=coordinator.pk).update(is_coordinator=True)
    coordinator.refresh_from_db()
    [cookies] = crowd.sign_in([coordinator])
    pages: list[tuple[int, bytes]] = []

    def look() -> Script:
        answer = yield client.get(reverse("manage_messages"), cookies=cookies)
        pages.append((answer.status, answer.body))

    client.run(port, [look()])
    [(status, body)] = pages
    row.expect_equal("the coordinators' page", status, 200)
    row.expect(message.to_email.encode() in body, "a parked message is not shown")
