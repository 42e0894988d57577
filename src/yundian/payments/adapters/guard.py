"""What keeps one dead provider from taking the house with it: a bulkhead and a circuit breaker per merchant.

Own, and small: the kept asynchronous libraries let a whole crowd through when they try again (here one call does),
measure with the wall clock, or count a caller who went away as a failure of the provider.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Generator
from dataclasses import dataclass


class NotSent(Exception):
    """The provider has not heard of the request: nothing can have happened."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class HeldBack(NotSent):
    """We did not even try: the circuit is open, or too many wait already."""


class InDoubt(Exception):
    """The request may have arrived and may have had its effect."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Of one merchant at one provider. Few calls at once keep the bursts of work on the event loop short."""

    calls_at_once: int = 16
    most_waiting: int = 512
    failures_to_open: int = 5
    open_s: float = 10.0


class Breaker:
    """Opens after so many failures in a row; then one call at a time may try, until one succeeds."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self._limits = limits
        self._now = now
        self._failures = 0
        self._try_at = 0.0
        self._is_trying = False

    @property
    def is_open(self) -> bool:
        return self._failures >= self._limits.failures_to_open

    def enter(self) -> None:
        """Take part in a call. Raises ``HeldBack`` while the circuit is open."""
        if not self.is_open:
            return
        if self._is_trying or self._now() < self._try_at:
            raise HeldBack("circuit_open")
        self._is_trying = True

    def succeeded(self) -> None:
        self._failures = 0
        self._is_trying = False

    def failed(self) -> None:
        self._failures += 1
        self._is_trying = False
        self._try_at = self._now() + self._limits.open_s

    def gave_up(self) -> None:
        """The caller went away: that says nothing about the provider."""
        self._is_trying = False


class Turns:
    """One piece of work per round of the event loop, first come first served.

    Replies that arrive together, and calls that are made together, would otherwise be worked off in one breath,
    and nobody else on the loop heard meanwhile.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()

    async def next(self) -> None:
        """Wait for a round without another's work in it."""
        async with self._lock:
            await asyncio.sleep(0)


class Guard:
    """The bulkhead and the breaker of one merchant."""

    def __init__(self, limits: Limits, now: Callable[[], float] = time.monotonic) -> None:
        self.breaker = Breaker(limits, now)
        self._limits = limits
        self._places = asyncio.Semaphore(limits.calls_at_once)
        self._waiting = 0

    @contextlib.asynccontextmanager
    async def place(self, end: float) -> AsyncGenerator[None, None]:
        """A place for one call. Raises ``HeldBack`` when too many wait, or the loop's time reaches ``end``."""
        if self._waiting >= self._limits.most_waiting:
            raise HeldBack("busy")
        self._waiting += 1
        try:
            async with asyncio.timeout_at(end):
                await self._places.acquire()
        except TimeoutError as error:
            raise HeldBack("busy") from error
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    @contextlib.contextmanager
    def attempt(self) -> Generator[None, None, None]:
        """One exchange, counted by the breaker. Raises ``HeldBack`` while the circuit is open."""
        self.breaker.enter()
        try:
            yield
        except (NotSent, InDoubt):
            self.breaker.failed()
            raise
        except BaseException:
            self.breaker.gave_up()
            raise
        self.breaker.succeeded()
