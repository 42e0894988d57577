"""How many documents of a channel there are, day by day: a source compares with its own count and finds gaps."""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.repository import counts as repository
from yundian.channels.rules import FIRST_YEAR, LAST_YEAR
from yundian.channels.service import channels, importing, syncing
from yundian.channels.types import ChannelView, DocumentKind
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.database import Database

MAX_DAYS = 31
MOST_IN_A_FILE = 50_000
KINDS = (importing.KIND, syncing.KIND)

_NOTHING = dict.fromkeys(("received", "applied", "stale", "sales", "refunds", "adjustments", "ignored"), 0)


class CountedBy(StrEnum):
    """A document's day: when it happened (sold, refunded) by its own word, or when it was received here."""

    OCCURRED = "occurred"
    RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class DayCount:
    day: dt.date
    received: int
    applied: int
    stale: int
    quarantined: int
    sales: int
    refunds: int
    adjustments: int
    ignored: int


@dataclass(frozen=True, slots=True)
class Counts:
    time_zone: str
    days: list[DayCount]


@dataclass(frozen=True, slots=True)
class KindTotal:
    """What a channel's documents of one kind and currency say now, together."""

    channel: str
    kind: DocumentKind
    currency: str
    documents: int
    amount_minor: int
    newest_at: dt.datetime


async def count_days(
    database: Database,
    *,
    brand: uuid.UUID,
    channel: str,
    by: CountedBy,
    first: dt.date | None,
    last: dt.date | None,
) -> Counts:
    """The days from ``first`` to ``last``, at most a month; without them the last seven, today included.

    Raises:
        ChannelUnknown
        InvalidInput: the days are the wrong way round, too many, or such as no document can have.
    """
    for name, day in (("from", first), ("to", last)):
        if day is not None and not FIRST_YEAR <= day.year <= LAST_YEAR:
            raise InvalidInput(name, "A day from 1990 to 2100")
    async with database.connection(brand) as tx:
        time_zone = await channels.zone_of(tx, code=channel)
        zone = ZoneInfo(time_zone)
        last = last or (first + dt.timedelta(days=6) if first else clock.business_day(clock.now(), time_zone))
        first = first or last - dt.timedelta(days=6)
        if not 0 <= (last - first).days < MAX_DAYS:
            raise InvalidInput("to", "At most 31 days, the last not before the first")
        start, end = _midnight(first, zone), _midnight(last + dt.timedelta(days=1), zone)
        rows = await repository.days(
            tx,
            channel=channel,
            first=start,
            end=end,
            time_zone=time_zone,
            by_receipt=by is CountedBy.RECEIVED,
        )
        held = await repository.held_days(
            tx, kinds=KINDS, channel=channel, first=start, end=end, time_zone=time_zone
        )
    counted = {row["day"]: dict(row) for row in rows}
    return Counts(
        time_zone,
        [
            DayCount(**(_NOTHING | counted.get(day, {}) | {"day": day, "quarantined": held.get(day, 0)}))
            for day in _days(first, last)
            if day in counted or day in held
        ],
    )


async def totals(database: Database, *, brand: uuid.UUID, channel: str | None = None) -> list[KindTotal]:
    """What came of a channel, or of all: each document once, as its newest version says."""
    async with database.connection(brand) as tx:
        rows = await repository.totals(tx, channel=channel)
    return [KindTotal(**(dict(row) | {"kind": DocumentKind(row["kind"])})) for row in rows]


async def adjusted(
    session: AsyncSession, *, channel: str, first: dt.date, last: dt.date
) -> list[tuple[repository.Adjusted, ChannelView]]:
    """What an accountant looks for beside sales and refunds, and its channel; empty where there is none."""
    found = await repository.adjusted(session, channel=channel, first=first, last=last)
    known = {one.code: one for one in await channels.list_channels(session)} if found else {}
    return [(one, known[one.channel]) for one in found]


async def adjustments(
    session: AsyncSession, *, channel: str, first: dt.date, last: dt.date
) -> list[tuple[repository.Adjustment, ChannelView]]:
    """The same one by one, the earliest first, as many as go into a file."""
    found = await repository.adjustments(session, channel=channel, first=first, last=last, limit=MOST_IN_A_FILE)
    known = {one.code: one for one in await channels.list_channels(session)} if found else {}
    return [(one, known[one.channel]) for one in found]


def _days(first: dt.date, last: dt.date) -> list[dt.date]:
    return [first + dt.timedelta(days=number) for number in range((last - first).days + 1)]


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return clock.first_moment(dt.datetime.combine(day, dt.time()), zone)
