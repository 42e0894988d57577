"""How many documents of a channel there are, day by day: a source compares with its own count and finds gaps."""

import datetime as dt
import uuid
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from yundian.channels.repository import counts as repository
from yundian.channels.service import channels, syncing
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.db.database import Database

MAX_DAYS = 31


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
    undated: int


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
        InvalidInput: the days are the wrong way round, or too many.
    """
    async with database.connection(brand) as tx:
        time_zone = await channels.zone_of(tx, code=channel)
        zone = ZoneInfo(time_zone)
        last = last or (first + dt.timedelta(days=6) if first else clock.business_day(clock.now(), time_zone))
        first = first or last - dt.timedelta(days=6)
        if not 0 <= (last - first).days < MAX_DAYS:
            raise InvalidInput("to", f"from one to {MAX_DAYS} days")
        rows = await repository.days(
            tx,
            channel=channel,
            first=_midnight(first, zone),
            end=_midnight(last + dt.timedelta(days=1), zone),
            time_zone=time_zone,
            by_receipt=by is CountedBy.RECEIVED,
        )
        undated = await repository.undated(tx, kind=syncing.KIND, channel=channel, codes=syncing.UNREADABLE)
    return Counts(time_zone, [DayCount(**dict(row)) for row in rows], undated)


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return clock.first_moment(dt.datetime.combine(day, dt.time()), zone)
