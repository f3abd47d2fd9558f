"""Caches that the site can lose without anybody noticing: numbers in Redis, pages in a process."""

import time
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import structlog
from django.core.cache import caches
from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.utils.cache import add_never_cache_headers
from django.utils.functional import SimpleLazyObject
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

_SECONDS_BETWEEN_TRIES = 2.0
_COUNT = """
local times = redis.call('INCR', KEYS[1])
if times == 1 then redis.call('EXPIRE', KEYS[1], ARGV[1]) end
return times
"""

log = structlog.get_logger(__name__)


class ForgivingRedisCache(RedisCache):
    """Redis as a cache whose counting, while Redis is away, finds nothing.

    The forms that pages are sent are counted here. With Redis away they are not, and pages go on
    working: a booking matters more than a limit. Signing in counts in PostgreSQL.
    """

    _away_until = 0.0

    @cached_property
    def _counting(self) -> Any:
        """A client that is kept: one made for each count takes longer than Redis to answer it."""
        return self._cache.get_client(None, write=True)

    def forgiving(self, otherwise: Any, call: Callable[[], Any]) -> Any:
        """What the call returns; while Redis is away, the other."""
        # As Django does: who only looks at a page asks Redis for nothing.
        from redis.exceptions import ConnectionError as RedisAway
        from redis.exceptions import TimeoutError as RedisSlow

        if time.monotonic() < ForgivingRedisCache._away_until:
            return otherwise
        try:
            return call()
        except (RedisAway, RedisSlow):
            # Do not make every request wait for a server that does not answer.
            ForgivingRedisCache._away_until = time.monotonic() + _SECONDS_BETWEEN_TRIES
            log.warning("cache_unreachable")
            return otherwise

    def count(self, key: str, *, seconds: int) -> int:
        """Add one to a number that lives this many seconds from its first use, in one round trip.

        Returns the number; 0 while Redis is away.
        """
        name = self.make_and_validate_key(key)
        return int(self.forgiving(0, lambda: self._counting.eval(_COUNT, 1, name, seconds)))


def remark(key: str, words: str, *, seconds: int) -> None:
    """Have `remarked` say this for so long, in every process; lost while Redis is away."""
    shared = caches["limits"]
    if isinstance(shared, ForgivingRedisCache):
        shared.forgiving(None, lambda: shared.set(key, words, seconds))


def remarked(key: str) -> str:
    """The words of the last `remark`, if they are still there."""
    shared = caches["limits"]
    found = isinstance(shared, ForgivingRedisCache) and shared.forgiving(
        "", lambda: shared.get(key)
    )
    return str(found or "")


def count(key: str, *, seconds: int) -> int:
    """As `ForgivingRedisCache.count`, on the cache of the limits."""
    shared = caches["limits"]
    if not isinstance(shared, ForgivingRedisCache):
        raise ImproperlyConfigured("Rate limits are counted in Redis.")
    return shared.count(key, seconds=seconds)


def unkept(response: HttpResponse) -> HttpResponse:
    """Not to be stored by a browser or proxy: who goes back after booking sees the places left."""
    if "no-store" not in response.headers.get("Cache-Control", ""):
        add_never_cache_headers(response)
    return response


class RememberedStaticFiles(CompressedManifestStaticFilesStorage):
    """Static files whose addresses are worked out once in a process, as no file changes in it.

    A page names some twenty, and each would be looked up in the manifest and quoted anew.
    """

    @cached_property
    def _addresses(self) -> dict[str | None, str]:
        return {}

    def url(self, name: Any, force: bool = False) -> str:
        """As Django's; `force` asks for the manifest's name also where it would not be used."""
        if force:
            return str(super().url(name, force))
        if name not in self._addresses:
            self._addresses[name] = str(super().url(name))
        return self._addresses[name]


class StaticFilesWhenAsked(WhiteNoiseMiddleware):
    """Static files whose headers are put together when somebody first asks for the file.

    There are hundreds, of which most are never asked for.
    """

    def get_static_file(self, *about: Any, **more: Any) -> Any:
        """As WhiteNoise's, when it is used."""
        return SimpleLazyObject(partial(super().get_static_file, *about, **more))
