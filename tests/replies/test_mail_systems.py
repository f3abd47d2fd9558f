"""Mails of some sixty systems: every report is matched, nothing else is taken for one."""

import sys
from collections import Counter

import pytest

from booking.outbox.models import MessageEvent
from booking.replies.models import CalendarReply, ReceivedMail
from tests.replies.receiving import State, receive, sent_confirmation
from tests.replies.systems import MAILS, Sent

pytestmark = pytest.mark.django_db

Kind, What = ReceivedMail.Kind, MessageEvent.What
REPORTS = {
    "matched": (State.DONE, What.CAME_BACK),
    "late": (State.DONE, What.DELAYED),
    "doubted": (State.LISTED, What.MAY_HAVE_COME_BACK),
}


def wrong_with(sent: Sent, *, number: int) -> str:
    """What is wrong with how a mail is read; empty if nothing is."""
    message = sent_confirmation()
    receive(sent.about(message, number=number))
    received = ReceivedMail.objects.latest("pk")
    events = [each.what for each in message.events.all()]
    found = f"{sent}: {received.state} as {received.kind}, {events}, {received.why}"
    if sent.kind in REPORTS:
        state, event = REPORTS[sent.kind]
        is_right = (received.state, received.kind, events) == (state, Kind.REPORT, [event])
    elif sent.kind == "listed":
        is_right = received.state == State.LISTED and not events
    elif sent.kind in (Kind.NOTICE, Kind.RECEIPT):
        is_right = (received.state, received.kind, events) == (State.DONE, sent.kind, [])
    else:
        answered = CalendarReply.objects.filter(booking=message.booking)
        said = [each.partstat.upper() for each in answered]
        is_right = (received.state, received.kind, said) == (State.DONE, Kind.ANSWER, [sent.kind])
    return "" if is_right else found


def test_every_mail_is_read_as_what_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    wrong = [found for at, each in enumerate(MAILS) if (found := wrong_with(each, number=at))]
    kinds = Counter(each.kind for each in MAILS)
    systems = {each.system.partition(",")[0] for each in MAILS}
    with capsys.disabled():
        sys.stdout.write(f"\n{len(MAILS)} mails of {len(systems)} systems, {dict(kinds)}:")
        sys.stdout.write(f" {len(wrong)} misread\n")
    assert not wrong, "\n".join(wrong)
    assert len(MAILS) >= 120
    assert len(systems) >= 30
