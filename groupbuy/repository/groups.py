"""Groups and seats move, set-based: locked groups first, then seats, then quotas. Through either door."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from groupbuy.types import GroupView, SeatView
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_GROUP = ", ".join(f"g.{name}" for name in GroupView.__struct_fields__)
_SEAT = ", ".join(f"s.{name}" for name in SeatView.__struct_fields__)
# What seats hold of the quotas goes back, or becomes sold; counters are locked in the order of their ids.
_PIECES = (
    "pieces AS (SELECT u.id, sum(u.quantity)::int AS quantity FROM moved s,"
    " unnest(s.item_ids, s.quantities) AS u(id, quantity) GROUP BY u.id),"
    " held AS MATERIALIZED (SELECT i.id, p.quantity FROM groupbuy_item i JOIN pieces p ON p.id = i.id"
    " WHERE i.brand_id = $1 ORDER BY i.id FOR UPDATE OF i),"
)
_FREE = (
    "given AS (UPDATE groupbuy_item i SET reserved = i.reserved - h.quantity FROM held h"
    " WHERE i.brand_id = $1 AND i.id = h.id)"
)
_SOLD = (
    "given AS (UPDATE groupbuy_item i SET reserved = i.reserved - h.quantity, sold = i.sold + h.quantity"
    " FROM held h WHERE i.brand_id = $1 AND i.id = h.id)"
)
_GIVE_BACK = f"{_PIECES} {_FREE}"
_SELL = f"{_PIECES} {_SOLD}"


class Paid(NamedTuple):
    """An order that was paid, and when at its provider."""

    order_id: uuid.UUID
    paid_at: dt.datetime


def group_of(row: Sequence[Any]) -> GroupView:
    return _struct(GroupView, row)  # type: ignore[no-any-return]


def seat_of(row: Sequence[Any]) -> SeatView:
    return _struct(SeatView, row)  # type: ignore[no-any-return]


def _struct(kind: Any, row: Sequence[Any]) -> Any:
    return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind, strict=False)


async def meets_at(door: Door, *, group_id: uuid.UUID) -> uuid.UUID | None:
    """The shop that its first member chose."""
    sql = "SELECT pickup_shop_id FROM groupbuy_seat WHERE brand_id = $1 AND group_id = $2 ORDER BY id LIMIT 1"
    rows = await fetch(door, sql, brand_of(door), group_id)
    return rows[0][0] if rows else None


async def lock_of_orders(door: Door, *, order_ids: Sequence[uuid.UUID]) -> list[GroupView]:
    """The groups of these orders, locked in the order of their ids."""
    rows = await fetch(
        door,
        f"SELECT {_GROUP} FROM groupbuy_group g WHERE g.brand_id = $1 AND g.id IN (SELECT s.group_id"  # noqa: S608
        " FROM groupbuy_seat s WHERE s.brand_id = $1 AND s.order_id = ANY($2::uuid[])) ORDER BY g.id FOR UPDATE",
        brand_of(door),
        list(order_ids),
    )
    return [group_of(row) for row in rows]


async def lock(door: Door, *, group_ids: Sequence[uuid.UUID]) -> list[GroupView]:
    """These groups, locked in the order of their ids."""
    rows = await fetch(
        door,
        f"SELECT {_GROUP} FROM groupbuy_group g WHERE g.brand_id = $1 AND g.id = ANY($2::uuid[])"  # noqa: S608
        " ORDER BY g.id FOR UPDATE",
        brand_of(door),
        list(group_ids),
    )
    return [group_of(row) for row in rows]


async def seats_of(
    door: Door,
    *,
    group_ids: Sequence[uuid.UUID] = (),
    order_ids: Sequence[uuid.UUID] = (),
    states: Sequence[str] = (),
) -> list[SeatView]:
    """Seats of groups or of orders, oldest first; of any state unless some are named."""
    rows = await fetch(
        door,
        f"SELECT {_SEAT} FROM groupbuy_seat s WHERE s.brand_id = $1"  # noqa: S608
        " AND (s.group_id = ANY($2::uuid[]) OR s.order_id = ANY($3::uuid[]))"
        " AND (cardinality($4::varchar[]) = 0 OR s.state = ANY($4::varchar[])) ORDER BY s.id",
        brand_of(door),
        list(group_ids),
        list(order_ids),
        list(states),
    )
    return [seat_of(row) for row in rows]


async def group(door: Door, *, group_id: uuid.UUID) -> GroupView | None:
    """A group as it stands, not locked."""
    rows = await fetch(
        door,
        f"SELECT {_GROUP} FROM groupbuy_group g WHERE g.brand_id = $1 AND g.id = $2",  # noqa: S608
        brand_of(door),
        group_id,
    )
    return group_of(rows[0]) if rows else None


async def seat(door: Door, *, seat_id: uuid.UUID, member_id: uuid.UUID) -> SeatView | None:
    """A member's own seat."""
    rows = await fetch(
        door,
        f"SELECT {_SEAT} FROM groupbuy_seat s WHERE s.brand_id = $1 AND s.id = $2 AND s.member_id = $3",  # noqa: S608
        brand_of(door),
        seat_id,
        member_id,
    )
    return seat_of(rows[0]) if rows else None


