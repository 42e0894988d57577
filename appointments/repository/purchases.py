"""Statements about orders that followed appointments, and how long after one they may."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

DAYS = 30

# The last time she was served before she bought; whoever served her then is meant.
_KEEP = """
INSERT INTO appointments_purchase (brand_id, id, created_at, booking_id, order_id, member_id, shop_id, staff_id,
    amount_minor, refunded_minor, currency, bought_at, tried_lines)
SELECT $1, o.id, $2, b.id, o.order_id, o.member_id, b.shop_id, b.staff_id, o.amount, o.refunded, o.currency, o.at,
    (SELECT count(*) FROM appointments_tried t WHERE t.brand_id = $1 AND t.booking_id = b.id
        AND t.sku_id::text = ANY(string_to_array(o.skus, ',')))
FROM unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::bigint[], $8::varchar[], $9::timestamptz[],
    $10::varchar[]) AS o (id, order_id, member_id, amount, refunded, currency, at, skus)
CROSS JOIN (SELECT coalesce((SELECT p.purchase_days FROM appointments_policy p WHERE p.brand_id = $1
    ORDER BY p.number DESC LIMIT 1), $11::int) AS days) policy
CROSS JOIN LATERAL (SELECT id, shop_id, staff_id FROM appointments_booking
    WHERE brand_id = $1 AND member_id = o.member_id AND arrived_at IS NOT NULL AND arrived_at <= o.at
    AND arrived_at > o.at - make_interval(days => policy.days) ORDER BY arrived_at DESC LIMIT 1) b
ON CONFLICT (brand_id, order_id) DO UPDATE
SET refunded_minor = greatest(appointments_purchase.refunded_minor, EXCLUDED.refunded_minor)
"""

_POLICY = """
SELECT purchase_days FROM appointments_policy WHERE brand_id = $1 ORDER BY number DESC LIMIT 1
"""

_PUT_POLICY = """
INSERT INTO appointments_policy (brand_id, id, created_at, number, purchase_days, actor_id)
SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5 FROM appointments_policy WHERE brand_id = $1
"""


class Bought(msgspec.Struct, frozen=True, kw_only=True):
    """An order of a member that is a sale."""

    order_id: uuid.UUID
    member_id: uuid.UUID
    amount_minor: int
    refunded_minor: int
    currency: str
    at: dt.datetime
    sku_ids: tuple[uuid.UUID, ...]


async def keep(door: Door, *, bought: Sequence[Bought], now: dt.datetime) -> int:
    """Remember those that followed an appointment soon enough, and what came back of them; how many. Set-based."""
    ordered = sorted(bought, key=lambda one: one.order_id)
    return await run(
        door,
        _KEEP,
        brand_of(door),
        now,
        [new_id() for _ in ordered],
        [one.order_id for one in ordered],
        [one.member_id for one in ordered],
        [one.amount_minor for one in ordered],
        [one.refunded_minor for one in ordered],
        [one.currency for one in ordered],
        [one.at for one in ordered],
        [",".join(str(sku) for sku in one.sku_ids) for one in ordered],
        DAYS,
    )


async def days(door: Door) -> int:
    """How many days after an appointment an order still follows it."""
    rows = await fetch(door, _POLICY, brand_of(door))
    return int(rows[0][0]) if rows else DAYS


async def put_days(door: Door, *, count: int, actor_id: uuid.UUID | None, now: dt.datetime) -> None:
    """From now on; what followed an appointment before still does."""
    await run(door, _PUT_POLICY, brand_of(door), new_id(), now, count, actor_id)
