"""One function for each view: the chart, the table, the file, the API and the command line all ask it."""

import datetime as dt
import uuid
from typing import Any, NamedTuple

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.brands import api as brands
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.words import told
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import Door, brand_of
from yundian.reports import rules
from yundian.reports.repository import members as member_rows
from yundian.reports.repository import names, reading
from yundian.reports.service import buyers
from yundian.reports.types import (
    NOBODY,
    Basis,
    By,
    Compared,
    Credited,
    DocumentView,
    FactKind,
    Figures,
    MemberRow,
    ReconciledDay,
    SalesQuery,
    SalesReport,
    SalesRow,
)

MOST_CAMPAIGNS = 200

# What is paid here; staged documents were paid elsewhere.
_PAID_HERE = ("order", "refund")
_SUBJECT = "order"


class _Read(NamedTuple):
    """The figures of each cell, and of each currency: without buyers."""

    cells: list[tuple[tuple[Any, str], Figures]]
    sums: list[Figures]


async def sales(session: AsyncSession, *, wanted: SalesQuery) -> SalesReport:
    """Rows and totals. Days and months come in their order, without gaps; the rest by what it brought, most first.

    Raises:
        InvalidInput: a range that ends before it begins, or is too long to show.
    """
    return await _report(session, wanted, await _read(session, wanted), is_counted=True)


async def totals(session: AsyncSession, *, wanted: SalesQuery) -> list[Figures]:
    """The totals of the report, without its rows."""
    return await _with_all_buyers(session, wanted, (await _read(session, wanted)).sums)


async def compared(session: AsyncSession, *, wanted: SalesQuery, is_patient: bool = True) -> Compared:
    """The report, and the totals of the period before.

    Without patience nobody's buyers are counted where there are many sales: all else is there at once.
    """
    first, last = rules.previous(wanted.first, wanted.last)
    before = msgspec.structs.replace(wanted, by=By.CHANNEL, first=first, last=last)
    found, earlier = await _read(session, wanted), await _read(session, before)
    is_counted = is_patient or all(one.orders < rules.MANY_SALES for one in (*found.sums, *earlier.sums))
    sums = await _with_all_buyers(session, before, earlier.sums) if is_counted else earlier.sums
    past = {one.currency: one for one in sums}
    return Compared(
        report=await _report(session, wanted, found, is_counted=is_counted),
        before={one.currency: past.get(one.currency, Figures(currency=one.currency)) for one in found.sums},
        is_counted=is_counted,
    )


async def credited(
    session: AsyncSession, *, shop_id: uuid.UUID, today: dt.date, spans: tuple[int, ...]
) -> Credited:
    """A shop's own sales of the last days, today included, on the accrual basis. Two questions for all spans."""
    first = today - dt.timedelta(days=max(spans) - 1)
    wanted = SalesQuery(by=By.DAY, basis=Basis.ACCRUAL, first=first, last=today, shop_ids=frozenset({shop_id}))
    days = await reading.figures(session, wanted=wanted, months=None)
    by_campaign = msgspec.structs.replace(wanted, by=By.CAMPAIGN)
    found = await reading.figures(session, wanted=by_campaign, months=None)
    currencies = sorted({one.currency for _, one in days}) or [await _currency(session)]
    return Credited(
        spans=[
            (
                span,
                [
                    rules.summed(
                        [one for day, one in days if (today - day).days < span and one.currency == currency],
                        currency,
                        buyers=0,
                    )
                    for currency in currencies
                ],
            )
            for span in spans
        ],
        campaigns=await _rows(
            session, by_campaign, {(key, one.currency): rules.net(one) for key, one in found}, []
        ),
    )


async def documents(
    session: AsyncSession,
    *,
    wanted: SalesQuery,
    cursor: str | None,
    limit: int,
    kind: FactKind | None = None,
    currency: str = "",
) -> Page[DocumentView]:
    """What a number is made of: the documents, whose amounts sum up to it."""
    rules.checked(msgspec.structs.replace(wanted, by=By.MONTH))
    before = decode_cursor(cursor, (dt.date, uuid.UUID, str)) if cursor else None
    found = await reading.documents(
        session, wanted=wanted, kind=kind, currency=currency, before=before, limit=limit + 1
    )
    items, next_cursor = cut(
        found, limit, lambda one: (one.business_date.isoformat(), str(one.document_id), one.kind.value)
    )
    return Page(items=items, next_cursor=next_cursor)


async def members(door: Door, *, as_of: dt.date, limit: int | None) -> list[MemberRow]:
    """What each member bought before a day of the brand's zone, those who brought most first."""
    rules.shown_day("as-of", as_of)
    return await member_rows.before(door, as_of=as_of, zone=await brands.zone_of(door), limit=limit)


