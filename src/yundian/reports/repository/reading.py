"""Numbers are read from the rollups, whole months from theirs; only documents come from the facts."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

from yundian.platform.outbox.door import Door, brand_of, fetch
from yundian.reports.repository.facts import MONTH
from yundian.reports.types import NOBODY, Basis, By, DocumentView, FactKind, Figures, SalesQuery

_SUMS = ("orders", "quantity", "gross_minor", "refunds", "refunds_minor")
_KEYS = {By.SHOP: "shop_id", By.CAMPAIGN: "campaign_id", By.CHANNEL: "channel"}


class _Query:
    """Conditions and their parameters, numbered as they come."""

    def __init__(self, door: Door, wanted: SalesQuery) -> None:
        self.arguments: list[object] = [brand_of(door), wanted.basis.value]
        self.conditions = ["brand_id = $1", "basis = $2"]

    def value(self, value: object) -> str:
        self.arguments.append(value)
        return f"${len(self.arguments)}"

    def narrow(self, wanted: SalesQuery) -> None:
        """The parts of the key that are asked for; ``NOBODY`` is a key like any other."""
        if wanted.shop_ids is not None:
            self.conditions.append(f"shop_id = ANY({self.value(list(wanted.shop_ids))}::uuid[])")
        if wanted.campaign_id is not None:
            self.conditions.append(f"campaign_id = {self.value(wanted.campaign_id)}::uuid")
        if wanted.channel is not None:
            self.conditions.append(f"channel = {self.value(wanted.channel)}::text")

    @property
    def where(self) -> str:
        return " AND ".join(self.conditions)


async def figures(
    door: Door, *, wanted: SalesQuery, months: tuple[dt.date, dt.date] | None
) -> list[tuple[Any, Figures]]:
    """The sums by key and currency. ``months``: which whole months are read from their own rollup."""
    query = _Query(door, wanted)
    query.narrow(wanted)
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in _SUMS)
    columns = ", ".join(_SUMS)
    parts = [
        f"SELECT {_key(wanted.by, 'business_date')} AS key, currency, {columns} FROM reports_day"  # noqa: S608
        f" WHERE {query.where} AND business_date BETWEEN {query.value(first)}::date AND {query.value(last)}::date"
        for first, last in _edges(wanted, months)
    ]
    if months is not None:
        begin, end = query.value(months[0]), query.value(months[1])
        parts.append(
            f"SELECT {_key(wanted.by, 'month')} AS key, currency, {columns} FROM reports_month"  # noqa: S608
            f" WHERE {query.where} AND month BETWEEN {begin}::date AND {end}::date"
        )
    rows = await fetch(
        door,
        f"SELECT key, currency, {sums} FROM ({' UNION ALL '.join(parts)}) AS parts"  # noqa: S608
        " GROUP BY 1, 2",
        *query.arguments,
    )
    return [
        (row[0], Figures(currency=row[1], **dict(zip(_SUMS, (int(value) for value in row[2:]), strict=True))))
        for row in rows
    ]


async def buyers(door: Door, *, wanted: SalesQuery, is_total: bool) -> dict[tuple[Any, str], int]:
    """How many different members bought, by key and currency; for the total the key is ``None``."""
    query = _Query(door, wanted)
    query.narrow(wanted)
    key = "NULL::text" if is_total else _key(wanted.by, "business_date")
    days = f"business_date BETWEEN {query.value(wanted.first)}::date AND {query.value(wanted.last)}::date"
    rows = await fetch(
        door,
        f"SELECT key, currency, count(*) FROM (SELECT {key} AS key, currency, member_id"  # noqa: S608
        f" FROM reports_member_day WHERE {query.where} AND {days} GROUP BY 1, 2, 3) AS people"
        " GROUP BY 1, 2",
        *query.arguments,
    )
    return {(row[0], row[1]): int(row[2]) for row in rows}


async def documents(
    door: Door, *, wanted: SalesQuery, before: tuple[dt.date, uuid.UUID, str] | None, limit: int
) -> list[DocumentView]:
    """The documents behind a number, newest business day first; their lines summed up."""
    query = _Query(door, wanted)
    _narrow_facts(query, wanted)
    days = f"business_date BETWEEN {query.value(wanted.first)}::date AND {query.value(wanted.last)}::date"
    query.conditions.append(days)
    if before is not None:
        day, document, kind = (query.value(part) for part in before)
        query.conditions.append(
            f"(business_date, document_id, kind) < ({day}::date, {document}::uuid, {kind}::text)"
        )
    rows = await fetch(
        door,
        "SELECT kind, document_type, document_id, order_id, number, occurred_at, business_date, channel, shop_id,"  # noqa: S608
        " campaign_id, sum(quantity)::bigint, sum(amount_minor)::bigint, currency FROM reports_fact"
        f" WHERE {query.where} GROUP BY kind, document_type, document_id, order_id, number, occurred_at,"
        " business_date, channel, shop_id, campaign_id, currency"
        f" ORDER BY business_date DESC, document_id DESC, kind DESC LIMIT {query.value(limit)}::int",
        *query.arguments,
    )
    return [_document(row) for row in rows]


async def cash_by_day(
    door: Door, *, zone: str, first: dt.date, last: dt.date, document_types: Sequence[str]
) -> dict[tuple[dt.date, str], tuple[int, int]]:
    """Money of sales and of refunds by the day of ``zone`` and currency: the cash facts by their instant."""
    # A shop's business day is at most one day off the brand's.
    day = dt.timedelta(days=1)
    rows = await fetch(
        door,
        "SELECT (occurred_at AT TIME ZONE $3)::date, currency,"
        " coalesce(sum(amount_minor) FILTER (WHERE kind = 'sale'), 0)::bigint,"
        " coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::bigint"
        " FROM reports_fact WHERE brand_id = $1 AND basis = $2 AND business_date BETWEEN $4::date AND $5::date"
        " AND (occurred_at AT TIME ZONE $3)::date BETWEEN $6::date AND $7::date"
        " AND document_type = ANY($8::text[]) GROUP BY 1, 2",
        brand_of(door),
        Basis.CASH.value,
        zone,
        first - day,
        last + day,
        first,
        last,
        list(document_types),
    )
    return {(row[0], row[1]): (int(row[2]), int(row[3])) for row in rows}


def _key(by: By, period: str) -> str:
    if by is By.DAY:
        return period
    if by is By.MONTH:
        return period if period == "month" else MONTH
    return _KEYS[by]


def _edges(wanted: SalesQuery, months: tuple[dt.date, dt.date] | None) -> list[tuple[dt.date, dt.date]]:
    """The days before and after the whole months; at least one range, so that there is something to ask."""
    if months is None:
        return [(wanted.first, wanted.last)]
    day = dt.timedelta(days=1)
    after = (months[1].replace(day=28) + dt.timedelta(days=4)).replace(day=1)
    edges = [(wanted.first, months[0] - day), (after, wanted.last)]
    return [(first, last) for first, last in edges if first <= last]


def _narrow_facts(query: _Query, wanted: SalesQuery) -> None:
    """The same as for the rollups; in the facts nobody is null."""
    if wanted.shop_ids is not None:
        shops = query.value([one for one in wanted.shop_ids if one != NOBODY])
        nobody = " OR shop_id IS NULL" if NOBODY in wanted.shop_ids else ""
        query.conditions.append(f"(shop_id = ANY({shops}::uuid[]){nobody})")
    if wanted.campaign_id == NOBODY:
        query.conditions.append("campaign_id IS NULL")
    elif wanted.campaign_id is not None:
        query.conditions.append(f"campaign_id = {query.value(wanted.campaign_id)}::uuid")
    if wanted.channel is not None:
        query.conditions.append(f"channel = {query.value(wanted.channel)}::text")


def _document(row: Sequence[Any]) -> DocumentView:
    return DocumentView(
        kind=FactKind(row[0]),
        document_type=row[1],
        document_id=row[2],
        order_id=row[3],
        number=row[4],
        occurred_at=row[5],
        business_date=row[6],
        channel=row[7],
        shop_id=row[8],
        campaign_id=row[9],
        quantity=int(row[10]),
        amount_minor=int(row[11]),
        currency=row[12],
    )
