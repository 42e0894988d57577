"""Refunds: the sum of them never exceeds what was paid, by one row."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.payments.states import RefundState
from yundian.payments.types import RefundView
from yundian.platform.outbox.door import Door, brand_of, fetch, run

REFUND = (
    "r.id, r.payment_id, r.orphan_id, r.account_id, r.out_trade_no, r.out_refund_no, r.amount_minor,"
    " r.total_minor,"
    " r.currency, r.reason, r.state, r.failure, r.provider_ref, r.polls, r.refunded_at, r.created_at"
)
POLL_AFTER_S = (60, 60, 120, 300, 600, 1800, 3600)
_BACKOFF = (
    f"(ARRAY[{','.join(map(str, POLL_AFTER_S))}])[least(polls + 1, {len(POLL_AFTER_S)})] * interval '1 second'"
)
# WeChat refuses refunds of one payment in quick succession: one goes, the others wait for a minute.
_CLAIM = f"""
WITH due AS MATERIALIZED (
    SELECT d.id, d.payment_id, d.state FROM payments_refund d
    WHERE d.brand_id = $1 AND d.next_poll_at <= $2 ORDER BY d.next_poll_at, d.id LIMIT $3 FOR UPDATE SKIP LOCKED
), busy AS MATERIALIZED (
    SELECT DISTINCT s.payment_id FROM due JOIN payments_refund s
        ON s.brand_id = $1 AND s.payment_id = due.payment_id AND s.id <> due.id
    WHERE due.state = 'approved' AND s.sent_at > $2::timestamptz - interval '1 minute'
), turns AS (
    SELECT due.id, due.state <> 'approved' OR due.payment_id IS NULL OR (
        busy.payment_id IS NULL
        AND row_number() OVER (PARTITION BY due.payment_id, due.state = 'approved' ORDER BY due.id) = 1) AS is_on
    FROM due LEFT JOIN busy ON busy.payment_id = due.payment_id
)
UPDATE payments_refund r SET polls = polls + is_on::int,
    next_poll_at = $2::timestamptz + CASE WHEN is_on THEN {_BACKOFF} ELSE interval '1 minute' END,
    sent_at = CASE WHEN is_on AND state IN ('approved', 'submitted') THEN $2 ELSE sent_at END,
    state = CASE WHEN is_on AND state = 'approved' THEN 'submitted' ELSE state END
