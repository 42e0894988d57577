"""Statements that write what was booked before the house knew of it, whatever became of it: set-based."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from appointments.states import BookingState, Source
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import brand_of


class PastBooking(msgspec.Struct, frozen=True, kw_only=True):
    """An appointment with what became of it. Its terms and its price are those of the service now."""

    id: uuid.UUID = msgspec.field(default_factory=new_id)
    code: str
    shop_id: uuid.UUID
    service_id: uuid.UUID
    staff_id: uuid.UUID
    resource_id: uuid.UUID | None
    member_id: uuid.UUID | None
    state: BookingState
    source: Source
    channel: str
    starts_at: dt.datetime
    time_zone: str
    local_day: dt.date
    is_any_staff: bool
    asked_at: dt.datetime
    arrived_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    # Of its lines of history, which are read in the order of their ids.
    asked_line: uuid.UUID = msgspec.field(default_factory=new_id)
    arrived_line: uuid.UUID = msgspec.field(default_factory=new_id)
    ended_line: uuid.UUID = msgspec.field(default_factory=new_id)


class Views(msgspec.Struct, frozen=True, kw_only=True):
    """How many looked at the times of a service on a day, and through which channel."""

    day: dt.date
    shop_id: uuid.UUID
    service_id: uuid.UUID
    channel: str
    viewers: int


_GIVEN = """json_to_recordset($2::json) AS i (id uuid, code varchar, shop_id uuid, service_id uuid, staff_id uuid,
    resource_id uuid, member_id uuid, state varchar, source varchar, channel varchar, starts_at timestamptz,
    time_zone varchar, local_day date, is_any_staff boolean, asked_at timestamptz, arrived_at timestamptz,
    ended_at timestamptz, asked_line uuid, arrived_line uuid, ended_line uuid)
    JOIN appointments_service v ON v.brand_id = $1 AND v.id = i.service_id"""

_ENDS = "i.starts_at + make_interval(mins => v.duration_min)"

_PUT = f"""
INSERT INTO appointments_booking (brand_id, id, code, created_at, shop_id, service_id, staff_id, resource_id,
    member_id, state, deposit_state, source, attention, starts_at, ends_at, buffer_before_min, buffer_after_min,
    time_zone, local_day, service_name, is_any_staff, price_minor, deposit_minor, currency, arrived_at, started_at,
    ended_at, reason, sequence, cutoff_min, grace_min, is_late_cancel_charged, is_no_show_charged, channel,
    asked_at, confirmed_at)
SELECT $1, i.id, i.code, i.asked_at, i.shop_id, i.service_id, i.staff_id, i.resource_id, i.member_id, i.state,
    'none', i.source, '', i.starts_at, {_ENDS}, v.buffer_before_min, v.buffer_after_min, i.time_zone, i.local_day,
    v.name, i.is_any_staff, v.price_minor, 0, v.currency, i.arrived_at,
    CASE WHEN i.state IN ('in_service', 'completed') THEN i.arrived_at END, i.ended_at, '', 0, v.cutoff_min,
    v.grace_min, v.is_late_cancel_charged, v.is_no_show_charged, i.channel, i.asked_at, i.asked_at
FROM {_GIVEN}
"""  # noqa: S608  (texts of our own, every value is a parameter)

# What is still to come, or just now, takes its time like any other.
_TAKE = f"""
INSERT INTO appointments_occupancy (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, is_live)
SELECT $1, gen_random_uuid(), i.asked_at, r.id, i.starts_at - make_interval(mins => r.before),
    {_ENDS} + make_interval(mins => r.after), i.id, true
FROM {_GIVEN}, LATERAL (VALUES (i.staff_id, v.buffer_before_min, v.buffer_after_min),
    (i.resource_id, v.buffer_before_min, v.buffer_after_min), (i.member_id, 0, 0)) AS r (id, before, after)
WHERE i.state IN ('confirmed', 'arrived', 'in_service') AND r.id IS NOT NULL
"""  # noqa: S608

_NOTE = f"""
INSERT INTO appointments_booking_event (brand_id, id, created_at, booking_id, kind, actor, detail)
SELECT $1, n.id, n.at, i.id, n.kind, n.actor, ''
FROM {_GIVEN}, LATERAL (VALUES (i.asked_line, i.asked_at, 'confirmed', i.source),
    (i.arrived_line, i.arrived_at, 'arrived', 'shop'), (i.ended_line, i.ended_at, i.state,
    CASE WHEN i.state LIKE 'cancelled%' THEN 'customer' ELSE 'shop' END)) AS n (id, at, kind, actor)
WHERE n.at IS NOT NULL
"""  # noqa: S608

_LOOKED = """
INSERT INTO appointments_viewing_count (brand_id, id, created_at, day, shop_id, service_id, kind, key, viewers)
SELECT $1, gen_random_uuid(), $3, i.day, i.shop_id, i.service_id, k.kind, k.key, sum(i.viewers)
FROM json_to_recordset($2::json) AS i (day date, shop_id uuid, service_id uuid, channel varchar, viewers int),
    LATERAL (VALUES ('all', ''), ('staff', ''), ('channel', i.channel)) AS k (kind, key)
GROUP BY i.day, i.shop_id, i.service_id, k.kind, k.key
ON CONFLICT (brand_id, day, shop_id, service_id, kind, key) DO NOTHING
"""


async def put(tx: Tx, *, bookings: Sequence[PastBooking]) -> None:
    """Write them with their history; two at once for the same person or chair are refused by the constraint."""
    given = msgspec.json.encode(bookings).decode()
    for statement in (_PUT, _TAKE, _NOTE):
        await tx.execute(statement, brand_of(tx), given)


async def put_views(tx: Tx, *, views: Sequence[Views], now: dt.datetime) -> None:
    """Write how many looked; what is known of a day stays."""
    await tx.execute(_LOOKED, brand_of(tx), msgspec.json.encode(views).decode(), now)