async def reconcile(session: AsyncSession, *, first: dt.date, last: dt.date) -> list[ReconciledDay]:
    """Payments' books beside the cash facts, day by day of the brand's zone, the newest first; every day is there.

    What payments has told a moment ago may still be on its way to the facts.
    """
    rules.checked(SalesQuery(by=By.DAY, basis=Basis.CASH, first=first, last=last))
    zone = await brands.zone_of(session)
    books = await payments.books_by_day(session, subject_type=_SUBJECT, zone=zone, first=first, last=last)
    cash = await reading.cash_by_day(session, zone=zone, first=first, last=last, paid_here=_PAID_HERE)
    told = {(one.day, one.currency): (one.captured_minor, one.refunded_minor) for one in books}
    currencies = sorted({currency for _, currency in (*told, *cash)}) or [await _currency(session)]
    days = []
    for day in reversed(list(rules.periods(By.DAY, first, last))):
        for currency in currencies:
            captured, refunded = told.get((day, currency), (0, 0))
            sold, sale_refunds, elsewhere, elsewhere_refunds = cash.get((day, currency), (0, 0, 0, 0))
            days.append(
                ReconciledDay(
                    day=day,
                    currency=currency,
                    captured_minor=captured,
                    sold_minor=sold,
                    refunded_minor=refunded,
                    sale_refunds_minor=sale_refunds,
                    captured_difference_minor=captured - sold,
                    refunded_difference_minor=refunded - sale_refunds,
                    elsewhere_minor=elsewhere,
                    elsewhere_refunds_minor=elsewhere_refunds,
                )
            )
    return days


async def today(session: AsyncSession) -> dt.date:
    """The brand's own calendar day."""
    return clock.business_day(clock.now(), await brands.zone_of(session))


async def shop_names(session: AsyncSession, *, ids: set[uuid.UUID], locale: str = "") -> dict[uuid.UUID, str]:
    """As a reader of the language calls them."""
    shops = told(await stores.get_shops(session, ids=ids - {NOBODY}), locale)
    return {one: shop.name for one, shop in shops.items()}


async def campaigns(session: AsyncSession) -> list[tuple[uuid.UUID, str]]:
    """The newest campaigns and their names."""
    return await names.newest(session, limit=MOST_CAMPAIGNS)


async def campaign_names(session: AsyncSession, *, ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    return await names.some(session, ids=list(ids - {NOBODY}))


def _with_buyers(figures: Figures, buyers: int) -> Figures:
    return rules.net(msgspec.structs.replace(figures, buyers=buyers))


async def _read(session: AsyncSession, wanted: SalesQuery) -> _Read:
    """What there is by key and currency, and the sums of each currency; at least the brand's own."""
    rules.checked(wanted)
    months = None if wanted.by is By.DAY else rules.whole_months(wanted.first, wanted.last)
    cells = [
        ((key, one.currency), one)
        for key, one in await reading.figures(session, wanted=wanted, months=months)
        if one.orders or one.refunds or one.gross_minor or one.refunds_minor
    ]
    currencies = sorted({currency for (_, currency), _ in cells}) or [await _currency(session)]
    figures = [one for _, one in cells]
    sums = [
        rules.summed([one for one in figures if one.currency == currency], currency, buyers=0)
        for currency in currencies
    ]
    return _Read(cells, sums)


async def _report(session: AsyncSession, wanted: SalesQuery, found: _Read, *, is_counted: bool) -> SalesReport:
    people, sums = dict[tuple[Any, str], int](), found.sums
    if is_counted:
        people = await buyers.of_each(session, wanted=wanted, sums=sums)
        sums = await _with_all_buyers(session, wanted, sums)
    shown = {cell: _with_buyers(one, people.get(cell, 0)) for cell, one in found.cells}
    return SalesReport(
        by=wanted.by,
        basis=wanted.basis,
        first=wanted.first,
        last=wanted.last,
        rows=await _rows(session, wanted, shown, [one.currency for one in sums]),
        totals=sums,
    )


async def _with_all_buyers(session: AsyncSession, wanted: SalesQuery, sums: list[Figures]) -> list[Figures]:
    people = await buyers.of_all(session, wanted=wanted, sums=sums)
    return [msgspec.structs.replace(one, buyers=people.get(one.currency, 0)) for one in sums]


async def _rows(
    session: AsyncSession, wanted: SalesQuery, cells: dict[tuple[Any, str], Figures], currencies: list[str]
) -> list[SalesRow]:
    if wanted.by in (By.DAY, By.MONTH):
        return [
            SalesRow(
                key=_period_key(wanted.by, day),
                label=_period_key(wanted.by, day),
                figures=cells.get((day, currency), Figures(currency=currency)),
            )
            for day in rules.periods(wanted.by, wanted.first, wanted.last)
            for currency in currencies
        ]
    labels = await _names(session, wanted, {key for key, _ in cells})
    ordered = sorted(cells.items(), key=lambda cell: (cell[0][1], -cell[1].net_minor, str(cell[0][0])))
    return [SalesRow(key=str(key), label=labels.get(key, ""), figures=one) for (key, _), one in ordered]


async def _names(session: AsyncSession, wanted: SalesQuery, keys: set[Any]) -> dict[Any, str]:
    """What keys are called; nobody has no name, a channel is its own."""
    if wanted.by is By.SHOP:
        return {**await shop_names(session, ids=keys, locale=wanted.locale)}
    if wanted.by is By.CAMPAIGN:
        return {**await campaign_names(session, ids=keys)}
    return {key: key for key in keys}


def _period_key(by: By, day: dt.date) -> str:
    return day.isoformat() if by is By.DAY else f"{day:%Y-%m}"


async def _currency(session: AsyncSession) -> str:
    return (await brands.get_policy(session, brand_id=brand_of(session))).currency
