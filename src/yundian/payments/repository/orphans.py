"""Money that fits nothing, and what was done about it."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.payments.states import OrphanStanding
from yundian.payments.types import OrphanActionView, OrphanView
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

# What is left to be done something about; a refund without an amount is known by its reason alone.
_IS_LEFT = "(o.reserved_minor < o.amount_minor OR o.amount_minor = 0)"
_IS_BACK = "o.amount_minor > 0 AND o.refunded_minor = o.amount_minor"
_WHERE = {
    OrphanStanding.OPEN: f"o.status = 'open' AND {_IS_LEFT}",
    OrphanStanding.RETURNING: f"o.status = 'open' AND NOT {_IS_LEFT} AND NOT ({_IS_BACK})",
    OrphanStanding.RETURNED: f"o.status = 'open' AND {_IS_BACK}",
    OrphanStanding.RESOLVED: "o.status = 'resolved'",
    OrphanStanding.ADOPTED: "o.status = 'adopted'",
}
_STANDING = "CASE " + " ".join(f"WHEN {where} THEN '{standing}'" for standing, where in _WHERE.items()) + " END"
_ORPHAN = (
    f"o.id, o.reason, o.status, {_STANDING} AS standing, o.provider, o.account_id, o.out_trade_no, o.provider_ref,"
    " o.amount_minor, o.currency,"
    " o.detail, o.payment_id, o.linked_payment_id, o.reserved_minor, o.refunded_minor, o.paid_at, o.created_at"
)


def orphan_of(row: Sequence[Any]) -> OrphanView:
    return msgspec.convert(dict(zip(OrphanView.__struct_fields__, row, strict=True)), OrphanView, strict=False)


async def add_orphans(door: Door, *, found: Sequence[OrphanView]) -> set[uuid.UUID]:
    """Keep those that are not kept already; their ids."""
    rows = await fetch(
        door,
        "INSERT INTO payments_orphan (brand_id, id, reason, status, provider, account_id,"
        " out_trade_no, provider_ref,"
        " amount_minor, currency, detail, payment_id, reserved_minor, refunded_minor, paid_at, created_at)"
        " SELECT $1, n.id, n.reason, 'open', n.provider, n.account_id, n.out_trade_no,"
        " n.provider_ref, n.amount_minor,"
        " n.currency, n.detail, n.payment_id, 0, 0, n.paid_at, n.created_at"
        " FROM unnest($2::uuid[], $3::varchar[], $4::varchar[], $5::uuid[], $6::varchar[],"
        " $7::varchar[], $8::bigint[],"
        " $9::varchar[], $10::varchar[], $11::uuid[], $12::timestamptz[], $13::timestamptz[])"
        " AS n (id, reason, provider, account_id, out_trade_no, provider_ref, amount_minor, currency, detail,"
        " payment_id, paid_at, created_at) ON CONFLICT (brand_id, out_trade_no, reason, provider_ref) DO NOTHING"
        " RETURNING id",
        brand_of(door),
        [one.id for one in found],
        [one.reason.value for one in found],
        [one.provider.value for one in found],
        [one.account_id for one in found],
        [one.out_trade_no for one in found],
        [one.provider_ref for one in found],
        [one.amount_minor for one in found],
        [one.currency for one in found],
        [one.detail for one in found],
        [one.payment_id for one in found],
        [one.paid_at for one in found],
        [one.created_at for one in found],
    )
    return {row[0] for row in rows}


async def orphan(door: Door, *, orphan_id: uuid.UUID, lock: bool = False) -> OrphanView | None:
    sql = f"SELECT {_ORPHAN} FROM payments_orphan o WHERE o.brand_id = $1 AND o.id = $2"  # noqa: S608
    rows = await fetch(door, sql + (" FOR UPDATE" if lock else ""), brand_of(door), orphan_id)
    return orphan_of(rows[0]) if rows else None


async def orphans(
    door: Door, *, standing: OrphanStanding, before: uuid.UUID | None, limit: int
) -> list[OrphanView]:
    """Newest first."""
    sql = (
        f"SELECT {_ORPHAN} FROM payments_orphan o WHERE o.brand_id = $1 AND {_WHERE[standing]}"  # noqa: S608
        " AND ($2::uuid IS NULL OR o.id < $2) ORDER BY o.id DESC LIMIT $3"
    )
    return [orphan_of(row) for row in await fetch(door, sql, brand_of(door), before, limit)]


async def orphans_of(door: Door, *, payment_id: uuid.UUID) -> list[OrphanView]:
    sql = f"SELECT {_ORPHAN} FROM payments_orphan o WHERE o.brand_id = $1 AND o.payment_id = $2 ORDER BY o.id"  # noqa: S608
    return [orphan_of(row) for row in await fetch(door, sql, brand_of(door), payment_id)]


async def resolve(door: Door, *, orphan_id: uuid.UUID) -> bool:
    sql = "UPDATE payments_orphan SET status = 'resolved' WHERE brand_id = $1 AND id = $2 AND status = 'open'"
    return await run(door, sql, brand_of(door), orphan_id) > 0


async def link(door: Door, *, orphan_id: uuid.UUID, payment_id: uuid.UUID) -> None:
    sql = "UPDATE payments_orphan SET linked_payment_id = $3 WHERE brand_id = $1 AND id = $2"
    await run(door, sql, brand_of(door), orphan_id, payment_id)


async def add_action(
    door: Door, *, orphan_id: uuid.UUID, action: str, text: str, actor_id: uuid.UUID | None, now: dt.datetime
) -> None:
    await run(
        door,
        "INSERT INTO payments_orphan_action (brand_id, id, created_at, orphan_id, action, text, actor_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        brand_of(door),
        new_id(),
        now,
        orphan_id,
        action,
        text,
        actor_id,
    )


async def actions(door: Door, *, orphan_id: uuid.UUID) -> list[OrphanActionView]:
    rows = await fetch(
        door,
        "SELECT orphan_id, action, text, actor_id, created_at FROM payments_orphan_action"
        " WHERE brand_id = $1 AND orphan_id = $2 ORDER BY id",
        brand_of(door),
        orphan_id,
    )
    names = OrphanActionView.__struct_fields__
    return [OrphanActionView(**dict(zip(names, row, strict=True))) for row in rows]
