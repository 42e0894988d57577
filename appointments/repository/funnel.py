"""From looking to buying: who looked, and what became of what was asked for. Three statements over days."""

import datetime as dt
import uuid
from enum import StrEnum

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_VIEW = """
INSERT INTO appointments_viewing (brand_id, id, created_at, day, shop_id, service_id, staff_id, channel, visitor)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING
"""


class By(StrEnum):
    """What the rows of the report are."""

    SHOP = "shop"
    STAFF = "staff"
    SERVICE = "service"
    CHANNEL = "channel"


_COLUMN = {By.SHOP: "shop_id", By.STAFF: "staff_id", By.SERVICE: "service_id", By.CHANNEL: "channel"}

# The texts that are put together here are our own; every value is a parameter.
_VIEWED = """
SELECT key, sum(viewers)::bigint FROM (
    SELECT coalesce(looked::text, '') AS key, count(*) AS viewers FROM (
        SELECT DISTINCT {column} AS looked, day, shop_id, service_id, visitor FROM appointments_viewing
        WHERE brand_id = $1 AND day BETWEEN $2 AND $3 AND ($4::uuid[] IS NULL OR shop_id = ANY($4))
    ) each GROUP BY 1
    UNION ALL
    SELECT {counted}, viewers FROM appointments_viewing_count
    WHERE brand_id = $1 AND day BETWEEN $2 AND $3 AND ($4::uuid[] IS NULL OR shop_id = ANY($4)) AND kind = '{kind}'
) v GROUP BY 1
"""
# How a column of the report is found among the counts of forgotten days.
_COUNTED = {
    By.SHOP: ("shop_id::text", "all"),
    By.STAFF: ("key", "staff"),
    By.SERVICE: ("service_id::text", "all"),
    By.CHANNEL: ("key", "channel"),
}

# A visitor's hash is of one day: whole days can be counted and forgotten without counting anybody twice.
_FORGET = """
WITH gone AS (
    DELETE FROM appointments_viewing WHERE brand_id = $1 AND day = $2
    RETURNING shop_id, service_id, coalesce(staff_id::text, '') AS staff, channel, visitor
), kinds AS (
    SELECT shop_id, service_id, visitor, k.kind, k.key FROM gone,
        LATERAL (VALUES ('all', ''), ('staff', staff), ('channel', channel)) AS k (kind, key)
), counted AS (
    SELECT shop_id, service_id, kind, key, count(DISTINCT visitor)::int AS viewers FROM kinds GROUP BY 1, 2, 3, 4
)
INSERT INTO appointments_viewing_count
    (brand_id, id, created_at, day, shop_id, service_id, kind, key, viewers)
SELECT $1, gen_random_uuid(), $3, $2, shop_id, service_id, kind, key, viewers FROM counted
ON CONFLICT (brand_id, day, shop_id, service_id, kind, key)
DO UPDATE SET viewers = appointments_viewing_count.viewers + EXCLUDED.viewers
"""

# Days are those of shops, which are a day ahead of UTC at most.
_OLD_DAYS = """
SELECT DISTINCT day FROM appointments_viewing WHERE brand_id = $1 AND day < $2::date - coalesce(
    (SELECT p.viewing_days FROM appointments_policy p WHERE p.brand_id = $1 ORDER BY p.number DESC LIMIT 1),
    $3::int)
ORDER BY day LIMIT $4
"""

# What was moved is counted once: by the last of its rows, at the time it was first asked for. Compared with what
# is no timestamptz, that time would be looked for in every row: row policies let no such comparison use an index.
ASKED_ON = """b.brand_id = $1 AND b.state <> 'rescheduled'
    AND b.asked_at >= ($2::date - 2)::timestamptz AND b.asked_at < ($3::date + 3)::timestamptz
    AND (b.asked_at AT TIME ZONE b.time_zone)::date BETWEEN $2 AND $3"""
BOOKED = "b.confirmed_at IS NOT NULL"
CAME = "b.arrived_at IS NOT NULL"
BOUGHT = f"""{CAME} AND EXISTS (SELECT FROM appointments_purchase p
    WHERE p.brand_id = $1 AND p.booking_id = b.id)"""

_ASKED = f"""
FROM appointments_booking b WHERE {ASKED_ON} AND ($4::uuid[] IS NULL OR b.shop_id = ANY($4))
"""

_STEPS = f"""
SELECT b.{{column}}::text, count(*), count(*) FILTER (WHERE {BOOKED}),
    count(*) FILTER (WHERE {CAME}), count(*) FILTER (WHERE {BOUGHT})
{{asked}} GROUP BY b.{{column}}
"""

_MONEY = """
SELECT m.key, p.currency, sum(p.amount_minor - p.refunded_minor)::bigint
FROM (SELECT b.id, b.{column}::text AS key {asked}) m
JOIN appointments_purchase p ON p.brand_id = $1 AND p.booking_id = m.id GROUP BY 1, 2 ORDER BY 1, 2
"""


class FunnelRow(msgspec.Struct, kw_only=True):
    """How many came how far. ``key``: an id or a channel's name; empty: of nobody in particular.

    ``net``: what was bought and not given back, minor units by currency.
    """

    key: str
    viewed: int = 0
    held: int = 0
    booked: int = 0
    arrived: int = 0
    bought: int = 0
    net: dict[str, int] = {}


async def view(
    door: Door,
    *,
    day: dt.date,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    staff_id: uuid.UUID | None,
    channel: str,
    visitor: bytes,
    now: dt.datetime,
) -> None:
    """Somebody looked at the times; once a day."""
    await run(door, _VIEW, brand_of(door), new_id(), now, day, shop_id, service_id, staff_id, channel, visitor)


async def old_days(door: Door, *, today: dt.date, keep: int, limit: int) -> list[dt.date]:
    """Days of which the brand's policy (or ``keep``) says that nobody needs to know any more who looked."""
    return [row[0] for row in await fetch(door, _OLD_DAYS, brand_of(door), today, keep, limit)]


async def forget(door: Door, *, day: dt.date, now: dt.datetime) -> None:
    """Keep the numbers of a day and forget who it was."""
    await run(door, _FORGET, brand_of(door), day, now)


def _viewed(by: By) -> str:
    counted, kind = _COUNTED[by]
    return _VIEWED.format(column=_COLUMN[by], counted=counted, kind=kind)


async def funnel(
    door: Door, *, by: By, first: dt.date, last: dt.date, shops: list[uuid.UUID] | None
) -> list[FunnelRow]:
    """By shop, staff, service or channel; days are those of the shops. ``shops`` of ``None``: all."""
    args = (brand_of(door), first, last, shops)
    column, rows = _COLUMN[by], dict[str, FunnelRow]()

    def row(key: str | None) -> FunnelRow:
        return rows.setdefault(key or "", FunnelRow(key=key or ""))

    for key, viewed in await fetch(door, _viewed(by), *args):
        row(key).viewed = viewed
    for key, held, booked, arrived, bought in await fetch(door, _STEPS.format(column=column, asked=_ASKED), *args):
        one = row(key)
        one.held, one.booked, one.arrived, one.bought = held, booked, arrived, bought
    for key, currency, net in await fetch(door, _MONEY.format(column=column, asked=_ASKED), *args):
        row(key).net = {**row(key).net, currency: net}
    return sorted(rows.values(), key=lambda one: (-one.held, -one.viewed, one.key))
