"""Statements about what the hours of shops were: a row at each change, with what stood until then."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Collection

import msgspec

from stores.types import Interval, PastOpening
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

# Whoever asks does so within minutes of the day's end, or when an outage is over.
_KEPT_FOR = dt.timedelta(days=90)

_KEEP = """
INSERT INTO stores_past_hours (brand_id, id, created_at, shop_id, is_in_business, hours)
SELECT $1, w.id, now(), s.id, s.status = 'open', coalesce((SELECT jsonb_agg(
    jsonb_build_array(h.weekday, h.opens, h.closes) ORDER BY h.weekday, h.opens) FROM stores_opening_hours h
    WHERE h.brand_id = $1 AND h.shop_id = s.id), '[]')
FROM unnest($2::uuid[], $3::uuid[]) AS w (id, shop_id) JOIN stores_shop s ON s.brand_id = $1 AND s.id = w.shop_id
WHERE s.status <> 'opening'
AND EXISTS (SELECT FROM stores_opening_hours h WHERE h.brand_id = $1 AND h.shop_id = s.id)
"""

_FORGET = """
DELETE FROM stores_past_hours
WHERE brand_id = $1 AND shop_id = ANY($2::uuid[]) AND created_at < now() - $3::interval
"""

_READ = """
SELECT shop_id, created_at, is_in_business, hours::text FROM stores_past_hours
WHERE brand_id = $1 AND shop_id = ANY($2::uuid[]) AND created_at > $3 ORDER BY shop_id, created_at, id
"""


async def keep(door: Door, *, shop_ids: Collection[uuid.UUID]) -> None:
    """Write down the hours of these shops as they are, before they are changed: of those that are set up."""
    shops = list(shop_ids)
    await run(door, _KEEP, brand_of(door), [new_id() for _ in shops], shops)
    await run(door, _FORGET, brand_of(door), shops, _KEPT_FOR)


async def read(
    door: Door, *, shop_ids: Collection[uuid.UUID], since: dt.datetime
) -> dict[uuid.UUID, tuple[PastOpening, ...]]:
    """What stood until each change since then, the earliest first; shops without any are left out."""
    found: dict[uuid.UUID, dict[dt.datetime, PastOpening]] = defaultdict(dict)
    for shop, until, is_in_business, hours in await fetch(door, _READ, brand_of(door), list(shop_ids), since):
        spans = (Interval(*span) for span in msgspec.json.decode(hours, type=list[tuple[int, int, int]]))
        # Of several changes in one transaction the first says what stood before it.
        found[shop].setdefault(until, PastOpening(until, is_in_business, tuple(spans)))
    return {shop: tuple(changes.values()) for shop, changes in found.items()}