async def pay_seats(door: Door, *, paid: Sequence[Paid], now: dt.datetime) -> list[uuid.UUID]:
    """Reserved seats of open groups become paid, and groups fill; the ids of the seats that moved.

    The groups are locked. One is ``filled`` when its last seat is paid, in this same statement.
    """
    rows = await fetch(
        door,
        """
WITH told AS (SELECT * FROM unnest($2::uuid[], $3::timestamptz[]) AS t(order_id, paid_at)),
moved AS (
    UPDATE groupbuy_seat s SET state = 'paid', paid_at = t.paid_at FROM told t, groupbuy_group g
    WHERE s.brand_id = $1 AND s.order_id = t.order_id AND s.state = 'reserved'
    AND g.brand_id = $1 AND g.id = s.group_id AND g.state IN ('opening', 'open')
    RETURNING s.id, s.group_id
), counts AS (SELECT group_id, count(*)::int AS n FROM moved GROUP BY group_id),
groups AS (
    UPDATE groupbuy_group g SET paid = g.paid + c.n,
        state = CASE WHEN g.paid + c.n >= g.size THEN 'filled' ELSE 'open' END,
        filled_at = CASE WHEN g.paid + c.n >= g.size THEN $4::timestamptz END
    FROM counts c WHERE g.brand_id = $1 AND g.id = c.group_id
)
SELECT id FROM moved
""",
        brand_of(door),
        [one.order_id for one in paid],
        [one.paid_at for one in paid],
        now,
    )
    return [row[0] for row in rows]


async def confirm_seats(door: Door, *, group_ids: Sequence[uuid.UUID]) -> list[SeatView]:
    """Paid seats of filled groups are confirmed and their pieces sold."""
    rows = await fetch(
        door,
        "WITH moved AS (UPDATE groupbuy_seat s SET state = 'confirmed'"  # noqa: S608
        " WHERE s.brand_id = $1 AND s.group_id = ANY($2::uuid[]) AND s.state = 'paid'"
        f" RETURNING {_SEAT}), {_SELL} SELECT {_SEAT} FROM moved s ORDER BY s.group_id, s.id",
        brand_of(door),
        list(group_ids),
    )
    return [seat_of(row) for row in rows]


async def release_seats(door: Door, *, order_ids: Sequence[uuid.UUID], now: dt.datetime) -> list[SeatView]:
    """Reserved seats that nobody paid come free, with their pieces."""
    rows = await fetch(
        door,
        "WITH moved AS (UPDATE groupbuy_seat s SET state = 'released', ended_at = $3"  # noqa: S608
        " WHERE s.brand_id = $1 AND s.order_id = ANY($2::uuid[]) AND s.state = 'reserved'"
        f" RETURNING {_SEAT}), counts AS (SELECT group_id, count(*)::int AS n FROM moved GROUP BY group_id),"
        " groups AS (UPDATE groupbuy_group g SET taken = g.taken - c.n FROM counts c"
        f" WHERE g.brand_id = $1 AND g.id = c.group_id), {_GIVE_BACK} SELECT {_SEAT} FROM moved s ORDER BY s.id",
        brand_of(door),
        list(order_ids),
        now,
    )
    return [seat_of(row) for row in rows]


async def leave_seats(door: Door, *, order_ids: Sequence[uuid.UUID], now: dt.datetime) -> list[SeatView]:
    """Paid seats of open groups come free again, with their pieces; their money is on its way back."""
    rows = await fetch(
        door,
        "WITH moved AS (UPDATE groupbuy_seat s SET state = 'refunding', ended_at = $3"  # noqa: S608
        " FROM groupbuy_group o WHERE s.brand_id = $1 AND s.order_id = ANY($2::uuid[]) AND s.state = 'paid'"
        " AND o.brand_id = $1 AND o.id = s.group_id AND o.state IN ('opening', 'open')"
        f" RETURNING {_SEAT}), counts AS (SELECT group_id, count(*)::int AS n FROM moved GROUP BY group_id),"
        " groups AS (UPDATE groupbuy_group g SET taken = g.taken - c.n, paid = g.paid - c.n FROM counts c"
        f" WHERE g.brand_id = $1 AND g.id = c.group_id), {_GIVE_BACK} SELECT {_SEAT} FROM moved s ORDER BY s.id",
        brand_of(door),
        list(order_ids),
        now,
    )
    return [seat_of(row) for row in rows]


