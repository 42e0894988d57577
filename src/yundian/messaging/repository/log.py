"""HQ's log of messages, and what is forgotten of them."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.messaging.types import AttemptView, MessageFilter, MessageView
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_COLUMNS = ", ".join(f"m.{name}" for name in MessageView.__struct_fields__)
_ATTEMPT = ", ".join(f"a.{name}" for name in AttemptView.__struct_fields__)
# Each condition is there only when it is asked for, so that the index that serves it is taken.
_CONDITIONS = {
    "state": "m.state = {}",
    "template": "m.template = {}",
    "message_class": "m.message_class = {}",
    "channel": "m.channel = {}",
    "member_id": "m.member_id = {}",
    "since": "m.created_at >= {}",
    "before": "m.created_at < {}",
}

_ERASE = """
WITH old AS (
    SELECT id FROM messaging_message WHERE brand_id = $1 AND ended_at < $2 AND values_sealed IS NOT NULL
    ORDER BY ended_at LIMIT $3 FOR UPDATE SKIP LOCKED
), erased AS (
    UPDATE messaging_message m SET values_sealed = NULL, path = '', recipient = '' FROM old
    WHERE m.brand_id = $1 AND m.id = old.id RETURNING m.id
), tries AS (
    UPDATE messaging_attempt a SET recipient = '' FROM old WHERE a.brand_id = $1 AND a.message_id = old.id
)
SELECT count(*) FROM erased
"""


async def messages(
    door: Door, *, wanted: MessageFilter, before_id: uuid.UUID | None, limit: int
) -> list[MessageView]:
    """The newest first."""
    given = {name: value for name, value in msgspec.structs.asdict(wanted).items() if value}
    conditions, arguments = ["m.brand_id = $1"], [brand_of(door)]
    for name, value in given.items():
        arguments.append(getattr(value, "value", value))
        conditions.append(_CONDITIONS[name].format(f"${len(arguments)}"))
    if before_id is not None:
        arguments.append(before_id)
        conditions.append(f"m.id < ${len(arguments)}")
    sql = (
        f"SELECT {_COLUMNS} FROM messaging_message m WHERE {' AND '.join(conditions)}"  # noqa: S608
        f" ORDER BY m.id DESC LIMIT {int(limit)}"
    )
    return [_view(MessageView, row) for row in await fetch(door, sql, *arguments)]


async def message(door: Door, *, message_id: uuid.UUID) -> MessageView | None:
    sql = f"SELECT {_COLUMNS} FROM messaging_message m WHERE m.brand_id = $1 AND m.id = $2"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), message_id)
    return _view(MessageView, rows[0]) if rows else None


async def attempts(door: Door, *, message_id: uuid.UUID) -> list[AttemptView]:
    sql = (
        f"SELECT {_ATTEMPT} FROM messaging_attempt a WHERE a.brand_id = $1 AND a.message_id = $2"  # noqa: S608
        " ORDER BY a.number"
    )
    return [_view(AttemptView, row) for row in await fetch(door, sql, brand_of(door), message_id)]


async def counts(door: Door, *, states: Sequence[str], since: dt.datetime) -> dict[str, int]:
    """How many messages that were asked for since then stand in these states."""
    sql = (
        "SELECT state, count(*) FROM messaging_message WHERE brand_id = $1 AND state = ANY($2::varchar[])"
        " AND created_at >= $3 GROUP BY state"
    )
    return {row[0]: row[1] for row in await fetch(door, sql, brand_of(door), list(states), since)}


async def erase(door: Door, *, ended_before: dt.datetime, limit: int) -> int:
    """Forget the words and recipients of what is long over; how many."""
    found: int = (await fetch(door, _ERASE, brand_of(door), ended_before, limit))[0][0]
    return found


async def forget_days(door: Door, *, before: dt.date) -> None:
    await run(door, "DELETE FROM messaging_day_count WHERE brand_id = $1 AND day < $2", brand_of(door), before)


def _view(kind: Any, row: Sequence[Any]) -> Any:
    return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind, strict=False)
