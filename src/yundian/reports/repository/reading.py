"""Numbers are read from the rollups, whole months from theirs. From the facts come documents, and numbers of
places within some shops or campaigns, of which there is no rollup."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from yundian.platform.outbox.door import Door, brand_of, fetch
from yundian.reports import rules
from yundian.reports.repository.facts import AGGREGATES, CAMPAIGN, MONTH, SHOP
from yundian.reports.types import NOBODY, Basis, By, DocumentView, FactKind, Figures, SalesQuery

# How ``reports_member_day.bucket`` divides members.
BUCKETS = 64

_SUMS = ("orders", "quantity", "gross_minor", "refunds", "refunds_minor")
_KEYS = {
    By.SHOP: "shop_id",
    By.CAMPAIGN: "campaign_id",
    By.CHANNEL: "channel",
    By.COUNTRY: "country",
    By.PROVINCE: "country || '/' || province",
}


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
        if wanted.country is not None:
            self.conditions.append(f"country = {self.value(wanted.country)}::text")
        if wanted.province is not None:
            self.conditions.append(f"province = {self.value(wanted.province)}::text")

    def days(self, first: dt.date, last: dt.date) -> str:
        return f"business_date BETWEEN {self.value(first)}::date AND {self.value(last)}::date"

    @property
    def where(self) -> str:
        return " AND ".join(self.conditions)


async def figures(
    door: Door, *, wanted: SalesQuery, months: tuple[dt.date, dt.date] | None
) -> list[tuple[Any, Figures]]:
    """The sums by key and currency. ``months``: which whole months are read from their own rollup."""
    query = _Query(door, wanted)
    query.narrow(wanted)
    parts = [_of_places(query, wanted)] if wanted.is_of_places else _of_shops(query, wanted, months)
    sums = ", ".join(f"sum({name})::bigint AS {name}" for name in _SUMS)
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


def _of_shops(query: _Query, wanted: SalesQuery, months: tuple[dt.date, dt.date] | None) -> list[str]:
    columns = ", ".join(_SUMS)
    # Of the same sums there are fewer rows by place than by shop and campaign.
    days = "reports_day" if wanted.is_of_shops else "reports_place_day"
    parts = [
        f"SELECT {_key(wanted.by, 'business_date')} AS key, currency, {columns} FROM {days}"  # noqa: S608
        f" WHERE {query.where} AND {query.days(first, last)}"
        for first, last in _edges(wanted, months)
    ]
    if months is not None:
        begin, end = query.value(months[0]), query.value(months[1])
        parts.append(
            f"SELECT {_key(wanted.by, 'month')} AS key, currency, {columns} FROM reports_month"  # noqa: S608
            f" WHERE {query.where} AND month BETWEEN {begin}::date AND {end}::date"
        )
    return parts


def _of_places(query: _Query, wanted: SalesQuery) -> str:
    key, days = _key(wanted.by, "business_date"), query.days(wanted.first, wanted.last)
    if not wanted.is_of_shops:
        return (
            f"SELECT {key} AS key, currency, {', '.join(_SUMS)} FROM reports_place_day"  # noqa: S608
            f" WHERE {query.where} AND {days}"
        )
    return (
        f"SELECT {key} AS key, currency, {AGGREGATES} FROM ("  # noqa: S608
        f"SELECT document_id, kind, line_no, quantity, amount_minor, currency, business_date, channel, province,"
        f" country::text AS country, {SHOP} AS shop_id, {CAMPAIGN} AS campaign_id, brand_id, basis"
        f" FROM reports_fact WHERE brand_id = $1 AND basis = $2 AND {days}) AS f"
        f" WHERE {query.where} GROUP BY 1, 2"
    )


async def buyers(
    door: Door, *, wanted: SalesQuery, is_total: bool, sales: Mapping[str, int], is_all: bool
) -> dict[tuple[Any, str], int]:
    """How many different members bought in the currencies of ``sales``, which says how many sales each has, by key
    and currency; for the total the key is ``None``. ``is_all``: there are no other currencies; of a single one
    nobody is asked in which she bought."""
    found: dict[tuple[Any, str], int] = {}
    for currency, count in sales.items():
        query = _Query(door, wanted)
        query.narrow(wanted)
        query.conditions.append(query.days(wanted.first, wanted.last))
        if len(sales) > 1 or not is_all:
            query.conditions.append(f"currency = {query.value(currency)}::text")
        key = "NULL::text" if is_total else _key(wanted.by, "business_date")
        people = (
            f"SELECT key, count(*) AS people FROM (SELECT {key} AS key, member_id"  # noqa: S608
            f" FROM reports_member_day WHERE {query.where}{{bucket}} GROUP BY 1, 2) AS each GROUP BY 1"
        )
        parts = people.format(bucket="")
        # Within a shop there are few. Of all members a bucket after the other: each fits into the caches.
        if wanted.shop_ids is None:
            parts = _at_once(people) if count >= rules.MANY_SALES else _in_turn(people)
        rows = await fetch(
            door,
            f"SELECT key, sum(people)::bigint FROM ({parts}) AS counted GROUP BY 1",  # noqa: S608
            *query.arguments,
        )
        found.update({(row[0], currency): int(row[1]) for row in rows})
    return found


def _in_turn(people: str) -> str:
    each = people.format(bucket=" AND bucket = number::smallint")
    return (
        f"SELECT part.* FROM generate_series(0, {BUCKETS - 1}) AS b (number) CROSS JOIN LATERAL ({each}) AS part"  # noqa: S608
    )


def _at_once(people: str) -> str:
    """Buckets as parts of their own: several processes share them, which no join can be shared by. It takes some
    milliseconds to plan."""
    parts = (people.format(bucket=f" AND bucket = {number}::smallint") for number in range(BUCKETS))
    return " UNION ALL ".join(f"({part})" for part in parts)


async def documents(
    door: Door,
    *,
    wanted: SalesQuery,
    kind: FactKind | None,
    currency: str,
    before: tuple[dt.date, uuid.UUID, str] | None,
    limit: int,
) -> list[DocumentView]:
    """The documents behind a number, newest business day first; their lines summed up."""
    query = _Query(door, wanted)
    _narrow_facts(query, wanted)
    query.conditions.append(query.days(wanted.first, wanted.last))
    if kind is not None:
        query.conditions.append(f"kind = {query.value(kind.value)}::text")
    if currency:
        query.conditions.append(f"currency = {query.value(currency)}::text")
    if before is not None:
        day, document, last = (query.value(part) for part in before)
        query.conditions.append(
            f"(business_date, document_id, kind) < ({day}::date, {document}::uuid, {last}::text)"
        )
    rows = await fetch(
        door,
        "SELECT kind, document_type, document_id, order_id, number, occurred_at, business_date, channel, shop_id,"  # noqa: S608
        " campaign_id, country::text, province, sum(quantity)::bigint, sum(amount_minor)::bigint, currency"
        f" FROM reports_fact WHERE {query.where}"
        " GROUP BY kind, document_type, document_id, order_id, number, occurred_at,"
        " business_date, channel, shop_id, campaign_id, country, province, currency"
        f" ORDER BY business_date DESC, document_id DESC, kind DESC LIMIT {query.value(limit)}::int",
        *query.arguments,
    )
    return [_document(row) for row in rows]


async def cash_by_day(
    door: Door, *, zone: str, first: dt.date, last: dt.date, paid_here: Sequence[str]
) -> dict[tuple[dt.date, str], tuple[int, int, int, int]]:
    """Money of sales and of refunds by the day of ``zone`` and currency: the cash facts by their instant, those of
    the document types that are paid here, then those of the others."""
    # A shop's business day is at most one day off the brand's.
    day = dt.timedelta(days=1)
    sums = ", ".join(
        f"coalesce(sum(amount_minor) FILTER (WHERE kind = '{kind}' AND document_type {which}), 0)::bigint"
        for which in ("= ANY($8)", "<> ALL($8)")
        for kind in ("sale", "refund")
    )
    rows = await fetch(
        door,
        f"SELECT (occurred_at AT TIME ZONE $3)::date, currency, {sums}"  # noqa: S608
        " FROM reports_fact WHERE brand_id = $1 AND basis = $2 AND business_date BETWEEN $4::date AND $5::date"
        " AND (occurred_at AT TIME ZONE $3)::date BETWEEN $6::date AND $7::date GROUP BY 1, 2",
        brand_of(door),
        Basis.CASH.value,
        zone,
        first - day,
        last + day,
        first,
        last,
        list(paid_here),
    )
    return {(row[0], row[1]): (int(row[2]), int(row[3]), int(row[4]), int(row[5])) for row in rows}


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
    if wanted.country is not None:
        query.conditions.append(f"country::text = {query.value(wanted.country)}::text")
    if wanted.province is not None:
        query.conditions.append(f"province = {query.value(wanted.province)}::text")


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
        country=row[10],
        province=row[11],
        quantity=int(row[12]),
        amount_minor=int(row[13]),
        currency=row[14],
    )
