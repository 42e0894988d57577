"""Notices as received, and those whose owner is not known."""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.payments.types import NoticeView
from yundian.platform.core import clock
from yundian.platform.core.ids import first_id_at, new_id
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event
from yundian.platform.outbox.door import Door, brand_of, fetch, mark_dirty, run


class NoticeRow(msgspec.Struct, kw_only=True):
    """One row to store, in the table's order of columns."""

    id: uuid.UUID
    created_at: dt.datetime
    account_id: uuid.UUID
    provider: str
    kind: str
    ref: str
    digest: bytes
    sealed: bytes
    signature_ok: bool
    merchant_id: str = ""
    app_id: str = ""
    out_trade_no: str = ""
    standing: str = ""
    provider_ref: str = ""
    amount_minor: int | None = None
    currency: str | None = None
    paid_at: dt.datetime | None = None
    out_refund_no: str = ""
    refund_standing: str = ""
    refund_minor: int | None = None
    refunded_at: dt.datetime | None = None
    refund_ref: str = ""


_COLUMNS = NoticeRow.__struct_fields__
_TYPES = [
    "uuid",
    "timestamptz",
    "uuid",
    "varchar",
    "varchar",
    "varchar",
    "bytea",
    "bytea",
    "bool",
    "varchar",
    "varchar",
    "varchar",
    "varchar",
    "varchar",
    "bigint",
    "varchar",
    "timestamptz",
    "varchar",
    "varchar",
    "bigint",
    "timestamptz",
    "varchar",
]
# Names and numbers of parameters are put in, never values.
# The event exists exactly when the notice is new: one statement, one round trip.
_ADD = (
    "WITH added AS (INSERT INTO payments_notice (brand_id, "  # noqa: S608
    + ", ".join(_COLUMNS)
    + ", outcome) SELECT $1, "
    + ", ".join(f"n.{name}" for name in _COLUMNS)
    + ", CASE WHEN n.signature_ok THEN '' ELSE 'rejected' END FROM unnest("
    + ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_TYPES, start=2))
    + ") AS n ("
    + ", ".join(_COLUMNS)
    + ") ON CONFLICT (brand_id, account_id, ref) DO NOTHING RETURNING id), told AS ("
    + outbox.fragment(brand="$1", first=len(_TYPES) + 2)
    + " WHERE (e.payload::jsonb ->> 'notice_id')::uuid IN (SELECT id FROM added)) SELECT id FROM added"
)


async def add_notices(
    door: Door,
    *,
    rows: Sequence[NoticeRow],
    events: Sequence[Event],
    parents: Sequence[str | None] | None = None,
) -> set[uuid.UUID]:
    """Store what is new, with the event of each verified one and its trace. ``events`` names ``notice_id`` in its
    payload."""
    columns = [[getattr(row, name) for row in rows] for name in _COLUMNS]
    added = await fetch(door, _ADD, brand_of(door), *columns, *outbox.arguments(events, parents=parents))
    if added and events:
        mark_dirty(door)
    return {row[0] for row in added}


async def notices_to_handle(door: Door, *, ids: Sequence[uuid.UUID]) -> list[NoticeRow]:
    """The verified ones that were not handled yet."""
    rows = await fetch(
        door,
        f"SELECT {', '.join(_COLUMNS)} FROM payments_notice"  # noqa: S608
        " WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND handled_at IS NULL AND signature_ok ORDER"
        " BY id FOR UPDATE",
        brand_of(door),
        list(ids),
    )
    return [NoticeRow(**dict(zip(_COLUMNS, row, strict=True))) for row in rows]


async def handled(door: Door, *, outcomes: dict[uuid.UUID, str]) -> None:
    await run(
        door,
        "UPDATE payments_notice t SET handled_at = now(), outcome = n.outcome"
        " FROM unnest($2::uuid[], $3::varchar[]) AS n (id, outcome) WHERE t.brand_id = $1 AND t.id = n.id",
        brand_of(door),
        list(outcomes),
        list(outcomes.values()),
    )


async def notices_about(door: Door, *, numbers: Sequence[str]) -> list[NoticeView]:
    """Everything that providers sent about these numbers, oldest first."""
    rows = await fetch(
        door,
        "SELECT id, provider, kind, out_trade_no, signature_ok, amount_minor, currency, outcome,"
        " handled_at, created_at"
        " FROM payments_notice WHERE brand_id = $1 AND out_trade_no = ANY($2::varchar[]) ORDER BY id",
        brand_of(door),
        list(numbers),
    )
    names = NoticeView.__struct_fields__
    return [msgspec.convert(dict(zip(names, row, strict=True)), NoticeView, strict=False) for row in rows]


async def keep_unclaimed(
    door: Door, *, provider: str, path: str, digest: bytes, sealed: bytes, now: dt.datetime
) -> bool:
    """Works without a brand; the same notice again is not kept twice."""
    return (
        await run(
            door,
            "INSERT INTO unclaimed_notice (id, created_at, provider, path, digest, sealed)"
            " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (digest) DO NOTHING",
            new_id(),
            now,
            provider[:16],
            path[:200],
            digest,
            sealed,
        )
        > 0
    )


async def forget(door: Door, *, days: int, limit: int) -> int:
    """Nobody waits for these any more: handled, or never believed."""
    return await run(
        door,
        "UPDATE payments_notice SET sealed = NULL WHERE brand_id = $1 AND id IN (SELECT id FROM payments_notice"
        " WHERE brand_id = $1 AND sealed IS NOT NULL AND created_at < now() - make_interval(days => $2)"
        " AND (handled_at IS NOT NULL OR NOT signature_ok) ORDER BY id LIMIT $3 FOR UPDATE SKIP LOCKED)",
        brand_of(door),
        days,
        limit,
    )


async def forget_unclaimed(door: Door, *, days: int) -> int:
    """Works without a brand."""
    before = first_id_at(clock.now() - dt.timedelta(days=days))
    return await run(door, "DELETE FROM unclaimed_notice WHERE id < $1", before)
