"""Counts of a channel's documents, for whoever sends them and for the screens."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import NamedTuple

import asyncpg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.models import Document
from yundian.channels.types import DocumentKind
from yundian.platform.core.ids import first_id_at
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch


class Adjusted(NamedTuple):
    """Adjustments of a channel in one currency, summed up."""

    channel: str
    currency: str
    documents: int
    amount_minor: int


class Adjustment(NamedTuple):
    """One of them: a document that is neither a sale nor a refund. Its day is the channel's."""

    channel: str
    shop_code: str
    external_id: str
    day: dt.date
    currency: str
    amount_minor: int


# What a source can count on its side: different numbers of each kind, whatever came of each how often.
_DAYS = """
SELECT (d.{moment} AT TIME ZONE $5)::date AS day, count(*) AS received,
    count(*) FILTER (WHERE d.state = 'applied') AS applied,
    count(*) FILTER (WHERE d.state = 'stale') AS stale,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'sale') AS sales,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'refund') AS refunds,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'adjustment') AS adjustments,
    count(DISTINCT (d.external_shop, d.external_id)) FILTER (WHERE d.kind = 'ignored') AS ignored
FROM channels_document d
WHERE d.brand_id = $1 AND d.channel = $2 AND {range}
GROUP BY 1 ORDER BY 1
"""
# Ids are made by time: the range of a day is a range of the index, kind by kind.
_RECEIVED = _DAYS.format(
    moment="created_at",
    range="d.kind IN ('sale', 'refund', 'adjustment', 'ignored') AND d.id >= $6 AND d.id < $7"
    " AND d.created_at >= $3 AND d.created_at < $4",
)
_OCCURRED = _DAYS.format(
    moment="occurred_at",
    range="d.occurred_at >= $3 AND d.occurred_at < $4 AND $6::uuid IS NOT NULL AND $7::uuid IS NOT NULL",
)

# What waits was never a document: its day is that of its receipt.
_HELD = """
SELECT (q.created_at AT TIME ZONE $5)::date AS day, count(*) AS held
FROM intake_quarantine q JOIN intake_run r ON r.brand_id = q.brand_id AND r.id = q.run_id
WHERE q.brand_id = $1 AND q.kind = ANY($6::varchar[]) AND q.state = 'open' AND r.scope = $2
    AND q.created_at >= $3 AND q.created_at < $4
GROUP BY 1
"""

_TOTALS = """
SELECT channel, kind, currency, count(*) AS documents, sum(amount_minor)::bigint AS amount_minor,
    max(created_at) AS newest_at
FROM channels_document WHERE brand_id = $1 AND is_current AND ($2::varchar IS NULL OR channel = $2)
GROUP BY channel, kind, currency ORDER BY channel, kind, currency
"""

# Days are those of the channel.
_ADJUSTMENTS = """
FROM channels_channel c CROSS JOIN LATERAL (SELECT * FROM channels_document
    WHERE brand_id = $1 AND channel = c.code AND kind = 'adjustment' AND is_current) AS d
WHERE c.brand_id = $1 AND ($2::text = '' OR c.code = $2)
    AND (d.occurred_at AT TIME ZONE c.time_zone)::date BETWEEN $3::date AND $4::date
"""
_ADJUSTED = f"""
SELECT d.channel, d.currency, count(*) AS documents, sum(d.amount_minor)::bigint AS amount_minor
{_ADJUSTMENTS} GROUP BY 1, 2 ORDER BY 1, 2
"""
_EACH_ADJUSTED = f"""
SELECT d.channel, d.external_shop, d.external_id, (d.occurred_at AT TIME ZONE c.time_zone)::date AS day,
    d.currency, d.amount_minor
{_ADJUSTMENTS} ORDER BY 4, 1, 2, 3 LIMIT $5
"""

_SLACK = dt.timedelta(minutes=5)


async def days(
    tx: Tx, *, channel: str, first: dt.datetime, end: dt.datetime, time_zone: str, by_receipt: bool
) -> list[asyncpg.Record]:
    """One row a day that has any, of what was received (or happened) from ``first`` until before ``end``."""
    return await tx.fetch(
        _RECEIVED if by_receipt else _OCCURRED,
        tx.brand,
        channel,
        first,
        end,
        time_zone,
        # The maker's clock and the row's are read one after the other.
        first_id_at(first - _SLACK),
        first_id_at(end + _SLACK),
    )


async def held_days(
    tx: Tx, *, kinds: Sequence[str], channel: str, first: dt.datetime, end: dt.datetime, time_zone: str
) -> dict[dt.date, int]:
    """How many wait in quarantine, by the day they were received on."""
    rows = await tx.fetch(_HELD, tx.brand, channel, first, end, time_zone, list(kinds))
    return {row["day"]: row["held"] for row in rows}


async def totals(tx: Tx, *, channel: str | None = None) -> list[asyncpg.Record]:
    """What every order and return says now, by channel, kind and currency."""
    return await tx.fetch(_TOTALS, tx.brand, channel)


async def adjusted(door: Door, *, channel: str, first: dt.date, last: dt.date) -> list[Adjusted]:
    """What adjustments came to in these days, by channel and currency; an empty ``channel``: of all."""
    rows = await fetch(door, _ADJUSTED, brand_of(door), channel, first, last)
    return [Adjusted(*row) for row in rows]


async def adjustments(door: Door, *, channel: str, first: dt.date, last: dt.date, limit: int) -> list[Adjustment]:
    """The same one by one, the earliest first."""
    rows = await fetch(door, _EACH_ADJUSTED, brand_of(door), channel, first, last, limit)
    return [Adjustment(*row) for row in rows]


async def newest_documents(
    session: AsyncSession, *, brand_id: uuid.UUID, channel: str, kind: DocumentKind, limit: int
) -> Sequence[Document]:
    """The documents of a kind, the newest received first."""
    statement = (
        select(Document)
        .where(col(Document.brand_id) == brand_id, col(Document.channel) == channel, col(Document.kind) == kind)
        .order_by(col(Document.id).desc())
        .limit(limit)
    )
    return (await session.exec(statement)).all()


async def get_document(session: AsyncSession, *, brand_id: uuid.UUID, document_id: uuid.UUID) -> Document | None:
    return await session.get(Document, (brand_id, document_id))


async def current_documents(
    session: AsyncSession, *, brand_id: uuid.UUID, channel: str, shop: str, numbers: Collection[str]
) -> Sequence[Document]:
    """The newest versions under these numbers of a shop of a channel, the earliest document first."""
    statement = (
        select(Document)
        .where(
            col(Document.brand_id) == brand_id,
            col(Document.channel) == channel,
            col(Document.external_shop) == shop,
            col(Document.external_id).in_(sorted(numbers)),
            col(Document.is_current),
        )
        .order_by(col(Document.occurred_at), col(Document.id))
    )
    return (await session.exec(statement)).all()


async def versions_of(session: AsyncSession, *, document: Document, limit: int) -> Sequence[Document]:
    """Everything received under the key of a document, in the order it came."""
    statement = (
        select(Document)
        .where(
            col(Document.brand_id) == document.brand_id,
            col(Document.channel) == document.channel,
            col(Document.external_shop) == document.external_shop,
            col(Document.external_id) == document.external_id,
        )
        .order_by(col(Document.id))
        .limit(limit)
    )
    return (await session.exec(statement)).all()
