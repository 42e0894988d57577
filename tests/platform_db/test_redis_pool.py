"""Redis as the house reaches it: it stops when told to, and waits no longer than it said."""

import asyncio

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeout

from yundian.platform.core.settings import Settings
from yundian.platform.db import redis_pool

pytestmark = pytest.mark.anyio

# More turns of the loop than a command takes.
_TURNS = 60


async def test_a_cancellation_is_never_lost_whenever_it_comes(settings: Settings) -> None:
    """redis-py on Python 3.11 loses every fourth one: the worker then waits for its periodic work for ever."""
    redis = Redis.from_pool(redis_pool.open_redis_pool(settings))
    await redis.ping()
    survived: list[int] = []

    async def work(turns: int) -> None:
        while True:
            await redis.time()
            if (task := asyncio.current_task()) is not None and task.cancelling():
                survived.append(turns)
                return

    for turns in [*range(_TURNS)] * 5:
        task = asyncio.create_task(work(turns))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
    await redis.aclose()
    assert survived == []


async def test_a_server_that_does_not_answer_is_given_up_in_time(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_pool, "ANSWER_S", 0.2)
    async with Redis.from_pool(redis_pool.open_redis_pool(settings)) as redis:
        await redis.ping()
        with pytest.raises(RedisTimeout, match="no answer"):
            await redis.blpop(["test.nobody.pushes"], timeout=30)  # type: ignore[misc]
        # The connection with the late answer on it is not used again.
        assert await redis.ping() is True


async def test_a_listener_without_news_hears_nothing_and_stays(settings: Settings) -> None:
    async with Redis.from_pool(redis_pool.open_redis_pool(settings)) as redis, redis.pubsub() as channel:
        await channel.subscribe("test.news")
        assert await channel.get_message(ignore_subscribe_messages=True, timeout=0.3) is None
        await redis.publish("test.news", b"1")
        message = await channel.get_message(ignore_subscribe_messages=True, timeout=5)
        assert message is not None
        assert message["data"] == b"1"


async def test_encrypted_addresses_are_patient_too(settings: Settings) -> None:
    encrypted = settings.model_copy(update={"redis_url": "rediss://127.0.0.1:1/0"})
    pool = redis_pool.open_redis_pool(encrypted)
    assert issubclass(pool.connection_class, redis_pool.PatientSSLConnection)
    with pytest.raises(RedisConnectionError):
        await Redis.from_pool(pool).ping()
