"""Statements that take an import back: what a file brought in and nobody has touched since."""

import datetime as dt
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.models.flow import Imported, ImportUndo
from yundian.platform.outbox.door import Door, brand_of, fetch, run

FIRST = uuid.UUID(int=0)

# Somebody asks again: only what has ended begins anew.
_BEGIN = """
INSERT INTO appointments_import_undo (brand_id, run_id, created_at, account_id, total, removed, kept, last_id)
SELECT $1, $2, $3, $4, count(*), 0, '{}'::jsonb, $5 FROM appointments_import
WHERE brand_id = $1 AND run_id = $2 HAVING count(*) > 0 OR EXISTS (SELECT FROM channels_upload u
    JOIN appointments_import_survey s ON s.brand_id = $1 AND s.next_upload_id = u.id AND s.is_import
    JOIN appointments_import_draft d ON d.brand_id = $1 AND d.survey_id = s.id
    WHERE u.brand_id = $1 AND u.run_id = $2)
ON CONFLICT (brand_id, run_id) DO UPDATE SET created_at = excluded.created_at, account_id = excluded.account_id,
    total = excluded.total, removed = 0, kept = '{}', last_id = excluded.last_id, ended_at = NULL
WHERE appointments_import_undo.ended_at IS NOT NULL
"""

_STAND = """
SELECT last_id, removed, kept::text FROM appointments_import_undo
WHERE brand_id = $1 AND run_id = $2 AND ended_at IS NULL FOR UPDATE
"""

_NOTE = """
UPDATE appointments_import_undo SET last_id = $3, removed = $4, kept = ($5::text)::jsonb, ended_at = $6
WHERE brand_id = $1 AND run_id = $2
"""

_NEXT = """
SELECT booking_id FROM appointments_import WHERE brand_id = $1 AND run_id = $2 AND booking_id > $3
ORDER BY booking_id LIMIT $4
"""

# Who works on one of them at this moment keeps it.
_LOCK = """
SELECT id FROM appointments_booking WHERE brand_id = $1 AND id = ANY($2::uuid[])
ORDER BY id FOR UPDATE SKIP LOCKED
"""

# Untouched: as it came, with the one event of its coming. Asked when they are locked, so that it stays true.
_WHY_NOT = """
SELECT b.id, b.session_id, CASE
    WHEN EXISTS (SELECT FROM appointments_purchase p WHERE p.brand_id = $1 AND p.booking_id = b.id) THEN 'bought'
    WHEN EXISTS (SELECT FROM appointments_tried t WHERE t.brand_id = $1 AND t.booking_id = b.id) THEN 'tried'
    WHEN EXISTS (SELECT FROM appointments_wait w WHERE w.brand_id = $1 AND w.booking_id = b.id) THEN 'waited'
    WHEN b.sequence <> 0 OR (SELECT array_agg(e.kind) FROM appointments_booking_event e
        WHERE e.brand_id = $1 AND e.booking_id = b.id) IS DISTINCT FROM ARRAY[b.state] THEN 'changed'
    ELSE '' END
FROM appointments_booking b WHERE b.brand_id = $1 AND b.id = ANY($2::uuid[])
"""

# Whose seats of sessions are free again; of a session that nobody sits in any more, its time too.
_SEATS = """
UPDATE appointments_session g SET taken = greatest(g.taken - l.seats, 0),
    is_open = g.is_open AND g.taken > l.seats
FROM (SELECT b.session_id, count(*) AS seats FROM appointments_booking b
    WHERE b.brand_id = $1 AND b.id = ANY($2::uuid[]) AND b.session_id IS NOT NULL
    AND b.state IN ('confirmed', 'completed') GROUP BY b.session_id) l
WHERE g.brand_id = $1 AND g.id = l.session_id
"""

_REMOVE = tuple(
    f"DELETE FROM {table} WHERE brand_id = $1 AND {column} = ANY($2::uuid[])"  # noqa: S608
    for table, column in (
        ("appointments_occupancy", "booking_id"),
        ("appointments_booking_event", "booking_id"),
        ("appointments_booking", "id"),
    )
)

