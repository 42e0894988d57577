"""The worker of the house, with every room, in a hurry: ``python -m tests.faults.payments_worker``.

Where the courier's own steps are passed, they are passed once more by the name of the subscriber it works for
(``courier.applied@reports.book_sales``). It also counts what the events of payments lead to, as a room with a
subject of its own would.
"""

import dataclasses
from contextvars import ContextVar
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.app.house import HOUSE
from yundian.app.rooms import rooms
from yundian.app.worker import run
from yundian.payments.events import PaymentCaptured, PaymentClosed, PaymentRefunded
from yundian.platform.core.settings import Settings
from yundian.platform.core.steps import step
from yundian.platform.outbox import runner
from yundian.platform.outbox.declare import Subscriber, subscriber
from yundian.platform.outbox.door import run as run_sql
from yundian.platform.room import Room

SWEEP_S = 0.4


async def _count(session: AsyncSession, name: str, amount_minor: int) -> None:
    sql = "INSERT INTO courier_test.effect VALUES ($1, $2, $3)"
    await run_sql(session, sql, session.info["brand"], name, amount_minor)


@subscriber(PaymentCaptured, name="test.captured")
async def captured(session: AsyncSession, event: PaymentCaptured) -> None:
    await _count(session, f"captured:{event.payment_id}", event.amount_minor)


@subscriber(PaymentClosed, name="test.closed")
async def closed(session: AsyncSession, event: PaymentClosed) -> None:
    await _count(session, f"closed:{event.payment_id}", 0)


@subscriber(PaymentRefunded, name="test.refunded")
async def refunded(session: AsyncSession, event: PaymentRefunded) -> None:
    await _count(session, f"refunded:{event.payment_id}", event.amount_minor)


_working_for: ContextVar[str] = ContextVar("_working_for", default="nobody")


def named_step(label: str) -> None:
    step(label)
    step(f"{label}@{_working_for.get()}")


def named(one: Subscriber) -> Subscriber:
    async def handle(door: Any, what: Any) -> None:
        _working_for.set(one.name)
        await one.handle(door, what)

    return dataclasses.replace(one, handle=handle)


def hurried(room: Room) -> Room:
    """The real sweep comes every five seconds; the tests have no time for that."""
    crons = [
        dataclasses.replace(one, every_s=SWEEP_S) if one.name == "payments.sweep" else one for one in room.crons
    ]
    return dataclasses.replace(room, crons=tuple(crons), subscribers=tuple(named(one) for one in room.subscribers))


WATCHER = Room(name="watcher", package="tests.faults", subscribers=(captured, closed, refunded))

if __name__ == "__main__":
    vars(runner)["step"] = named_step
    run(Settings(), rooms=[HOUSE, *map(hurried, rooms()), WATCHER])
