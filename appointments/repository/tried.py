"""Statements about what was tried in appointments."""

import datetime as dt
import uuid

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_ADD = """
INSERT INTO appointments_tried (brand_id, id, created_at, booking_id, sku_id, note, noted_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (brand_id, booking_id, sku_id) DO UPDATE SET note = EXCLUDED.note, noted_by = EXCLUDED.noted_by
"""


class TriedView(msgspec.Struct, frozen=True, kw_only=True):
    """A product that was tried, and what staff noted of it."""

    sku_id: uuid.UUID
    sku_code: str
    name: str
    note: str


async def add(
    door: Door,
    *,
    booking_id: uuid.UUID,
    sku_id: uuid.UUID,
    note: str,
    noted_by: uuid.UUID | None,
    now: dt.datetime,
) -> None:
    """Once for each product; the newest note counts."""
    await run(door, _ADD, brand_of(door), new_id(), now, booking_id, sku_id, note, noted_by)


async def remove(door: Door, *, booking_id: uuid.UUID, sku_id: uuid.UUID) -> None:
    sql = "DELETE FROM appointments_tried WHERE brand_id = $1 AND booking_id = $2 AND sku_id = $3"
    await run(door, sql, brand_of(door), booking_id, sku_id)


async def of_booking(door: Door, *, booking_id: uuid.UUID) -> list[tuple[uuid.UUID, str]]:
    """SKUs and notes, as they were noted."""
    sql = "SELECT sku_id, note FROM appointments_tried WHERE brand_id = $1 AND booking_id = $2 ORDER BY id"
    return [(row[0], row[1]) for row in await fetch(door, sql, brand_of(door), booking_id)]
