"""Members who are perhaps one person, and what headquarters says of them."""

import datetime as dt
import uuid
from collections.abc import Collection

from yundian.members.types import TwinView
from yundian.platform.outbox.door import Door, brand_of, fetch, run

Pair = tuple[uuid.UUID, uuid.UUID]

_NOTE = """
INSERT INTO members_twin (brand_id, member_id, other_id, seen_at)
SELECT $1, t.member_id, t.other_id, $2 FROM unnest($3::uuid[], $4::uuid[]) AS t (member_id, other_id)
ORDER BY 2, 3 ON CONFLICT (brand_id, member_id, other_id) DO NOTHING
"""
_OF_MEMBER = """
SELECT m.id, m.nickname, t.seen_at FROM members_twin t
JOIN members_member m ON m.brand_id = t.brand_id AND m.id = CASE WHEN t.member_id = $2 THEN t.other_id
    ELSE t.member_id END
WHERE t.brand_id = $1 AND (t.member_id = $2 OR t.other_id = $2) AND t.decided_at IS NULL ORDER BY t.seen_at, m.id
"""
_OPEN = """
SELECT member_id, other_id FROM members_twin WHERE brand_id = $1 AND decided_at IS NULL
ORDER BY seen_at, member_id, other_id LIMIT $2::int
"""
_DECIDE = """
UPDATE members_twin SET decided_at = $4, decided_by = $5
WHERE brand_id = $1 AND member_id = $2 AND other_id = $3 AND decided_at IS NULL
"""


async def note(door: Door, *, pairs: Collection[Pair], now: dt.datetime) -> None:
    """Pairs, the smaller id first; known ones stay as they are, decided ones too."""
    ordered = sorted(pairs)
    await run(door, _NOTE, brand_of(door), now, [pair[0] for pair in ordered], [pair[1] for pair in ordered])


async def of_member(door: Door, *, member_id: uuid.UUID) -> list[TwinView]:
    """With whom she is perhaps one person, and nobody has said."""
    rows = await fetch(door, _OF_MEMBER, brand_of(door), member_id)
    return [TwinView(id=row[0], nickname=row[1], seen_at=row[2]) for row in rows]


async def undecided(door: Door, *, limit: int) -> list[Pair]:
    """The pairs of whom nobody has said, those first who were seen first."""
    return [(row[0], row[1]) for row in await fetch(door, _OPEN, brand_of(door), limit)]


async def decide(door: Door, *, pair: Pair, actor_id: uuid.UUID | None, now: dt.datetime) -> bool:
    """They are two people; whether that was open."""
    return await run(door, _DECIDE, brand_of(door), *pair, now, actor_id) > 0
