"""The arq queue as the relay sees it: batches of ids, JSON on the wire, and no promise that anything arrives."""

import asyncio
import uuid
from typing import Any

import msgspec
import structlog
from arq.connections import ArqRedis
from arq.constants import in_progress_key_prefix
from redis.exceptions import RedisError

from yundian.platform.core.settings import Settings
from yundian.platform.db.redis_pool import open_redis_pool

log = structlog.get_logger(__name__)

QUEUE = "yundian:courier:queue"
DELIVER = "deliver"
FIRE = "fire"

# Batches waiting per worker slot: enough to keep the slots busy, few enough to be done within a lease.
_DEPTH_PER_SLOT = 3
# More than any crash loop leaves behind: arq looks at this many entries for one that it may start.
READ_LIMIT = 1_000
_PATIENCE_S = 3.0


def encode(value: Any) -> bytes:
    """arq's serializer; it would pickle by default, and a writable Redis would then run code."""
    return msgspec.json.encode(value, enc_hook=repr)


def decode(raw: bytes) -> Any:
    """arq's deserializer."""
    return msgspec.json.decode(raw)


def open_redis(settings: Settings) -> ArqRedis:
    """arq's client; connects when first used."""
    pool = open_redis_pool(settings)
    return ArqRedis(pool, job_serializer=encode, job_deserializer=decode, default_queue_name=QUEUE)


class ArqQueue:
    """Hands batches to arq (the relay's ``Queue``)."""

    def __init__(self, settings: Settings, redis: ArqRedis) -> None:
        self._depth = settings.worker_max_jobs * _DEPTH_PER_SLOT
        self._redis = redis

    async def free_slots(self) -> int:
        """How many batches fit before the queue is deeper than its workers are quick. Raises ``RedisError``.

        A batch that began does not count, above all not one whose worker died: arq keeps it for half a minute.
        """
        async with asyncio.timeout(_PATIENCE_S):
            ids: list[bytes] = await self._redis.zrange(QUEUE, 0, READ_LIMIT)
            begun = await self._redis.exists(*(in_progress_key_prefix.encode() + one for one in ids)) if ids else 0
        return self._depth - (len(ids) - int(begun))

    async def hand_over(
        self, *, brand: uuid.UUID, name: str, items: list[uuid.UUID], are_timers: bool, is_again: bool
    ) -> bool:
        """Whether arq took the batch. ``None`` from enqueue counts as failure: it also means a broken exchange."""
        arguments = (str(brand), name, [str(item) for item in items])
        try:
            async with asyncio.timeout(_PATIENCE_S):
                if are_timers:
                    job = await self._redis.enqueue_job(FIRE, *arguments)
                else:
                    job = await self._redis.enqueue_job(DELIVER, *arguments, is_again)
        except (RedisError, OSError, TimeoutError) as error:
            log.warning("courier.enqueue_failed", error=type(error).__name__)
            return False
        return job is not None
