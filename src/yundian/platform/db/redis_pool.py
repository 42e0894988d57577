"""Connections to Redis whose waiting ends in time and which never lose a cancellation.

redis-py gives a write ``socket_timeout`` by ``asyncio.wait_for``, which in Python 3.11 swallows a cancellation
that comes while its task ends (python/cpython#86296, mended in 3.12): every fourth cancelled command went on as
if nobody had asked, and a worker told to stop waited for that loop for ever. These connections have no
``socket_timeout``; ``asyncio.timeout`` around each write and each answer takes its place.
"""

import asyncio
from typing import Any

from redis.asyncio import Connection, ConnectionPool, SSLConnection
from redis.exceptions import TimeoutError as RedisTimeout

from yundian.platform.core.settings import Settings

CONNECT_S = 2.0
ANSWER_S = 5.0
_HEALTH_CHECK_S = 30


class _Patient:
    """What both kinds of connection do; redis-py closes the connection when it is cancelled."""

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        try:
            async with asyncio.timeout(ANSWER_S):
                await super().send_packed_command(command, check_health)  # type: ignore[misc]
        except TimeoutError as error:
            raise RedisTimeout(f"nothing written within {ANSWER_S:.0f} s") from error

    async def read_response(self, *args: Any, **options: Any) -> Any:
        if options.get("timeout") is not None:  # a listener's poll: no answer is an answer
            return await super().read_response(*args, **options)  # type: ignore[misc]
        try:
            async with asyncio.timeout(ANSWER_S):
                return await super().read_response(*args, **options)  # type: ignore[misc]
        except TimeoutError as error:
            raise RedisTimeout(f"no answer within {ANSWER_S:.0f} s") from error


class PatientConnection(_Patient, Connection):
    """redis://"""


class PatientSSLConnection(_Patient, SSLConnection):
    """rediss://"""


def open_redis_pool(settings: Settings) -> ConnectionPool:
    """A pool for a client of redis-py or arq; connects when first used. Close it with the client."""
    pool = ConnectionPool.from_url(
        settings.redis_url, socket_connect_timeout=CONNECT_S, health_check_interval=_HEALTH_CHECK_S
    )
    is_tls = issubclass(pool.connection_class, SSLConnection)
    pool.connection_class = PatientSSLConnection if is_tls else PatientConnection
    return pool
