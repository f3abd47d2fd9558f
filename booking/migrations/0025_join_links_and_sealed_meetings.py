"""Everybody gets a join link of their own, and the addresses of meetings are sealed.

Nobody is written to. Mails and calendars of sessions ahead hold the address itself: the next
change of it tells their people, see docs/decisions/0014-a-join-link-is-a-person.md.
"""

import django.db.models.deletion
from django.apps.registry import Apps
from django.db import migrations, models
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

import booking.attendance.models
import booking.places.models
import booking.site.sealing
from booking.site.sealing import Sealed

_BATCH = 500
_KEYS = """
UPDATE booking_booking SET join_key = replace(gen_random_uuid()::text, '-', '')
"""
# Of each change of a join link that a message tells: no address any more.
_PAYLOADS = """
UPDATE booking_message SET payload = jsonb_set(payload, '{changes}', (
    SELECT jsonb_agg(
        CASE WHEN told ->> 'matter' = 'join link'
        THEN told || '{"before": "one for everybody", "after": "one of your own, in this email"}'
        ELSE told END ORDER BY place)
    FROM jsonb_array_elements(payload -> 'changes') WITH ORDINALITY AS each (told, place)))
WHERE payload -> 'changes' @> '[{"matter": "join link"}]'
"""
# What rows have still to be checked for, before their table changes again.
_SETTLED = "SET CONSTRAINTS ALL IMMEDIATE"
_OPEN = """
UPDATE booking_session SET sent_openly = true
WHERE state = 'published' AND delivery = 'online' AND ends_at > now() AND join_url <> ''
"""


def seal(apps: Apps, _: BaseDatabaseSchemaEditor) -> None:
    """Seal every address that there is."""
    sessions = apps.get_model("booking", "Session").objects.exclude(join_url="")
    for keys in _batches(list(sessions.order_by("pk").values_list("pk", flat=True))):
        batch = list(sessions.filter(pk__in=keys))
        for session in batch:
            session.meeting = Sealed.of(session.join_url)
        sessions.bulk_update(batch, ["meeting"])


def _batches(keys: list[int]) -> list[list[int]]:
    return [keys[first : first + _BATCH] for first in range(0, len(keys), _BATCH)]


class Migration(migrations.Migration):
    dependencies = [
        ('booking', '0024_levels_in_an_order'),
    ]

    operations = [
        migrations.AddField(
            model_name="session",
            name="meeting",
            field=booking.site.sealing.SealedField("meeting address"),
        ),
        migrations.AddField(
            model_name="session",
            name="sent_openly",
            field=models.BooleanField(
                default=False,
                editable=False,
                help_text="Mails and calendars hold the meeting's address itself, from before"
                " everybody had a join link of their own.",
            ),
        ),
        migrations.RunPython(seal),
        migrations.RunSQL([_OPEN, _PAYLOADS, _SETTLED]),
        migrations.RemoveField(model_name="session", name="join_url"),
        migrations.AddField(
            model_name="booking",
            name="join_key",
            field=models.CharField(max_length=32, null=True),
        ),
        migrations.RunSQL([_KEYS, _SETTLED]),
        migrations.AlterField(
            model_name="booking",
            name="join_key",
            field=models.CharField(
                default=booking.places.models.new_join_key,
                help_text="What its join link signs.",
                max_length=32,
                unique=True,
            ),
        ),
    ]