async def give_back_seats(door: Door, *, group_ids: Sequence[uuid.UUID], now: dt.datetime) -> list[SeatView]:
    """Paid seats of groups that did not make it: their money goes back, their pieces come free."""
    rows = await fetch(
        door,
        "WITH moved AS (UPDATE groupbuy_seat s SET state = 'refunding', ended_at = $3"  # noqa: S608
        " FROM groupbuy_group o WHERE s.brand_id = $1 AND s.group_id = ANY($2::uuid[]) AND s.state = 'paid'"
        " AND o.brand_id = $1 AND o.id = s.group_id AND o.state IN ('expired', 'cancelled', 'refunding')"
        f" RETURNING {_SEAT}), {_GIVE_BACK} SELECT {_SEAT} FROM moved s ORDER BY s.id",
        brand_of(door),
        list(group_ids),
        now,
    )
    return [seat_of(row) for row in rows]


async def refuse_seats(door: Door, *, order_ids: Sequence[uuid.UUID], now: dt.datetime) -> list[SeatView]:
    """Paid when there was nothing to sit in any more: their money goes back, and what they held comes free."""
    rows = await fetch(
        door,
        "WITH had AS (SELECT s.id FROM groupbuy_seat s WHERE s.brand_id = $1 AND s.order_id = ANY($2::uuid[])"  # noqa: S608
        " AND s.state IN ('reserved', 'released') FOR UPDATE), held_seats AS (SELECT s.id FROM groupbuy_seat s"
        " WHERE s.brand_id = $1 AND s.order_id = ANY($2::uuid[]) AND s.state = 'reserved'), every AS ("
        "UPDATE groupbuy_seat s SET state = 'refunding', ended_at = $3 FROM had h"
        f" WHERE s.brand_id = $1 AND s.id = h.id RETURNING {_SEAT}), moved AS (SELECT e.* FROM every e"
        " JOIN held_seats h ON h.id = e.id), counts AS (SELECT group_id, count(*)::int AS n FROM moved GROUP BY"
        " group_id), groups AS (UPDATE groupbuy_group g SET taken = g.taken - c.n FROM counts c"
        f" WHERE g.brand_id = $1 AND g.id = c.group_id), {_GIVE_BACK} SELECT {_SEAT} FROM every s ORDER BY s.id",
        brand_of(door),
        list(order_ids),
        now,
    )
    return [seat_of(row) for row in rows]


async def refunded_seats(door: Door, *, order_ids: Sequence[uuid.UUID]) -> list[SeatView]:
    """All the money of these orders is back: their seats are over; a confirmed one stays one of its group."""
    rows = await fetch(
        door,
        "UPDATE groupbuy_seat s SET state = CASE s.state WHEN 'refunding' THEN 'refunded'"  # noqa: S608
        " ELSE 'refunded_after' END WHERE s.brand_id = $1 AND s.order_id = ANY($2::uuid[])"
        f" AND s.state IN ('refunding', 'confirmed') RETURNING {_SEAT}",
        brand_of(door),
        list(order_ids),
    )
    return [seat_of(row) for row in rows]


async def overflow_seat(door: Door, *, seat_id: uuid.UUID, replaced_by: uuid.UUID | None) -> bool:
    """A lost seat whose money came late; ``replaced_by`` is the seat it went to, none: it goes back."""
    sql = (
        "UPDATE groupbuy_seat SET state = 'overflow', replaced_by = $3"
        " WHERE brand_id = $1 AND id = $2 AND state = 'released'"
    )
    return await run(door, sql, brand_of(door), seat_id, replaced_by) == 1


async def name_payment(door: Door, *, seat_id: uuid.UUID, payment_id: uuid.UUID) -> None:
    """The payment of a seat whose money was there before the seat."""
    sql = "UPDATE groupbuy_seat SET payment_id = $3 WHERE brand_id = $1 AND id = $2"
    await run(door, sql, brand_of(door), seat_id, payment_id)


async def pass_on_leadership(door: Door, *, group_ids: Sequence[uuid.UUID]) -> None:
    """Where the leader has no live seat any more, the member who paid first leads; the deadline stays."""
    await run(
        door,
        """
UPDATE groupbuy_group g SET leader_member_id = h.member_id
FROM (SELECT DISTINCT ON (s.group_id) s.group_id, s.member_id FROM groupbuy_seat s
    WHERE s.brand_id = $1 AND s.group_id = ANY($2::uuid[]) AND s.state IN ('reserved', 'paid')
    ORDER BY s.group_id, s.paid_at NULLS LAST, s.id) h
WHERE g.brand_id = $1 AND g.id = h.group_id AND NOT EXISTS (SELECT FROM groupbuy_seat s WHERE s.brand_id = $1
    AND s.group_id = g.id AND s.member_id = g.leader_member_id AND s.state IN ('reserved', 'paid'))
""",
        brand_of(door),
        list(group_ids),
    )


