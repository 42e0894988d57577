"""The connections one process holds; made once at its start, closed at its end."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from redis.asyncio import Redis

from yundian.platform.core.crypto import Keyring
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database


@dataclass(frozen=True, slots=True)
class Services:
    """What web requests, jobs and commands reach the outside through."""

    settings: Settings
    database: Database
    redis: Redis
    keyring: Keyring


@contextlib.asynccontextmanager
async def open_services(settings: Settings) -> AsyncGenerator[Services, None]:
    """Open the pools. The Redis client connects lazily, so that the house starts while Redis is down."""
    database = Database(settings)
    redis = Redis.from_url(
        settings.redis_url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=30
    )
    await database.open()
    try:
        yield Services(settings, database, redis, Keyring(settings.master_key_bytes()))
    finally:
        await redis.aclose()
        await database.close()
