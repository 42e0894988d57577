"""The courier's statements run through either door of the database: one SQL text with ``$n`` parameters."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.database import Tx

Door = AsyncSession | Tx


def mark_dirty(door: Door) -> None:
    """Have the relay poked after the commit."""
    if isinstance(door, Tx):
        door.is_outbox_dirty = True
    else:
        door.info["is_outbox_dirty"] = True


def brand_of(door: Door) -> uuid.UUID:
    """The brand the door was opened for."""
    brand: uuid.UUID | None = door.brand if isinstance(door, Tx) else door.info.get("brand")
    if brand is None:
        raise RuntimeError("no brand: events and timers belong to one")
    return brand


async def run(door: Door, sql: str, *args: object) -> int:
    """One statement with ``$n`` parameters through either door; the number of rows it touched."""
    if isinstance(door, Tx):
        return int((await door.execute(sql, *args)).rsplit(" ", 1)[-1])
    connection = await door.connection()
    return (await connection.exec_driver_sql(sql, args)).rowcount


async def fetch(door: Door, sql: str, *args: object) -> Sequence[Any]:
    """The rows of one statement; columns are attributes under a session and keys under a ``Tx``: unpack them."""
    if isinstance(door, Tx):
        return await door.fetch(sql, *args)
    connection = await door.connection()
    return (await connection.exec_driver_sql(sql, args)).fetchall()