async def fill_short(door: Door, *, group_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    """At the deadline so many are enough, as the campaign said."""
    await run(
        door,
        "UPDATE groupbuy_group SET state = 'filled', filled_at = $3 WHERE brand_id = $1 AND id = ANY($2::uuid[])"
        " AND state = 'open'",
        brand_of(door),
        list(group_ids),
        now,
    )


async def end_groups(
    door: Door, *, group_ids: Sequence[uuid.UUID], state: str, reason: str, now: dt.datetime
) -> list[GroupView]:
    """Open groups do not make it (``expired`` or ``cancelled``)."""
    rows = await fetch(
        door,
        "UPDATE groupbuy_group g SET state = $3, end_reason = $4, ended_at = $5"  # noqa: S608
        " WHERE g.brand_id = $1 AND g.id = ANY($2::uuid[]) AND g.state IN ('opening', 'open')"
        f" RETURNING {_GROUP}",
        brand_of(door),
        list(group_ids),
        state,
        reason,
        now,
    )
    return [group_of(row) for row in rows]


async def open_ids(
    door: Door, *, campaign_id: uuid.UUID | None = None, shop_id: uuid.UUID | None = None
) -> list[uuid.UUID]:
    """The open groups of a campaign or of a shop."""
    rows = await fetch(
        door,
        "SELECT id FROM groupbuy_group WHERE brand_id = $1 AND state IN ('opening', 'open')"
        " AND ($2::uuid IS NULL OR campaign_id = $2) AND ($3::uuid IS NULL OR shop_id = $3) ORDER BY id",
        brand_of(door),
        campaign_id,
        shop_id,
    )
    return [row[0] for row in rows]


async def open_groups_collected_in(door: Door, *, shop_id: uuid.UUID) -> list[uuid.UUID]:
    """The open groups with a live seat whose pieces are collected in this shop."""
    rows = await fetch(
        door,
        "SELECT g.id FROM groupbuy_group g WHERE g.brand_id = $1 AND g.state IN ('opening', 'open') AND EXISTS ("
        "SELECT FROM groupbuy_seat s WHERE s.brand_id = $1 AND s.group_id = g.id AND s.pickup_shop_id = $2"
        " AND s.state IN ('reserved', 'paid')) ORDER BY g.id",
        brand_of(door),
        shop_id,
    )
    return [row[0] for row in rows]


async def begin_refunding(door: Door, *, group_ids: Sequence[uuid.UUID]) -> None:
    await run(
        door,
        "UPDATE groupbuy_group SET state = 'refunding' WHERE brand_id = $1 AND id = ANY($2::uuid[])"
        " AND state IN ('expired', 'cancelled')",
        brand_of(door),
        list(group_ids),
    )


async def finish_refunding(door: Door, *, group_ids: Sequence[uuid.UUID]) -> list[GroupView]:
    """Groups in which nobody waits for anything any more have failed."""
    rows = await fetch(
        door,
        "UPDATE groupbuy_group g SET state = 'failed' WHERE g.brand_id = $1 AND g.id = ANY($2::uuid[])"  # noqa: S608
        " AND g.state = 'refunding' AND NOT EXISTS (SELECT FROM groupbuy_seat s WHERE s.brand_id = $1"
        " AND s.group_id = g.id AND s.state IN ('reserved', 'paid', 'refunding'))"
        f" RETURNING {_GROUP}",
        brand_of(door),
        list(group_ids),
    )
    return [group_of(row) for row in rows]


async def succeed(door: Door, *, group_ids: Sequence[uuid.UUID]) -> int:
    """Everything a filled group sets off is under way."""
    return await run(
        door,
        "UPDATE groupbuy_group SET state = 'succeeded' WHERE brand_id = $1 AND id = ANY($2::uuid[])"
        " AND state = 'filled'",
        brand_of(door),
        list(group_ids),
    )


async def other_group_of(door: Door, *, group: GroupView, now: dt.datetime) -> uuid.UUID | None:
    """Another open group of the same shop and campaign with room: the one nearest to being full."""
    rows = await fetch(
        door,
        "SELECT id FROM groupbuy_group WHERE brand_id = $1 AND campaign_id = $2"
        " AND shop_id IS NOT DISTINCT FROM $3 AND id <> $4 AND state = 'open' AND taken < size"
        " AND deadline_at > $5"
        " ORDER BY size - taken, deadline_at, id LIMIT 1",
        brand_of(door),
        group.campaign_id,
        group.shop_id,
        group.id,
        now,
    )
    return rows[0][0] if rows else None
