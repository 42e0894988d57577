"""A small room for the courier's tests: events whose effects are counted, and whose poison is real."""

import asyncio
import os
import signal
from collections.abc import Sequence

import asyncpg
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import (
    Delivered,
    DueTimer,
    Event,
    Subscriber,
    TimerHandler,
    batch_subscriber,
    on_timer,
    subscriber,
)
from yundian.platform.outbox.door import run
from yundian.platform.outbox.registry import Registry

# Outside ``public``: no table of the house. No unique key either: a second effect must be seen, not refused.
SCHEMA = """
CREATE SCHEMA IF NOT EXISTS courier_test;
CREATE TABLE IF NOT EXISTS courier_test.effect (brand_id uuid NOT NULL, name text NOT NULL, number int NOT NULL);
GRANT USAGE ON SCHEMA courier_test TO yundian_app;
GRANT SELECT, INSERT ON courier_test.effect TO yundian_app;
"""

_EFFECT = "INSERT INTO courier_test.effect VALUES ($1, $2, $3)"


class Noted(Event, frozen=True, kw_only=True, tag="test.noted.v1"):
    """``poison`` says what its subscribers die of; ``only`` limits it to one of them."""

    number: int
    poison: str = ""
    only: str = "single"


class Poisoned(Exception):
    """What a poison event does to its subscriber."""


@subscriber(Noted, name="test.single")
async def single(session: AsyncSession, event: Noted) -> None:
    await run(session, _EFFECT, session.info["brand"], "single", event.number)
    await _suffer(event, "single")


@batch_subscriber(Noted, name="test.batch")
async def batch(tx: Tx, delivered: Sequence[Delivered[Noted]]) -> None:
    numbers = [one.event.number for one in delivered]
    await tx.execute("INSERT INTO courier_test.effect SELECT $1, 'batch', unnest($2::int[])", tx.brand, numbers)
    for one in delivered:
        await _suffer(one.event, "batch")


@on_timer("test.timer")
async def timer(session: AsyncSession, due: DueTimer) -> None:
    await run(session, _EFFECT, due.brand_id, "timer", due.payload["number"])
    await _suffer(Noted(number=0, poison=due.payload.get("poison", ""), only="timer"), "timer")


SUBSCRIBERS: tuple[Subscriber, ...] = (single, batch)
TIMERS: tuple[TimerHandler, ...] = (timer,)


def registry(
    *, subscribers: Sequence[Subscriber] = SUBSCRIBERS, timers: Sequence[TimerHandler] = TIMERS
) -> Registry:
    return Registry.of(events=[Noted], subscribers=subscribers, timers=timers)


async def make_tables(owner_url: str) -> None:
    connection = await asyncpg.connect(owner_url)
    try:
        await connection.execute(SCHEMA)
    finally:
        await connection.close()


async def effects(tx: Tx, name: str) -> list[int]:
    """Every effect of one subscriber for the door's brand, doubles included."""
    sql = "SELECT number FROM courier_test.effect WHERE brand_id = $1 AND name = $2 ORDER BY number"
    return [row["number"] for row in await tx.fetch(sql, tx.brand, name)]


async def states(tx: Tx) -> dict[str, int]:
    """How many of the brand's deliveries are in which state."""
    sql = "SELECT state, count(*) AS n FROM outbox_delivery WHERE brand_id = $1 GROUP BY state"
    return {row["state"]: row["n"] for row in await tx.fetch(sql, tx.brand)}


async def _suffer(event: Noted, where: str) -> None:
    if event.only not in (where, "all"):
        return
    if event.poison == "raise":
        raise Poisoned("+86 138 0013 8000 must not be seen")
    if event.poison == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if event.poison == "hang":
        await asyncio.sleep(3600)
