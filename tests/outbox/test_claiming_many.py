"""Claiming takes work in step with what waits, also when the database expected nothing to wait."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from booking.outbox.delivery import BATCH, claim
from booking.outbox.models import Message
from tests.factories import NOW

pytestmark = pytest.mark.django_db

_MANY = 3_000


def written(state: Message.State) -> None:
    """Messages that are all in this state, each of a stream of its own."""
    about = ("topic", "revision", "to_email", "state", "created_at", "due_at")
    values = dict(
        zip(about, ("reminder.days", "0", "ada@agency.example", state, NOW, NOW), strict=True)
    )
    Message.objects.bulk_create(
        Message(subject_key=key, stream=key, message_id=f"<{key}@x.example>", **values)
        for key in (f"{state} {number}" for number in range(_MANY))
    )


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every step of a plan that was carried out."""
    yield plan
    for each in plan.get("Plans", ()):
        yield from nodes(each)


def test_what_is_posted_at_once_is_claimed_though_nothing_waited_when_it_was_planned() -> None:
    written(Message.State.SENT)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE booking_message")
    written(Message.State.WAITING)
    with CaptureQueriesContext(connection) as asked:
        assert len(claim(now=NOW)) == BATCH
    looks = [each["sql"] for each in asked if "SKIP LOCKED" in each["sql"]]
    assert looks
    for look in looks:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {look}")
            [[found]] = cursor.fetchall()
        plan = found if isinstance(found, list) else json.loads(found)
        rows = sum(
            (each["Actual Rows"] + each.get("Rows Removed by Join Filter", 0))
            * each["Actual Loops"]
            for each in nodes(plan[0]["Plan"])
        )
        assert rows < 20 * _MANY
