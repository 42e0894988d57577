"""What HQ reads: from looking to buying, and how busy people were; a file says what the screen says."""

import datetime as dt
import uuid
from collections.abc import Iterable
from itertools import groupby

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import funnel as repository
from appointments.repository import setup as services
from appointments.repository.funnel import By, FunnelRow
from appointments.repository.usage import Usage, beginnings, usage
from appointments.service import planned
from stores import api as stores
from yundian.platform.core.words import Words, told

MOST_DAYS = 366


# Nobody booked before, and nothing is planned for later.
_EARLIEST, _AHEAD = dt.date(2000, 1, 1), dt.timedelta(days=400)
_ONE_DAY = dt.timedelta(days=1)
_NOBODY = uuid.UUID(int=0)


def span(first: dt.date | None, last: dt.date | None, *, today: dt.date, days: int) -> tuple[dt.date, dt.date]:
    """The days a report is about: those asked for, in either order, or the last ``days``; a year at most."""
    latest = today + _AHEAD
    until = min(max(last or today, _EARLIEST), latest)
    begin = min(max(first, _EARLIEST), latest) if first is not None else until - dt.timedelta(days=days - 1)
    begin, until = min(begin, until), max(begin, until)
    return max(begin, until - dt.timedelta(days=MOST_DAYS - 1)), until


def before(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """As many days just before these, to compare with."""
    return first - (last - first + _ONE_DAY), first - _ONE_DAY


class FunnelReport(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with the names of what their keys mean, what they sum up to, and what that was in as many days
    before.
    """

    by: By
    first: dt.date
    last: dt.date
    rows: list[tuple[str, FunnelRow]]
    total: FunnelRow
    past: FunnelRow


async def funnel(
    session: AsyncSession,
    *,
    by: By,
    first: dt.date,
    last: dt.date,
    shops: frozenset[uuid.UUID] | None = None,
    locale: str = "",
) -> FunnelReport:
    """How many looked, asked, were booked, came and bought, over days on which they first did.

    Names are those of a reader of ``locale``, here and below.
    """
    only = sorted(shops) if shops is not None else None
    rows = await repository.funnel(session, by=by, first=first, last=last, shops=only)
    then, until = before(first, last)
    earlier = await repository.funnel(session, by=By.SHOP, first=then, last=until, shops=only)
    names = await _names(session, by, locale)
    return FunnelReport(
        by=by,
        first=first,
        last=last,
        rows=[(names.get(row.key, row.key), row) for row in rows],
        total=_sum(rows),
        past=_sum(earlier),
    )


def _sum(rows: Iterable[FunnelRow]) -> FunnelRow:
    total = FunnelRow(key="")
    for row in rows:
        for field in ("viewed", "held", "booked", "arrived", "bought"):
            setattr(total, field, getattr(total, field) + getattr(row, field))
        for currency, net in row.net.items():
            total.net = {**total.net, currency: total.net.get(currency, 0) + net}
    return total


async def people(
    session: AsyncSession,
    *,
    first: dt.date,
    last: dt.date,
    shop_id: uuid.UUID | None = None,
    locale: str = "",
) -> list[tuple[str, str, Usage]]:
    """Shop, person, what became of her appointments, and how long she was planned to work; by their names.

    Planned is what her week and its exceptions say, while the shop is open: of days that are over what they said
    then.
    """
    booked = await usage(session, first=first, last=last, shop_id=shop_id)
    rows = {(one.shop_id, one.staff_id): one for one in booked}
    where = {shop_id} if shop_id else await services.shops_with_staff(session)
    worked = await planned.minutes(session, shop_ids=where, first=first, last=last, only=shop_id)
    for (shop, staff), minutes in worked.items():
        if minutes:
            rows.setdefault((shop, staff), Usage(shop_id=shop, staff_id=staff)).planned = minutes
    shops = told(await stores.get_shops(session, ids={shop for shop, _staff in rows}), locale)
    names = await _names(session, By.STAFF, locale)
    found = [(shops[one.shop_id].name, names.get(str(one.staff_id), ""), one) for one in rows.values()]
    return sorted(found, key=lambda row: (row[0], row[2].shop_id, row[1], row[2].staff_id))


_COUNTS = ("booked", "served", "missed", "cancelled", "cancelled_late", "minutes", "planned")


def _sum_of(rows: Iterable[tuple[str, str, Usage]]) -> Usage:
    total = Usage(shop_id=_NOBODY, staff_id=_NOBODY)
    for _shop, _person, row in rows:
        for field in _COUNTS:
            setattr(total, field, getattr(total, field) + getattr(row, field))
    return total


class Busyness(msgspec.Struct, frozen=True, kw_only=True):
    """How busy people were, and when customers come: the most in one hour of the week, and each of them.

    ``shops`` sums up the people of each shop, ``total`` all of them, ``past`` as many days just before.
    """

    rows: list[tuple[str, str, Usage]]
    shops: list[tuple[str, uuid.UUID, Usage]]
    total: Usage
    past: Usage
    hours: range
    by_hour: dict[tuple[int, int], int]

    @property
    def most(self) -> int:
        return max(self.by_hour.values(), default=0)


async def busyness(
    session: AsyncSession, *, first: dt.date, last: dt.date, shop_id: uuid.UUID | None, locale: str = ""
) -> Busyness:
    """Everything of the page about how busy shops are."""
    by_hour = await beginnings(session, first=first, last=last, shop_id=shop_id)
    hours = [hour for _weekday, hour in by_hour]
    rows = await people(session, first=first, last=last, shop_id=shop_id, locale=locale)
    then, until = before(first, last)
    of_shops = groupby(rows, key=lambda row: (row[0], row[2].shop_id))
    return Busyness(
        rows=rows,
        shops=[(name, shop, _sum_of(theirs)) for (name, shop), theirs in of_shops],
        total=_sum_of(rows),
        past=_sum_of(await people(session, first=then, last=until, shop_id=shop_id)),
        hours=range(min(hours), max(hours) + 1) if hours else range(0),
        by_hour=by_hour,
    )


async def _names(session: AsyncSession, by: By, locale: str) -> dict[str, str]:
    if by is By.SERVICE:
        return {str(one.id): Words(one.name, one.name_en).text(locale) for one in await services.services(session)}
    if by is By.STAFF:
        known = await services.staff(session, shop_id=None)
        return {str(one.id): Words(one.display_name, one.display_name_en).text(locale) for one in known}
    if by is By.SHOP:
        ids = await services.shops_with_staff(session)
        shops = told(await stores.get_shops(session, ids=ids), locale)
        return {str(key): shop.name for key, shop in shops.items()}
    return {}
