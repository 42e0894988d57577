"""Small things that several tests need."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

T = TypeVar("T")


async def wait_until(condition: Callable[[], Awaitable[T]], *, seconds: float = 10.0, what: str = "it") -> T:
    """Poll until the condition is truthy and return it; fail with ``what`` after the time is up."""
    with anyio.move_on_after(seconds):
        while True:
            result = await condition()
            if result:
                return result
            await anyio.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")
