"""Periodic work that a room declares; the worker runs each once per period across all processes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from yundian.platform.db.database import Database


@dataclass(frozen=True, slots=True)
class Cron:
    """Work every ``every_s`` seconds. ``run`` opens its own transactions and is idempotent: it may run twice.

    ``end`` is awaited when the worker ends: it closes what the work keeps open from one round to the next.
    """

    name: str
    every_s: float
    run: Callable[[Database], Awaitable[None]]
    end: Callable[[], Awaitable[None]] | None = None


def cron(
    name: str, *, every_s: float, end: Callable[[], Awaitable[None]] | None = None
) -> Callable[[Callable[[Database], Awaitable[None]]], Cron]:
    return lambda run: Cron(name=name, every_s=every_s, run=run, end=end)
