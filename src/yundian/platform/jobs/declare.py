"""Periodic work that a room declares; the worker runs each once per period across all processes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from yundian.platform.db.database import Database


@dataclass(frozen=True, slots=True)
class Cron:
    """Work every ``every_s`` seconds. ``run`` opens its own transactions and is idempotent: it may run twice."""

    name: str
    every_s: float
    run: Callable[[Database], Awaitable[None]]


def cron(name: str, *, every_s: float) -> Callable[[Callable[[Database], Awaitable[None]]], Cron]:
    return lambda run: Cron(name=name, every_s=every_s, run=run)
