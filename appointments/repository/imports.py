"""Statements that bring appointments of other systems in, many at once."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

_SERVICES = """
SELECT code, id, name, duration_min, buffer_before_min, buffer_after_min, currency, cutoff_min, grace_min
FROM appointments_service WHERE brand_id = $1 AND code = ANY($2::varchar[])
"""

_PEOPLE = """
SELECT h.shop_id, p.display_name, p.id FROM appointments_staff_shop h
JOIN appointments_staff p ON p.brand_id = $1 AND p.id = h.staff_id
WHERE h.brand_id = $1 AND h.shop_id = ANY($2::uuid[])
"""

_HERE = """
SELECT external_id FROM appointments_booking
WHERE brand_id = $1 AND external_source = $2 AND external_id = ANY($3::varchar[])
"""

# One after the other, so that of two that overlap in the file the first one counts.
_TAKE = """
INSERT INTO appointments_occupancy (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, is_live)
SELECT $1, o.id, $2, o.staff_id, o.first, o.until, o.booking_id, true
FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::uuid[])
    AS o (id, staff_id, first, until, booking_id)
WHERE NOT EXISTS (SELECT FROM appointments_booking b JOIN appointments_occupancy x
    ON x.brand_id = $1 AND x.booking_id = b.id AND x.resource_id = o.staff_id
    WHERE b.brand_id = $1 AND b.staff_id = o.staff_id AND b.state = 'completed' AND b.source = 'import'
    AND x.starts_at < o.until AND x.ends_at > o.first)
ORDER BY o.id
ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING RETURNING booking_id
"""

_OVER = """
UPDATE appointments_occupancy SET is_live = false WHERE brand_id = $1 AND booking_id = ANY($2::uuid[])
"""

_COLUMNS = {
    "id": "uuid", "code": "varchar", "shop_id": "uuid", "service_id": "uuid", "staff_id": "uuid",
    "state": "varchar", "starts_at": "timestamptz", "ends_at": "timestamptz", "buffer_before_min": "int",
    "buffer_after_min": "int", "time_zone": "varchar", "local_day": "date", "service_name": "varchar",
    "currency": "varchar", "cutoff_min": "int", "grace_min": "int", "asked_at": "timestamptz",
    "confirmed_at": "timestamptz", "arrived_at": "timestamptz", "ended_at": "timestamptz",
    "is_day_only": "boolean", "external_source": "varchar", "external_id": "varchar",
    "external_client": "varchar", "reason": "varchar",
}  # fmt: skip

# The texts that are put together here are our own; every value is a parameter.
_INSERT = f"""
INSERT INTO appointments_booking (brand_id, created_at, deposit_state, source, attention, is_any_staff,
    price_minor, deposit_minor, sequence, channel, {", ".join(_COLUMNS)})
SELECT $1, $2, 'none', 'import', '', false, 0, 0, 0, 'import', {", ".join(f"i.{name}" for name in _COLUMNS)}
FROM unnest({", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_COLUMNS.values(), 3))})
    AS i ({", ".join(_COLUMNS)})
"""  # noqa: S608

_NOTE = """
INSERT INTO appointments_booking_event (brand_id, id, created_at, booking_id, kind, actor, detail)
SELECT $1, n.id, $2, n.booking_id, n.kind, 'system', 'import'
FROM unnest($3::uuid[], $4::uuid[], $5::varchar[]) AS n (id, booking_id, kind)
"""


class ImportedService(msgspec.Struct, frozen=True):
    id: uuid.UUID
    name: str
    duration_min: int
    buffer_before_min: int
    buffer_after_min: int
    currency: str
    cutoff_min: int
    grace_min: int


@dataclass(frozen=True)
class Known:
    """What a batch may refer to: services by code, people by shop and name, and what is here already."""

    services: dict[str, ImportedService]
    people: dict[tuple[uuid.UUID, str], list[uuid.UUID]]
    here: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class NewImport:
    """An appointment as it is written; ``takes_time``: nobody else had this person then."""

    id: uuid.UUID
    code: str
    shop_id: uuid.UUID
    service: ImportedService
    staff_id: uuid.UUID
    state: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    time_zone: str
    local_day: dt.date
    asked_at: dt.datetime
    ended_at: dt.datetime | None
    is_day_only: bool
    takes_time: bool
    is_coming: bool
    source: str
    external_id: str
    client: str
    reason: str

    def row(self) -> list[object]:
        """In the order of ``_COLUMNS``."""
        service = self.service
        is_served = self.state == "completed"
        confirmed_at = None if self.state == "cancelled" else self.asked_at
        return [
            self.id, self.code, self.shop_id, service.id, self.staff_id, self.state, self.starts_at, self.ends_at,
            service.buffer_before_min, service.buffer_after_min, self.time_zone, self.local_day, service.name,
            service.currency, service.cutoff_min, service.grace_min, self.asked_at, confirmed_at,
            self.starts_at if is_served else None, self.ended_at or (self.ends_at if is_served else None),
            self.is_day_only, self.source, self.external_id, self.client, self.reason,
        ]  # fmt: skip

    @property
    def occupied(self) -> tuple[dt.datetime, dt.datetime]:
        before = dt.timedelta(minutes=self.service.buffer_before_min)
        after = dt.timedelta(minutes=self.service.buffer_after_min)
        return self.starts_at - before, self.ends_at + after


async def known(
    tx: Tx,
    *,
    shop_ids: Sequence[uuid.UUID],
    services: Collection[str],
    source: str,
    external_ids: Sequence[str],
) -> Known:
    """Three statements, whatever the size of the batch."""
    found = {row[0]: ImportedService(*row[1:]) for row in await tx.fetch(_SERVICES, tx.brand, sorted(services))}
    people: dict[tuple[uuid.UUID, str], list[uuid.UUID]] = {}
    for shop_id, name, staff_id in await tx.fetch(_PEOPLE, tx.brand, list(shop_ids)):
        people.setdefault((shop_id, name.casefold()), []).append(staff_id)
    here = await tx.fetch(_HERE, tx.brand, source, list(external_ids))
    return Known(found, people, frozenset(row[0] for row in here))


async def put(tx: Tx, *, bookings: Sequence[NewImport], now: dt.datetime) -> set[uuid.UUID]:
    """Write them; those whose time somebody else has are left out and returned."""
    wanting = [one for one in bookings if one.takes_time]
    got = await tx.fetch(
        _TAKE,
        tx.brand,
        now,
        [new_id() for _ in wanting],
        [one.staff_id for one in wanting],
        [one.occupied[0] for one in wanting],
        [one.occupied[1] for one in wanting],
        [one.id for one in wanting],
    )
    taken = {one.id for one in wanting} - {row[0] for row in got}
    kept = [one for one in bookings if one.id not in taken]
    if kept:
        columns = [list(column) for column in zip(*(one.row() for one in kept), strict=True)]
        await tx.execute(_INSERT, tx.brand, now, *columns)
        ids = [one.id for one in kept]
        await tx.execute(_NOTE, tx.brand, now, [new_id() for _ in kept], ids, [one.state for one in kept])
        await tx.execute(_OVER, tx.brand, [one.id for one in kept if one.takes_time and not one.is_coming])
    return taken