_EMPTY = """
SELECT g.id FROM appointments_session g WHERE g.brand_id = $1 AND g.id = ANY($2::uuid[]) AND g.taken = 0
    AND NOT EXISTS (SELECT FROM appointments_booking b WHERE b.brand_id = $1 AND b.session_id = g.id)
"""

_REMOVE_SESSIONS = (
    "DELETE FROM appointments_occupancy WHERE brand_id = $1 AND session_id = ANY($2::uuid[])",
    "DELETE FROM appointments_session WHERE brand_id = $1 AND id = ANY($2::uuid[])",
)


@dataclass
class Standing:
    """How far taking back is: behind which appointment, how many are out, and why others were kept."""

    last_id: uuid.UUID
    removed: int
    kept: Counter[str] = field(default_factory=Counter)


async def start(door: Door, *, run_id: uuid.UUID, account_id: uuid.UUID | None, now: dt.datetime) -> None:
    """Taking back begins; not while it goes on already, nor where nothing is left."""
    await run(door, _BEGIN, brand_of(door), run_id, now, account_id, FIRST)


async def is_open(door: Door, *, run_id: uuid.UUID) -> bool:
    """Whether it goes on."""
    sql = "SELECT 1 FROM appointments_import_undo WHERE brand_id = $1 AND run_id = $2 AND ended_at IS NULL"
    return bool(await fetch(door, sql, brand_of(door), run_id))


async def standing(door: Door, *, run_id: uuid.UUID) -> Standing | None:
    """Where to go on, the caller's until its transaction ends; none when it has ended."""
    rows = await fetch(door, _STAND, brand_of(door), run_id)
    if not rows:
        return None
    return Standing(rows[0][0], rows[0][1], Counter(msgspec.json.decode(rows[0][2], type=dict[str, int])))


async def note(door: Door, *, run_id: uuid.UUID, standing: Standing, ended_at: dt.datetime | None) -> None:
    """Keep how far it is, in the transaction that took it there."""
    kept = msgspec.json.encode(standing.kept).decode()
    await run(door, _NOTE, brand_of(door), run_id, standing.last_id, standing.removed, kept, ended_at)


async def following(door: Door, *, run_id: uuid.UUID, after: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """The next ones that the import brought in, in their order."""
    return [row[0] for row in await fetch(door, _NEXT, brand_of(door), run_id, after, limit)]


async def remove(door: Door, *, ids: Sequence[uuid.UUID]) -> tuple[list[uuid.UUID], Counter[str]]:
    """Take those of them out that are as they came, with their time and history: which, and why not others."""
    brand = brand_of(door)
    locked = [row[0] for row in await fetch(door, _LOCK, brand, list(ids))]
    kept = Counter({"busy": len(ids) - len(locked)})
    found = await fetch(door, _WHY_NOT, brand, locked)
    kept.update(why for _id, _session_id, why in found if why)
    gone = [booking_id for booking_id, _session_id, why in found if not why]
    if gone:
        await run(door, _SEATS, brand, gone)
        for statement in _REMOVE:
            await run(door, statement, brand, gone)
        sessions = {session_id for _id, session_id, why in found if session_id is not None and not why}
        await _close(door, sorted(sessions))
    return gone, +kept


async def _close(door: Door, sessions: list[uuid.UUID]) -> None:
    brand = brand_of(door)
    await run(
        door,
        "UPDATE appointments_occupancy o SET is_live = false FROM appointments_session g"
        " WHERE g.brand_id = $1 AND g.id = ANY($2::uuid[]) AND g.taken = 0 AND o.brand_id = $1"
        " AND o.session_id = g.id AND o.is_live",
        brand,
        sessions,
    )
    empty = [row[0] for row in await fetch(door, _EMPTY, brand, sessions)]
    for statement in _REMOVE_SESSIONS if empty else ():
        await run(door, statement, brand, empty)


async def get(session: AsyncSession, *, brand_id: uuid.UUID, run_id: uuid.UUID) -> ImportUndo | None:
    return await session.get(ImportUndo, (brand_id, run_id))


async def count_here(session: AsyncSession, *, brand_id: uuid.UUID, run_id: uuid.UUID) -> int:
    """How many appointments of the import are here."""
    statement = select(func.count()).where(col(Imported.brand_id) == brand_id, col(Imported.run_id) == run_id)
    return (await session.exec(statement)).one()
