"""The connections one process holds; made once at its start, closed at its end."""

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass

from redis.asyncio import Redis

from yundian.platform.core.crypto import Keyring
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.db.redis_pool import open_redis_pool


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
    redis = Redis.from_pool(open_redis_pool(settings))
    await database.open()
    try:
        yield Services(settings, database, redis, Keyring(settings.master_key_bytes()))
    finally:
        await redis.aclose()
        await database.close()
