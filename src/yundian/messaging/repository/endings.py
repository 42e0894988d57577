"""What providers tell of tries afterwards: which one they mean, and what that makes of its message."""

import datetime as dt
import uuid
from collections.abc import Sequence

from yundian.platform.outbox.door import Door, brand_of, fetch, run

# What we hold to be refused was certainly not sent: nobody tells otherwise. The newest try speaks for its message,
# also while somebody has it sent again: it need not go.
_DELIVERED = """
WITH told AS (
    UPDATE messaging_attempt SET state = 'accepted', ended_at = coalesce(ended_at, $4),
        provider_ref = CASE WHEN provider_ref = '' THEN $3 ELSE provider_ref END
    WHERE brand_id = $1 AND id = $2 AND state <> 'refused' RETURNING message_id, number
)
UPDATE messaging_message m SET state = 'delivered', reason = '', delivered_at = $4, next_at = NULL,
    sent_at = coalesce(m.sent_at, $4), ended_at = coalesce(m.ended_at, $4)
FROM told WHERE m.brand_id = $1 AND m.id = told.message_id AND m.tries = told.number
    AND m.state IN ('queued', 'waiting_quiet', 'checking', 'sending', 'sent', 'unknown')
"""

# What a provider took and then could not hand over was not seen by anybody: the next way is tried.
_BOUNCED = """
WITH told AS (
    UPDATE messaging_message m SET sent_at = NULL, tried = array_append(m.tried, a.channel),
        state = CASE WHEN m.reason = 'withdrawn' THEN 'skipped' ELSE 'queued' END,
        reason = CASE WHEN m.reason = 'withdrawn' THEN m.reason ELSE $5 END,
        next_at = CASE WHEN m.reason = 'withdrawn' THEN NULL ELSE $3::timestamptz END,
        ended_at = CASE WHEN m.reason = 'withdrawn' THEN $3::timestamptz END
    FROM messaging_attempt a
    WHERE a.brand_id = $1 AND a.id = $2 AND a.state <> 'refused' AND m.brand_id = $1 AND m.id = a.message_id
        AND m.tries = a.number AND m.state IN ('sending', 'sent', 'unknown')
    RETURNING a.id
)
UPDATE messaging_attempt a SET state = 'refused', code = $4, ended_at = coalesce(a.ended_at, $3)
FROM told WHERE a.brand_id = $1 AND a.id = told.id
"""

_LOCK = """
SELECT m.id FROM messaging_attempt a JOIN messaging_message m ON m.brand_id = a.brand_id AND m.id = a.message_id
WHERE a.brand_id = $1 AND a.id = ANY($2::uuid[]) ORDER BY m.id FOR NO KEY UPDATE OF m
"""

_IS_UNDER_WAY = """
SELECT EXISTS (SELECT FROM messaging_attempt WHERE brand_id = $1 AND app_id = $2 AND state = 'started'
    AND created_at > $3)
"""

_UNCLEAR = """
SELECT a.id FROM messaging_message m JOIN messaging_attempt a ON a.brand_id = m.brand_id AND a.message_id = m.id
WHERE m.brand_id = $1 AND m.member_id = $2 AND m.state = 'unknown' AND a.number = m.tries AND a.app_id = $3
    AND a.template_ref = $4 AND a.state = 'unknown' AND a.created_at > $5 LIMIT 2
"""


async def lock(door: Door, *, attempt_ids: Sequence[uuid.UUID]) -> None:
    """The messages of these tries, in the order of all who change several."""
    await fetch(door, _LOCK, brand_of(door), list(attempt_ids))


async def delivered(door: Door, *, attempt_id: uuid.UUID, provider_ref: str, now: dt.datetime) -> None:
    await run(door, _DELIVERED, brand_of(door), attempt_id, provider_ref, now)


async def bounced(door: Door, *, attempt_id: uuid.UUID, code: str, now: dt.datetime) -> None:
    await run(door, _BOUNCED, brand_of(door), attempt_id, now, code, f"refused:{code}"[:60])


async def by_number(door: Door, *, app_id: str, provider_ref: str) -> uuid.UUID | None:
    """The try that WeChat gave this number."""
    sql = "SELECT id FROM messaging_attempt WHERE brand_id = $1 AND app_id = $2 AND provider_ref = $3"
    rows = await fetch(door, sql, brand_of(door), app_id, provider_ref)
    return rows[0][0] if rows else None


async def is_under_way(door: Door, *, app_id: str, since: dt.datetime) -> bool:
    """Whether a try through this app has begun and not ended."""
    return bool((await fetch(door, _IS_UNDER_WAY, brand_of(door), app_id, since))[0][0])


async def unclear_one(
    door: Door, *, member_id: uuid.UUID, app_id: str, template_ref: str, since: dt.datetime
) -> uuid.UUID | None:
    """Her try with this template whose end nobody knew; ``None`` where there are several, or none."""
    rows = await fetch(door, _UNCLEAR, brand_of(door), member_id, app_id, template_ref, since)
    return rows[0][0] if len(rows) == 1 else None


async def heard_offers(door: Door, *, member_id: uuid.UUID, since: dt.datetime) -> bool:
    """Whether she was sent a short message of the marketing class lately."""
    sql = (
        "SELECT EXISTS (SELECT FROM messaging_message WHERE brand_id = $1 AND member_id = $2 AND channel = 'sms'"
        " AND message_class = 'marketing' AND created_at > $3 AND tries > 0)"
    )
    return bool((await fetch(door, sql, brand_of(door), member_id, since))[0][0])
