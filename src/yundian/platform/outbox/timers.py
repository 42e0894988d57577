"""Durable timers: a row with a due time, handled once when the database's clock has reached it."""

import datetime as dt
import uuid
from collections.abc import Sequence
from functools import cache
from typing import Any

import msgspec

from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_SET = """
INSERT INTO outbox_timer (brand_id, id, name, key, due_at, next_at, payload)
VALUES ($1, $2, $3, $4, $5, $5, ($6::text)::jsonb)
ON CONFLICT (brand_id, name, key) DO UPDATE SET due_at = excluded.due_at, next_at = excluded.next_at,
    payload = excluded.payload, state = 'set', attempts = 0, last_error = NULL, ended_at = NULL
"""

_CANCEL = """
UPDATE outbox_timer SET state = 'cancelled', ended_at = now()
WHERE brand_id = $1 AND name = $2 AND key = ANY($3::varchar[]) AND state IN ('set', 'parked')
"""

_STANDS = "FROM outbox_timer WHERE brand_id = $1 AND name = $2 AND key = $3 AND state = 'set'"
_DUE = f"SELECT due_at {_STANDS}"
_CARRIED = f"SELECT payload::text {_STANDS}"
_TAKE_BACK = f"{_CANCEL.strip()} RETURNING payload::text"


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
    return await cancel_timers(door, name=name, keys=[key]) > 0


async def cancel_timers(door: Door, *, name: str, keys: Sequence[str]) -> int:
    """The same for many: how many there were to cancel."""
    return await run(door, _CANCEL, brand_of(door), name, list(keys))


async def due_at(door: Door, *, name: str, key: str) -> dt.datetime | None:
    """When a timer goes off; ``None`` when none is set."""
    rows = await fetch(door, _DUE, brand_of(door), name, key)
    return rows[0][0] if rows else None


async def carried(door: Door, *, name: str, key: str) -> dict[str, Any] | None:
    """What a timer that is set carries; it stays set, and whoever holds its row is not waited for."""
    rows = await fetch(door, _CARRIED, brand_of(door), name, key)
    return msgspec.json.decode(rows[0][0], type=dict[str, Any]) if rows else None


async def take_back(door: Door, *, name: str, key: str) -> dict[str, Any] | None:
    """Cancel a timer for what it carries; ``None`` when there is none to cancel, as when it has gone off."""
    rows = await fetch(door, _TAKE_BACK, brand_of(door), name, [key])
    return msgspec.json.decode(rows[0][0], type=dict[str, Any]) if rows else None
