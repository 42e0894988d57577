"""What campaigns are called."""

import uuid
from collections.abc import Sequence

from yundian.platform.outbox.door import Door, brand_of, fetch, run

_ALL = "SELECT campaign_id, name FROM reports_campaign WHERE brand_id = $1 ORDER BY campaign_id DESC LIMIT $2::int"
_SOME = "SELECT campaign_id, name FROM reports_campaign WHERE brand_id = $1 AND campaign_id = ANY($2::uuid[])"
_NAME = """
INSERT INTO reports_campaign (brand_id, campaign_id, code, name) VALUES ($1, $2, $3, $4)
ON CONFLICT (brand_id, campaign_id) DO UPDATE SET code = excluded.code, name = excluded.name
"""


async def some(door: Door, *, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of these campaigns; those that nobody told are left out."""
    return {row[0]: row[1] for row in await fetch(door, _SOME, brand_of(door), list(ids))}


async def newest(door: Door, *, limit: int) -> list[tuple[uuid.UUID, str]]:
    """For a filter: the newest first."""
    return [(row[0], row[1]) for row in await fetch(door, _ALL, brand_of(door), limit)]


async def put(door: Door, *, campaign_id: uuid.UUID, code: str, name: str) -> None:
    await run(door, _NAME, brand_of(door), campaign_id, code, name)
