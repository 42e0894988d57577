"""Notices whose owner is not known: a global table, read and emptied by the operator alone."""

import uuid

import msgspec

from yundian.payments.types import UnclaimedView
from yundian.platform.outbox.door import Door, fetch, run

_FIELDS = UnclaimedView.__struct_fields__


async def unclaimed(door: Door, *, limit: int) -> list[UnclaimedView]:
    """The oldest first."""
    sql = f"SELECT {', '.join(_FIELDS)} FROM unclaimed_notice ORDER BY id LIMIT $1"  # noqa: S608
    rows = await fetch(door, sql, limit)
    return [msgspec.convert(dict(zip(_FIELDS, row, strict=True)), UnclaimedView, strict=False) for row in rows]


async def unclaimed_notice(door: Door, *, notice_id: uuid.UUID) -> tuple[UnclaimedView, bytes] | None:
    """One of them with its sealed text; locked until the caller's transaction ends."""
    sql = f"SELECT {', '.join(_FIELDS)}, sealed FROM unclaimed_notice WHERE id = $1 FOR UPDATE"  # noqa: S608
    rows = await fetch(door, sql, notice_id)
    if not rows:
        return None
    *values, sealed = rows[0]
    return msgspec.convert(dict(zip(_FIELDS, values, strict=True)), UnclaimedView, strict=False), bytes(sealed)


async def forget_unclaimed(door: Door, *, notice_id: uuid.UUID) -> None:
    await run(door, "DELETE FROM unclaimed_notice WHERE id = $1", notice_id)
