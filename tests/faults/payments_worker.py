"""The worker of the house, with every room, in a hurry: ``python -m tests.faults.payments_worker``.

It also counts what the events of payments lead to, as a room with a subject of its own would.
"""

import dataclasses

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.app.house import HOUSE
from yundian.app.rooms import rooms
from yundian.app.worker import run
from yundian.payments.events import PaymentCaptured, PaymentClosed, PaymentRefunded
from yundian.platform.core.settings import Settings
from yundian.platform.outbox.declare import subscriber
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


def hurried(room: Room) -> Room:
    """The real sweep comes every five seconds; the tests have no time for that."""
    crons = [
        dataclasses.replace(one, every_s=SWEEP_S) if one.name == "payments.sweep" else one for one in room.crons
    ]
    return dataclasses.replace(room, crons=tuple(crons))


WATCHER = Room(name="watcher", package="tests.faults", subscribers=(captured, closed, refunded))

if __name__ == "__main__":
    run(Settings(), rooms=[HOUSE, *map(hurried, rooms()), WATCHER])
