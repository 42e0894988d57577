"""What HQ reads: from looking to buying, and how busy people were; a file says what the screen says."""

import datetime as dt
import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import funnel as repository
from appointments.repository import setup as services
from appointments.repository.funnel import By, FunnelRow
from appointments.repository.usage import Usage, usage
from stores import api as stores

MOST_DAYS = 366


class FunnelReport(msgspec.Struct, frozen=True, kw_only=True):
    """Rows with the names of what their keys mean, and what they sum up to."""

    by: By
    first: dt.date
    last: dt.date
    rows: list[tuple[str, FunnelRow]]
    total: FunnelRow


async def funnel(
    session: AsyncSession, *, by: By, first: dt.date, last: dt.date, shops: frozenset[uuid.UUID] | None = None
) -> FunnelReport:
    """How many looked, asked, were booked, came and bought, over days on which they first did."""
    last = max(first, min(last, first + dt.timedelta(days=MOST_DAYS - 1)))
    only = sorted(shops) if shops is not None else None
    rows = await repository.funnel(session, by=by, first=first, last=last, shops=only)
    names = await _names(session, by)
    total = FunnelRow(key="")
    for row in rows:
        for field in ("viewed", "held", "booked", "arrived", "bought"):
            setattr(total, field, getattr(total, field) + getattr(row, field))
        for currency, net in row.net.items():
            total.net = {**total.net, currency: total.net.get(currency, 0) + net}
    return FunnelReport(
        by=by, first=first, last=last, rows=[(names.get(row.key, row.key), row) for row in rows], total=total
    )


async def people(session: AsyncSession, *, first: dt.date, last: dt.date) -> list[tuple[str, str, Usage]]:
    """Shop, person, and what became of her appointments; by their names."""
    found = await usage(session, first=first, last=last)
    shops = await stores.get_shops(session, ids={one.shop_id for one in found})
    names = {one.id: one.display_name for one in await services.staff(session, shop_id=None)}
    rows = [(shops[one.shop_id].name, names.get(one.staff_id, ""), one) for one in found]
    return sorted(rows, key=lambda row: (row[0], row[1], row[2].staff_id))


async def _names(session: AsyncSession, by: By) -> dict[str, str]:
    if by is By.SERVICE:
        return {str(one.id): one.name for one in await services.services(session)}
    if by is By.STAFF:
        return {str(one.id): one.display_name for one in await services.staff(session, shop_id=None)}
    if by is By.SHOP:
        ids = await services.shops_with_staff(session)
        return {str(key): shop.name for key, shop in (await stores.get_shops(session, ids=ids)).items()}
    return {}
