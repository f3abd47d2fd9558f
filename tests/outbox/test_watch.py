"""Monitoring is told when mail does not leave."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import structlog
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from pytest_django import Settings

from booking.outbox import actions
from booking.outbox.models import Message
from booking.outbox.watch import backlog, warn_if_late
from tests.factories import NOW

pytestmark = pytest.mark.django_db


def post(name: str) -> Message:
    draft = actions.Draft(
        topic="test", subject_key=name, revision="0", stream=name, to_email="a@agency.example"
    )
    with transaction.atomic():
        actions.post([draft], now=NOW)
    return Message.objects.get(subject_key=name)


def test_the_oldest_message_that_has_not_left_counts(settings: Settings) -> None:
    settings.MAIL_ALERT_MINUTES = 15
    assert backlog(now=NOW).oldest is None
    assert not backlog(now=NOW).is_late
    post("one")
    assert not backlog(now=NOW + timedelta(minutes=15)).is_late
    assert backlog(now=NOW + timedelta(minutes=15, seconds=1)).is_late
    Message.objects.update(state=Message.State.PARKED)
    found = backlog(now=NOW + timedelta(hours=2))
    assert (found.waiting, found.parked, found.is_late) == (0, 1, True)
    Message.objects.update(state=Message.State.SENT)
    assert not backlog(now=NOW + timedelta(hours=2)).is_late


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
