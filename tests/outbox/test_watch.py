"""Monitoring is told when mail does not leave."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import structlog
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from booking.outbox.models import Message
from booking.outbox.watch import backlog, refusing_domains, warn_if_late, warn_of_refusals
from booking.replies.actions import note_mailbox
from booking.site.environment import ImapServer
from tests.factories import NOW
from tests.outbox.posting import post

pytestmark = pytest.mark.django_db


def test_the_oldest_message_that_has_not_left_counts(settings: Settings) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    assert backlog(now=NOW).oldest is None
    assert not backlog(now=NOW).is_late
    post("one")
    assert not backlog(now=NOW + timedelta(minutes=15)).is_late
    assert backlog(now=NOW + timedelta(minutes=15, seconds=1)).is_late
    Message.objects.update(state=Message.State.SENT)
    assert not backlog(now=NOW + timedelta(hours=2)).is_late


def test_what_waits_for_a_coordinator_is_counted_apart_and_hides_no_outage(
    settings: Settings,
) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    parked, behind, before, other = [post(name) for name in ("parked", "behind", "before", "other")]
    Message.objects.filter(pk=parked.pk).update(state=Message.State.PARKED)
    Message.objects.filter(pk=behind.pk).update(stream="parked")
    Message.objects.filter(pk__in=[before.pk, other.pk]).update(
        created_at=NOW + timedelta(minutes=110)
    )
    found = backlog(now=NOW + timedelta(hours=2))
    assert (found.waiting, found.held_back, found.parked) == (2, 1, 1)
    assert (found.age, found.parked_age) == (timedelta(minutes=10), timedelta(hours=2))
    assert not found.is_late
    # One that was put back stands before the parked one, and can leave.
    Message.objects.filter(pk=parked.pk).update(stream="x")
    Message.objects.filter(pk=other.pk).update(stream="y", state=Message.State.PARKED)
    Message.objects.filter(pk=before.pk).update(stream="y")
    found = backlog(now=NOW + timedelta(hours=3))
    assert (found.waiting, found.held_back, found.parked) == (2, 0, 2)
    assert found.is_late


def test_many_refusals_of_one_domain_raise_one_alert() -> None:
    for number in range(7):
        message = post(f"refused {number}")
        reason = "5.1.1 No such person" if number == 4 else "5.7.1 Blocked by policy"
        Message.objects.filter(pk=message.pk).update(
            state=Message.State.SENT,
            to_email=f"p{number % 6}@refusing.example",
            bounced_at=NOW,
            last_error=reason,
        )
        with structlog.testing.capture_logs() as lines:
            warn_of_refusals(now=NOW + timedelta(hours=1))
        assert len(lines) == (number >= 5)
    assert (lines[0]["event"], lines[0]["domain"]) == ("mail_is_refused", "refusing.example")
    assert refusing_domains(now=NOW + timedelta(days=2)) == []


def test_the_desk_says_in_a_sentence_who_refuses_and_folds_the_server_s_words(
    coordinator: Client,
) -> None:
    for number in range(5):
        Message.objects.filter(pk=post(f"refused {number}").pk).update(
            state=Message.State.SENT,
            to_email=f"p{number}@refusing.example",
            bounced_at=timezone.now(),
            last_error="5.7.1 550 5.7.1 Blocked by policy",
        )
    for name in ("manage", "manage_messages"):
        page = coordinator.get(reverse(name)).content.decode()
        alert = page.partition("Mail to refusing.example is refused")[2]
        sentence, _, after = alert.partition("</p>")
        assert "what we sent to 5 addresses there came back" in sentence
        assert "5.7.1" not in sentence
        assert "<details" in after.partition("“5.7.1 550 5.7.1 Blocked by policy”")[0]


def test_the_log_warns_without_saying_who(settings: Settings) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    post("one")
    with structlog.testing.capture_logs() as lines:
        warn_if_late(now=NOW + timedelta(minutes=1))
        assert lines == []
        warn_if_late(now=NOW + timedelta(minutes=30))
    [line] = lines
    assert line["log_level"] == "warning"
    assert (line["event"], line["oldest_minutes"], line["waiting"]) == ("mail_is_late", 30, 1)
    assert "agency.example" not in str(line)


def check() -> tuple[int, dict[str, Any]]:
    printed, code = StringIO(), 0
    try:
        call_command("check_delivery", stdout=printed)
    except SystemExit as left:
        code = int(left.code or 0)
    return code, json.loads(printed.getvalue())


def test_the_command_fails_while_mail_is_late(settings: Settings) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    code, line = check()
    assert (code, line["late"], line["oldest_minutes"]) == (0, False, 0)
    post("one")
    Message.objects.update(created_at=timezone.now() - timedelta(minutes=20))
    code, line = check()
    assert (code, line["late"], line["oldest_minutes"], line["waiting"]) == (1, True, 20, 1)


def test_the_command_does_not_fail_over_what_is_parked(settings: Settings) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    post("one")
    Message.objects.update(
        created_at=timezone.now() - timedelta(minutes=20), state=Message.State.PARKED
    )
    code, line = check()
    assert (code, line["late"], line["waiting"], line["oldest_minutes"]) == (0, False, 0, 0)
    assert (line["parked"], line["oldest_parked_minutes"]) == (1, 20)


@pytest.mark.parametrize(("minutes", "code"), [(None, 1), (14, 0), (16, 1)])
def test_the_command_fails_while_the_reply_mailbox_is_not_read(
    settings: Settings, minutes: int | None, code: int
) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    now = timezone.now()
    if minutes is not None:
        note_mailbox(trouble="", now=now - timedelta(minutes=minutes))
    note_mailbox(trouble="It refuses the password.", now=now)
    settings.REPLIES_MAILBOX = None
    assert check()[0] == 0
    assert check()[1]["replies"] is None
    settings.REPLIES_MAILBOX = ImapServer(
        host="imap.example", port=993, username="a", password="b", use_tls=False, use_ssl=True,
        folder="INBOX", done_folder="Done",
    )  # fmt: skip
    found, line = check()
    assert found == code
    assert line["replies"] == {
        "read_minutes_ago": minutes,
        "trouble": "It refuses the password.",
        "late": bool(code),
    }
    assert not line["late"]
