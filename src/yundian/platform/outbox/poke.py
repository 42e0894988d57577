"""Wakes the relays after a commit. A poke may be lost: the sweep finds the rows anyway."""

import asyncio
import contextlib
import uuid

from redis.asyncio import Redis
from redis.exceptions import RedisError

from yundian.platform.outbox.outage import Outage

CHANNEL = "yundian:courier:poke"

_SPACING_S = 0.02
_PATIENCE_S = 1.0


class Poker:
    """For ``Database.after_commit``: returns at once; pokes in quick succession become one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._is_due = False
        self._sending: asyncio.Task[None] | None = None
        self._outage = Outage("redis (poke)")

    async def __call__(self, _brand: uuid.UUID) -> None:
        self._is_due = True
        if self._sending is None or self._sending.done():
            self._sending = asyncio.get_running_loop().create_task(self._send())

    async def aclose(self) -> None:
        """Let a poke on its way arrive."""
        if self._sending is not None and not self._sending.done():
            with contextlib.suppress(asyncio.CancelledError):
                await self._sending

    async def _send(self) -> None:
        while self._is_due:
            self._is_due = False
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await self._redis.publish(CHANNEL, b"")
                self._outage.recovered()
            except (RedisError, OSError, TimeoutError) as error:
                self._outage.failed(error)
            await asyncio.sleep(_SPACING_S)


async def listen(redis: Redis, wake: asyncio.Event) -> None:
    """Set ``wake`` at every poke, for ever; reconnects by itself."""
    outage = Outage("redis (poke)")
    while True:
        try:
            async with redis.pubsub() as channel:
                await channel.subscribe(CHANNEL)
                # What was poked while nobody listened.
                wake.set()
                while True:
                    message = await channel.get_message(ignore_subscribe_messages=True, timeout=10)
                    outage.recovered()
                    if message is not None:
                        wake.set()
        except (RedisError, OSError, TimeoutError) as error:
            await asyncio.sleep(outage.failed(error))