FROM turns WHERE r.brand_id = $1 AND r.id = turns.id
RETURNING turns.is_on, {REFUND}
"""  # noqa: S608


def refund_of(row: Sequence[Any]) -> RefundView:
    fields = dict(zip(RefundView.__struct_fields__, row, strict=True))
    return msgspec.convert(fields, RefundView, strict=False)


async def reserve_orphan(door: Door, *, orphan_id: uuid.UUID, amount_minor: int) -> bool:
    sql = (
        "UPDATE payments_orphan SET reserved_minor = reserved_minor + $3"
        " WHERE brand_id = $1 AND id = $2 AND reserved_minor + $3 <= amount_minor"
    )
    return await run(door, sql, brand_of(door), orphan_id, amount_minor) > 0


async def add_refund(door: Door, *, values: dict[str, Any]) -> RefundView:
    names = list(values)
    marks = ", ".join(f"${number}" for number in range(2, len(names) + 2))
    rows = await fetch(
        door,
        f"INSERT INTO payments_refund AS r (brand_id, {', '.join(names)}, failure, provider_ref,"  # noqa: S608
        f" polls)"
        f" VALUES ($1, {marks}, '', '', 0) RETURNING {REFUND}",
        brand_of(door),
        *values.values(),
    )
    return refund_of(rows[0])


async def refund(door: Door, *, refund_id: uuid.UUID, lock: bool = False) -> RefundView | None:
    sql = f"SELECT {REFUND} FROM payments_refund r WHERE r.brand_id = $1 AND r.id = $2"  # noqa: S608
    rows = await fetch(door, sql + (" FOR UPDATE" if lock else ""), brand_of(door), refund_id)
    return refund_of(rows[0]) if rows else None


async def refunds_of(door: Door, *, column: str, owner_id: uuid.UUID) -> list[RefundView]:
    """``column`` is ``payment_id`` or ``orphan_id``."""
    sql = f"SELECT {REFUND} FROM payments_refund r WHERE r.brand_id = $1 AND r.{column} = $2 ORDER BY r.id"  # noqa: S608
    return [refund_of(row) for row in await fetch(door, sql, brand_of(door), owner_id)]


async def refunds_in(door: Door, *, state: RefundState, limit: int) -> list[RefundView]:
    sql = (
        f"SELECT {REFUND} FROM payments_refund r WHERE r.brand_id = $1 AND r.state = $2"  # noqa: S608
        " ORDER BY r.id DESC LIMIT $3"
    )
    return [refund_of(row) for row in await fetch(door, sql, brand_of(door), state.value, limit)]


async def lock_refunds(door: Door, *, numbers: Sequence[str]) -> dict[str, RefundView]:
    sql = (
        f"SELECT {REFUND} FROM payments_refund r WHERE r.brand_id = $1"  # noqa: S608
        " AND r.out_refund_no = ANY($2::varchar[]) ORDER BY r.id FOR UPDATE"
    )
    found = [refund_of(row) for row in await fetch(door, sql, brand_of(door), list(numbers))]
    return {one.out_refund_no: one for one in found}


async def move(
    door: Door,
    *,
    refund_id: uuid.UUID,
    sources: Sequence[RefundState],
    target: RefundState,
    next_poll_at: dt.datetime | None,
    actor_id: uuid.UUID | None = None,
) -> bool:
    """What a person decides."""
    sql = (
        "UPDATE payments_refund SET state = $4, next_poll_at = $5, approved_by = coalesce($6, approved_by)"
        " WHERE brand_id = $1 AND id = $2 AND state = ANY($3::varchar[])"
    )
    values = [state.value for state in sources]
    return await run(door, sql, brand_of(door), refund_id, values, target.value, next_poll_at, actor_id) > 0


async def claim_due(door: Door, *, now: dt.datetime, limit: int) -> list[RefundView]:
    """Refunds to send or to ask about, each by one worker; two of one payment are sent a minute apart."""
    rows = await fetch(door, _CLAIM, brand_of(door), now, limit)
    return [refund_of(tuple(row)[1:]) for row in rows if row[0]]


async def write_refunds(door: Door, *, changed: Sequence[RefundView]) -> None:
    """The new states; ended ones are not asked about any more."""
    await run(
        door,
        "UPDATE payments_refund r SET state = n.state, failure = n.failure, provider_ref = n.ref,"
        " refunded_at = n.refunded_at,"
        " next_poll_at = CASE WHEN n.state IN ('succeeded', 'closed', 'abnormal') THEN NULL ELSE"
        " r.next_poll_at END"
        " FROM unnest($2::uuid[], $3::varchar[], $4::varchar[], $5::varchar[], $6::timestamptz[])"
        " AS n (id, state, failure, ref, refunded_at) WHERE r.brand_id = $1 AND r.id = n.id",
        brand_of(door),
        [one.id for one in changed],
        [one.state.value for one in changed],
        [one.failure for one in changed],
        [one.provider_ref for one in changed],
        [one.refunded_at for one in changed],
    )


_BOOK = """
UPDATE {table} o SET refunded_minor = o.refunded_minor + n.refunded, reserved_minor = o.reserved_minor - n.released
FROM (SELECT id, sum(refunded) AS refunded, sum(released) AS released
      FROM unnest($2::uuid[], $3::bigint[], $4::bigint[]) AS u (id, refunded, released) GROUP BY id) AS n
WHERE o.brand_id = $1 AND o.id = n.id
"""


async def book(door: Door, *, table: str, moves: Sequence[tuple[uuid.UUID, int, int]]) -> None:
    """Count what was refunded and give back what will not be: ``(owner, refunded, released)``."""
    owners, refunded, released = (list(part) for part in zip(*moves, strict=True))
    await run(door, _BOOK.format(table=table), brand_of(door), owners, refunded, released)


async def look_soon(door: Door, *, numbers: Sequence[str], now: dt.datetime) -> None:
    """A notice says that something happened: ask now."""
    await run(
        door,
        "UPDATE payments_refund SET next_poll_at = $3 WHERE brand_id = $1 AND out_refund_no = ANY($2::varchar[])"
        " AND state IN ('submitted', 'processing', 'abnormal')",
        brand_of(door),
        list(numbers),
        now,
    )


async def known_numbers(door: Door, *, numbers: Sequence[str]) -> set[str]:
    sql = "SELECT out_refund_no FROM payments_refund WHERE brand_id = $1 AND out_refund_no = ANY($2::varchar[])"
    return {row[0] for row in await fetch(door, sql, brand_of(door), list(numbers))}
