"""Statements about orders that followed appointments, and how long after one they may."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch, run

DAYS = 30

_GIVEN = """unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::bigint[], $7::bigint[], $8::varchar[],
    $9::timestamptz[], $10::varchar[]) AS o (id, order_id, member_id, amount, refunded, currency, at, skus)"""
_TRIED = """(SELECT count(*) FROM appointments_tried t WHERE t.brand_id = $1 AND t.booking_id = {booking}
    AND t.sku_id::text = ANY(string_to_array(o.skus, ',')))"""

# What followed an appointment still does, however few days count today. Of what does not yet: the last time she
# was served before she bought; whoever served her then is meant.
_KEEP = """
WITH amended AS (
    UPDATE appointments_purchase p SET {amended} FROM {given}
    WHERE p.brand_id = $1 AND p.order_id = o.order_id RETURNING p.order_id
)
INSERT INTO appointments_purchase AS p (brand_id, id, created_at, booking_id, order_id, member_id, shop_id,
    staff_id, amount_minor, refunded_minor, currency, bought_at, tried_lines)
SELECT $1, o.id, $2, b.id, o.order_id, o.member_id, b.shop_id, b.staff_id, o.amount, o.refunded, o.currency, o.at,
    {tried}
FROM {given}
CROSS JOIN (SELECT coalesce((SELECT p.purchase_days FROM appointments_policy p WHERE p.brand_id = $1
    ORDER BY p.number DESC LIMIT 1), $11::int) AS days) policy
CROSS JOIN LATERAL (SELECT id, shop_id, staff_id FROM appointments_booking
    WHERE brand_id = $1 AND member_id = o.member_id AND arrived_at IS NOT NULL AND arrived_at <= o.at
    AND arrived_at > o.at - make_interval(days => policy.days) ORDER BY arrived_at DESC LIMIT 1) b
WHERE NOT EXISTS (SELECT FROM amended a WHERE a.order_id = o.order_id)
ON CONFLICT (brand_id, order_id) DO UPDATE SET refunded_minor = greatest(p.refunded_minor, excluded.refunded_minor)
"""
# An order of the house keeps its amount, and what went back of it only grows.
_KEEP_OWN = _KEEP.format(
    given=_GIVEN,
    tried=_TRIED.format(booking="b.id"),
    amended="refunded_minor = greatest(p.refunded_minor, o.refunded)",
)
_KEEP_FOREIGN = _KEEP.format(
    given=_GIVEN,
    tried=_TRIED.format(booking="b.id"),
    amended="amount_minor = o.amount, refunded_minor = o.refunded, currency = o.currency, tried_lines = "
    + _TRIED.format(booking="p.booking_id"),
)
# Of orders of other systems: those that are none any more, or another's, or of another time.
_FORGET = """
DELETE FROM appointments_purchase p WHERE p.brand_id = $1 AND p.order_id = ANY($2::uuid[])
AND NOT EXISTS (SELECT FROM unnest($3::uuid[], $4::uuid[], $5::timestamptz[]) AS o (order_id, member_id, at)
    WHERE o.order_id = p.order_id AND o.member_id = p.member_id AND o.at = p.bought_at)
"""
_CONCERNS = """
SELECT EXISTS (SELECT FROM appointments_purchase WHERE brand_id = $1 AND order_id = ANY($2::uuid[]))
    OR EXISTS (SELECT FROM unnest($3::uuid[]) AS m (id) WHERE EXISTS (SELECT FROM appointments_booking
        WHERE brand_id = $1 AND member_id = m.id AND arrived_at IS NOT NULL))
"""
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('appointments.purchases:' || $1::text, 0))"

_POLICY = """
SELECT purchase_days, viewing_days FROM appointments_policy WHERE brand_id = $1 ORDER BY number DESC LIMIT 1
"""

_PUT_POLICY = """
INSERT INTO appointments_policy (brand_id, id, created_at, number, purchase_days, viewing_days, actor_id)
SELECT $1, $2, $3, coalesce(max(number), 0) + 1, $4, $5, $6 FROM appointments_policy WHERE brand_id = $1
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
    return await run(door, _KEEP_OWN, *_arguments(door, bought, now))


async def lock(tx: Tx) -> None:
    """One at a time reads orders of other systems and writes what followed: who looks last writes last."""
    await tx.execute(_LOCK, str(tx.brand))


async def concerns(tx: Tx, *, order_ids: Sequence[uuid.UUID], member_ids: Sequence[uuid.UUID]) -> bool:
    """Whether any of these follows an appointment, or may: most orders are of people who never had one."""
    found: bool = await tx.fetchval(_CONCERNS, tx.brand, list(order_ids), list(member_ids))
    return found


async def replace(tx: Tx, *, order_ids: Sequence[uuid.UUID], bought: Sequence[Bought], now: dt.datetime) -> None:
    """Of these orders of other systems, what is given follows an appointment. The caller holds the lock."""
    ids, members, times = ([getattr(one, name) for one in bought] for name in ("order_id", "member_id", "at"))
    await tx.execute(_FORGET, tx.brand, list(order_ids), ids, members, times)
    if bought:
        await tx.execute(_KEEP_FOREIGN, *_arguments(tx, bought, now))


def _arguments(door: Door, bought: Sequence[Bought], now: dt.datetime) -> tuple[object, ...]:
    ordered = sorted(bought, key=lambda one: one.order_id)
    return (
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


async def viewing_days(door: Door) -> int | None:
    """For how many days it is known who looked at times, if the brand ever said."""
    rows = await fetch(door, _POLICY, brand_of(door))
    return int(rows[0][1]) if rows else None


async def put_days(
    door: Door, *, count: int, viewing_days: int, actor_id: uuid.UUID | None, now: dt.datetime
) -> None:
    """From now on; what followed an appointment before still does."""
    await run(door, _PUT_POLICY, brand_of(door), new_id(), now, count, viewing_days, actor_id)
