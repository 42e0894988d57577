"""The appointments behind a number, as screens and the API ask for them."""

import datetime as dt
import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import listing as repository
from appointments.repository.listing import Listed, Wanted, What
from appointments.service import reporting
from yundian.brands import api as brands
from yundian.platform.core import clock
from yundian.platform.db.paging import Page, cut, decode_cursor

_DAYS = 30


# Filled in by handlers: a provided dependency that refuses a parameter leaves a connection open (Litestar).
class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, before the days are known: without any it is the last thirty, the brand's."""

    what: What = What.ALL
    first: dt.date | None = None
    last: dt.date | None = None
    shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    service_id: uuid.UUID | None = None
    channel: str | None = None
    weekday: int | None = None
    hour: int | None = None


async def wanted(session: AsyncSession, asked: Asked) -> Wanted:
    """The same with its days."""
    today = clock.business_day(clock.house(), await brands.zone_of(session))
    first, last = reporting.span(asked.first, asked.last, today=today, days=_DAYS)
    return Wanted(**{**msgspec.structs.asdict(asked), "first": first, "last": last})


async def some(session: AsyncSession, *, wanted: Wanted, cursor: str | None, limit: int) -> Page[Listed]:
    """The next of them, the latest first."""
    before = decode_cursor(cursor, (dt.datetime, uuid.UUID)) if cursor else None
    found = await repository.some(session, wanted=wanted, before=before, limit=limit + 1)
    items, next_cursor = cut(found, limit, lambda one: (one.starts_at, one.id))
    return Page(items, next_cursor)
