"""Calls that come while one is at work are done together by the next: under load, one transaction for many."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from yundian.platform.outbox.failures import is_connection_lost

K = TypeVar("K")
V = TypeVar("V")


class Gathering(Generic[K, V]):
    """Hands what is asked to ``together``, at most ``most`` at once, and each its own answer.

    Who asks first waits for nobody. Where ``together`` fails for several, each is tried alone, so that nobody
    fails for another's sake; unless the database is gone, which nobody can help.
    """

    def __init__(self, together: Callable[[Sequence[K]], Awaitable[Sequence[V]]], *, most: int) -> None:
        self._together = together
        self._most = most
        self._waiting: list[tuple[K, asyncio.Future[V]]] = []
        self._working: asyncio.Task[None] | None = None

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return self._working is None or self._working.done()

    async def ask(self, question: K) -> V:
        """The answer to one. A caller who is cancelled cancels nobody else, nor what is under way."""
        answer: asyncio.Future[V] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self.is_idle:
            self._working = asyncio.create_task(self._work())
        return await answer

    async def _work(self) -> None:
        while self._waiting:
            chunk, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            try:
                await self._answer(chunk)
            finally:
                for _, answer in chunk:
                    answer.cancel()

    async def _answer(self, chunk: Sequence[tuple[K, asyncio.Future[V]]]) -> None:
        try:
            values = await self._together([question for question, _ in chunk])
        except Exception as error:
            if len(chunk) == 1 or is_connection_lost(error):
                for _, answer in chunk:
                    if not answer.done():
                        answer.set_exception(error)
            else:
                for one in chunk:
                    await self._answer([one])
            return
        for (_, answer), value in zip(chunk, values, strict=True):
            if not answer.done():
                answer.set_result(value)
