"""How often somebody asks is counted for a while only, however often that is."""

import secrets

from django.core.cache import caches

from booking.site.caching import ForgivingRedisCache, count


def test_a_number_lives_so_long_from_its_first_use() -> None:
    cache, key = caches["limits"], f"test:{secrets.token_hex(8)}"
    assert isinstance(cache, ForgivingRedisCache)
    assert [count(key, seconds=40), count(key, seconds=400), count(key, seconds=400)] == [1, 2, 3]
    client = cache._cache.get_client(None, write=True)
    assert 0 < client.ttl(cache.make_key(key)) <= 40
