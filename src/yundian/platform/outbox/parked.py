"""What gave up: deliveries and timers that wait for a person, who reads the error and runs them again."""

import datetime as dt
import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import DomainError
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox.door import brand_of, fetch, mark_dirty, run

_CURSOR = (uuid.UUID, str)

_LIST = """
SELECT 'delivery' AS kind, d.event_id AS id, d.subscriber, coalesce(e.tag, '') AS tag, d.attempts, d.last_error,
    d.recorded_at
FROM outbox_delivery d LEFT JOIN outbox_event e ON e.brand_id = d.brand_id AND e.id = d.event_id
WHERE d.brand_id = $1 AND d.state = 'parked' AND ($2::varchar IS NULL OR d.subscriber = $2)
    AND ($3::uuid IS NULL OR (d.event_id, d.subscriber) < ($3::uuid, $4::varchar))
UNION ALL
SELECT 'timer', id, name, key, attempts, last_error, due_at
FROM outbox_timer
WHERE brand_id = $1 AND state = 'parked' AND ($2::varchar IS NULL OR name = $2)
    AND ($3::uuid IS NULL OR (id, name) < ($3::uuid, $4::varchar))
ORDER BY id DESC, subscriber DESC LIMIT $5
"""

_RERUN_DELIVERIES = """
UPDATE outbox_delivery SET state = 'pending', attempts = 0, next_at = now()
WHERE brand_id = $1 AND state = 'parked' AND subscriber = $2 AND ($3::uuid IS NULL OR event_id = $3)
"""

_RERUN_TIMERS = """
UPDATE outbox_timer SET state = 'set', attempts = 0, next_at = now()
WHERE brand_id = $1 AND state = 'parked' AND name = $2 AND ($3::uuid IS NULL OR id = $3)
"""


class NotParked(DomainError):
    """It was run again already, is done, or never was."""

    code = "courier.not_parked"
    title = "Not parked any more"


class ParkedItem(msgspec.Struct, frozen=True, kw_only=True):
    """A delivery (``id`` and ``tag`` of its event) or a timer (``subscriber`` is its name, ``tag`` its key)."""

    kind: str
    id: uuid.UUID
    subscriber: str
    tag: str
    attempts: int
    last_error: str | None
    recorded_at: dt.datetime


async def list_parked(
    session: AsyncSession, *, limit: int = 50, cursor: str | None = None, subscriber: str | None = None
) -> Page[ParkedItem]:
    """The brand's parked items, newest first."""
    after = decode_cursor(cursor, _CURSOR) if cursor else (None, None)
    rows = await fetch(session, _LIST, brand_of(session), subscriber, *after, limit + 1)
    items = [
        ParkedItem(
            kind=kind, id=item, subscriber=name, tag=tag, attempts=attempts, last_error=error, recorded_at=at
        )
        for kind, item, name, tag, attempts, error, at in rows
    ]
    page, next_cursor = cut(items, limit, lambda item: (item.id, item.subscriber))
    return Page(page, next_cursor)


async def rerun(session: AsyncSession, *, kind: str, id: uuid.UUID, subscriber: str) -> None:
    """Put one parked item back; it is tried again within seconds, with all its attempts.

    Raises:
        NotParked: there is no such parked item of this brand.
    """
    sql = _RERUN_TIMERS if kind == "timer" else _RERUN_DELIVERIES
    if not await run(session, sql, brand_of(session), subscriber, id):
        raise NotParked(kind=kind, id=str(id), subscriber=subscriber)
    mark_dirty(session)


async def rerun_all(session: AsyncSession, *, subscriber: str) -> int:
    """Put back everything of one subscriber or timer; how many."""
    count = 0
    for sql in (_RERUN_DELIVERIES, _RERUN_TIMERS):
        count += await run(session, sql, brand_of(session), subscriber, None)
    if count:
        mark_dirty(session)
    return count
