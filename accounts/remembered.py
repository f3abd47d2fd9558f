"""What signing in has to remember for a while: how often something was tried, codes already used.

It stands in PostgreSQL and not in Redis, because a limit that is gone while Redis is away limits
nobody who waits for that. django-allauth counts in the cache named `default`, which is this one.
"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import caches
from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.utils import timezone

from accounts.models import Remembered

_NEVER = timedelta(days=365)

# Of all who come at the same moment with one key, one alone is told that it was not there.
_ADD = """
    INSERT INTO accounts_remembered AS kept (key, value, expires_at) VALUES (%s, %s, %s)
    ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, expires_at = EXCLUDED.expires_at
    WHERE kept.expires_at <= %s
    RETURNING 1
"""
_COUNT = """
    INSERT INTO accounts_remembered AS kept (key, value, expires_at) VALUES (%s, '1', %s)
    ON CONFLICT (key) DO UPDATE SET
        value = CASE WHEN kept.expires_at <= %s THEN '1'
                     ELSE to_jsonb(kept.value::integer + 1) END,
        expires_at = CASE WHEN kept.expires_at <= %s THEN EXCLUDED.expires_at
                          ELSE kept.expires_at END
    RETURNING value::integer
"""


class DatabaseMemory(BaseCache):
    """A cache in one table. Each of its acts is one statement; values are what JSON can say."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> bool:
        """Keep the value unless there is one. Whether there was none."""
        name = self.make_and_validate_key(key, version)
        with connection.cursor() as cursor:
            cursor.execute(_ADD, [name, json.dumps(value), self._end(timeout), timezone.now()])
            return cursor.fetchone() is not None

    def get(self, key: Any, default: Any = None, version: Any = None) -> Any:
        """The value, or the default."""
        name = self.make_and_validate_key(key, version)
        live = Remembered.objects.filter(key=name, expires_at__gt=timezone.now())
        found = live.values_list("value", flat=True).first()
        return default if found is None else found

    def set(
        self, key: Any, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: Any = None
    ) -> None:
        """Keep the value, whatever was there."""
        name = self.make_and_validate_key(key, version)
        Remembered.objects.bulk_create(
            [Remembered(key=name, value=value, expires_at=self._end(timeout))],
            update_conflicts=True,
            unique_fields=["key"],
            update_fields=["value", "expires_at"],
        )

    def delete(self, key: Any, version: Any = None) -> bool:
        """Forget the value. Whether there was one."""
        name = self.make_and_validate_key(key, version)
        return Remembered.objects.filter(key=name).delete()[0] > 0

    def clear(self) -> None:
        """Forget everything."""
        Remembered.objects.all().delete()

    def count(self, key: str, *, seconds: int) -> int:
        """Add one to a number that lives this many seconds from its first use. Returns it."""
        name, now = self.make_and_validate_key(key), timezone.now()
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [name, now + timedelta(seconds=seconds), now, now])
            return int(cursor.fetchone()[0])

    def _end(self, timeout: Any) -> datetime:
        end = self.get_backend_timeout(timeout)
        return timezone.now() + _NEVER if end is None else datetime.fromtimestamp(end, UTC)


def tries(key: str, *, seconds: int) -> int:
    """How often this was called with the key, this time too, within so many seconds of the first.

    Of calls at the same moment each is told another number.
    """
    memory = caches["default"]
    if not isinstance(memory, DatabaseMemory):
        raise ImproperlyConfigured("Attempts to sign in are counted in PostgreSQL.")
    return memory.count(key, seconds=seconds)


def forget_expired(*, now: datetime) -> int:
    """Delete what need not be remembered any more. Returns how many rows."""
    return Remembered.objects.filter(expires_at__lte=now).delete()[0]
