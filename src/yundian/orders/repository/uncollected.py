"""Orders that nobody comes for: who was told when they are paid back, and which of them are due."""

import datetime as dt
import uuid

from yundian.orders.repository.rows import ORDER, order_of
from yundian.orders.states import UncollectedState
from yundian.orders.types import OrderView, UncollectedView
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_FIELDS = ", ".join(UncollectedView.__struct_fields__)

# By the index of what is open: an order was placed before it was released.
_REMIND = f"""
WITH late AS MATERIALIZED (
    SELECT o.id, o.released_at FROM orders_order o
    WHERE o.brand_id = $1 AND o.handed_over_at IS NULL AND o.closed_at IS NULL AND o.external_id = ''
        AND o.placed_at <= $2 AND o.state = 'ready' AND o.released_at <= $2 AND o.payment_id IS NOT NULL
        AND o.fulfil_shop_id IS NOT NULL AND o.handed_by = ''
        AND NOT EXISTS (SELECT FROM orders_uncollected u WHERE u.brand_id = o.brand_id AND u.order_id = o.id)
    ORDER BY o.released_at, o.id LIMIT $6::int
), told AS (
    INSERT INTO orders_uncollected (brand_id, order_id, state, reminded_at, refund_at)
    SELECT $1, id, 'reminded', $3::timestamptz,
        greatest(released_at + $4::interval, $3::timestamptz + $5::interval) FROM late ORDER BY id
    ON CONFLICT (brand_id, order_id) DO NOTHING RETURNING order_id, refund_at
)
SELECT {ORDER}, t.refund_at FROM told t JOIN orders_order o ON o.brand_id = $1 AND o.id = t.order_id ORDER BY o.id
"""  # noqa: S608

# Whoever collects it, or lets it wait, in this moment wins: the order is asked again as it is cancelled.
_CLAIM = """
WITH due AS MATERIALIZED (
    SELECT u.order_id FROM orders_uncollected u JOIN orders_order o ON o.brand_id = $1 AND o.id = u.order_id
    WHERE u.brand_id = $1 AND u.state = 'reminded' AND u.refund_at <= $2 AND o.state = 'ready'
    ORDER BY u.order_id LIMIT $3::int FOR UPDATE OF u SKIP LOCKED
)
UPDATE orders_uncollected u SET state = 'refunded', decided_at = $2 FROM due d
WHERE u.brand_id = $1 AND u.order_id = d.order_id RETURNING u.order_id
"""

# A hand-over that is taken back begins anew; so does everything when the brand does not refund by itself.
_FORGET = """
DELETE FROM orders_uncollected u USING orders_order o
WHERE u.brand_id = $1 AND u.state = 'reminded' AND o.brand_id = $1 AND o.id = u.order_id
    AND ($2::bool OR o.state <> 'ready')
"""


async def remind(
    door: Door,
    *,
    released_before: dt.datetime,
    now: dt.datetime,
    after: dt.timedelta,
    notice: dt.timedelta,
    limit: int,
) -> list[tuple[OrderView, dt.datetime]]:
    """Note so many orders that wait since then, with the time when each is paid back: ``after`` its release, but
    never without ``notice``. Each once."""
    rows = await fetch(door, _REMIND, brand_of(door), released_before, now, after, notice, limit)
    return [(order_of(tuple(row)[:-1]), tuple(row)[-1]) for row in rows]


async def claim(door: Door, *, now: dt.datetime, limit: int) -> list[uuid.UUID]:
    """So many orders whose time is over, each for one caller only."""
    rows = await fetch(door, _CLAIM, brand_of(door), now, limit)
    return sorted(row[0] for row in rows)


async def forget(door: Door, *, is_off: bool) -> None:
    """What waits no more was told for nothing; with ``is_off`` everything was."""
    await run(door, _FORGET, brand_of(door), is_off)


async def keep(door: Door, *, order_id: uuid.UUID, actor_id: uuid.UUID | None, now: dt.datetime) -> bool:
    """Let it wait; whether it was not paid back yet."""
    sql = (
        "UPDATE orders_uncollected SET state = $3, decided_at = $4, decided_by = $5"
        " WHERE brand_id = $1 AND order_id = $2 AND state = 'reminded'"
    )
    return await run(door, sql, brand_of(door), order_id, UncollectedState.KEPT.value, now, actor_id) > 0


async def of_order(door: Door, *, order_id: uuid.UUID) -> UncollectedView | None:
    sql = f"SELECT {_FIELDS} FROM orders_uncollected WHERE brand_id = $1 AND order_id = $2"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), order_id)
    return UncollectedView(state=UncollectedState(rows[0][0]), refund_at=rows[0][1]) if rows else None
