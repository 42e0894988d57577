"""Durable timers: a row with a due time, handled once when the database's clock has reached it."""

import datetime as dt
import uuid
from functools import cache
from typing import Any

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte
from yundian.platform.outbox.door import Door, brand_of, run

_SET = """
INSERT INTO outbox_timer (brand_id, id, name, key, due_at, next_at, payload)
VALUES ($1, $2, $3, $4, $5, $5, ($6::text)::jsonb)
ON CONFLICT (brand_id, name, key) DO UPDATE SET due_at = excluded.due_at, next_at = excluded.next_at,
    payload = excluded.payload, state = 'set', attempts = 0, last_error = NULL, ended_at = NULL
"""

_CANCEL = """
UPDATE outbox_timer SET state = 'cancelled', ended_at = now()
WHERE brand_id = $1 AND name = $2 AND key = $3 AND state IN ('set', 'parked')
"""


async def set_timer(
    door: Door, *, name: str, key: str, due_at: dt.datetime, payload: dict[str, Any] | None = None
) -> None:
    """Set the timer of this business key, or move it; also one that was done, cancelled or parked."""
    body = msgspec.json.encode(payload or {}).decode()
    await run(door, _SET, brand_of(door), new_id(), name, key, due_at, body)


def timer_part(
    cte: Cte, *, brand_id: uuid.UUID, name: str, key: str, due_at: dt.datetime, given: str, part: str = "timer"
) -> None:
    """A new timer inside the caller's one statement, if the part ``given`` has a row. Its key is new."""
    cte.add(part, _timer_sql(given), brand_id, new_id(), name, key, due_at)


@cache
def _timer_sql(given: str) -> str:
    return (
        "INSERT INTO outbox_timer (brand_id, id, name, key, due_at, next_at, payload)"  # noqa: S608
        " SELECT $1::uuid, $2::uuid, $3::varchar, $4::varchar, $5::timestamptz, $5::timestamptz, '{}'::jsonb"
        f" WHERE EXISTS (SELECT FROM {given})"
    )


async def cancel_timer(door: Door, *, name: str, key: str) -> bool:
    """Whether there was one to cancel. A handler that runs at this moment is waited for and wins."""
    return await run(door, _CANCEL, brand_of(door), name, key) > 0
