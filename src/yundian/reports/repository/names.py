"""What campaigns and channels are called."""

import uuid
from collections.abc import Sequence

from yundian.platform.outbox.door import Door, brand_of, fetch, run

_ALL = "SELECT campaign_id, name FROM reports_campaign WHERE brand_id = $1 ORDER BY campaign_id DESC LIMIT $2::int"
_SOME = "SELECT campaign_id, name FROM reports_campaign WHERE brand_id = $1 AND campaign_id = ANY($2::uuid[])"
_NAME = """
INSERT INTO reports_campaign (brand_id, campaign_id, code, name) VALUES ($1, $2, $3, $4)
ON CONFLICT (brand_id, campaign_id) DO UPDATE SET code = excluded.code, name = excluded.name
"""
_NAME_CHANNEL = """
INSERT INTO reports_channel (brand_id, channel, name_zh, name_en) VALUES ($1, $2, $3, $4)
ON CONFLICT (brand_id, channel) DO UPDATE SET name_zh = excluded.name_zh, name_en = excluded.name_en
"""
_CHANNELS = "SELECT channel, name_zh, name_en FROM reports_channel WHERE brand_id = $1"


async def some(door: Door, *, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of these campaigns; those that nobody told are left out."""
    return {row[0]: row[1] for row in await fetch(door, _SOME, brand_of(door), list(ids))}


async def newest(door: Door, *, limit: int) -> list[tuple[uuid.UUID, str]]:
    """For a filter: the newest first."""
    return [(row[0], row[1]) for row in await fetch(door, _ALL, brand_of(door), limit)]


async def put(door: Door, *, campaign_id: uuid.UUID, code: str, name: str) -> None:
    await run(door, _NAME, brand_of(door), campaign_id, code, name)


async def put_channel(door: Door, *, channel: str, name_zh: str, name_en: str) -> None:
    await run(door, _NAME_CHANNEL, brand_of(door), channel, name_zh, name_en)


async def channels(door: Door) -> dict[str, tuple[str, str]]:
    """The Chinese and the English name of each channel that has been told; there are few."""
    return {row[0]: (row[1], row[2]) for row in await fetch(door, _CHANNELS, brand_of(door))}
