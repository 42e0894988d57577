"""HQ's log of messages, and what is forgotten of them."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.messaging.types import AttemptView, MessageFilter, MessageView, Tally
from yundian.platform.core.ids import first_id_at
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_SAID = {"is_erased": "m.values_sealed IS NULL"}
_COLUMNS = ", ".join(_SAID.get(name, f"m.{name}") for name in MessageView.__struct_fields__)
_ATTEMPT = ", ".join(f"a.{name}" for name in AttemptView.__struct_fields__)
# Each condition is there only when it is asked for, so that the index that serves it is taken.
_CONDITIONS = {
    "state": "m.state = {}",
    "template": "m.template = {}",
    "message_class": "m.message_class = {}",
    "channel": "m.channel = {}",
    "reason": "(m.reason = {0} OR m.reason LIKE {0} || ':%')",
    "member_id": "m.member_id = {}",
    "shop_id": "m.shop_id = {}",
    # Ids carry their time: no second index.
    "since": "m.id >= {}",
    "before": "m.id < {}",
}
# The provider's word is left out of what is counted: there may be as many as messages.
_TALLY = """
SELECT template, state, split_part(reason, ':', 1), channel, count(*) FROM messaging_message
WHERE brand_id = $1 AND id >= $2 AND id < $3 AND NOT is_test GROUP BY 1, 2, 3, 4
"""

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
        bound = first_id_at(value) if isinstance(value, dt.datetime) else value
        arguments.append(getattr(bound, "value", bound))
        conditions.append(_CONDITIONS[name].format(f"${len(arguments)}"))
    if before_id is not None:
        arguments.append(before_id)
        conditions.append(f"m.id < ${len(arguments)}")
    sql = (
        f"SELECT {_COLUMNS} FROM messaging_message m WHERE {' AND '.join(conditions)}"  # noqa: S608
        f" ORDER BY m.id DESC LIMIT {int(limit)}"
    )
    return [_view(MessageView, row) for row in await fetch(door, sql, *arguments)]


async def tests(door: Door, *, code: str, limit: int) -> list[MessageView]:
    """The newest tests of a template."""
    sql = (
        f"SELECT {_COLUMNS} FROM messaging_message m WHERE m.brand_id = $1 AND m.template = $2"  # noqa: S608
        " AND m.is_test ORDER BY m.id DESC LIMIT $3"
    )
    return [_view(MessageView, row) for row in await fetch(door, sql, brand_of(door), code, limit)]


async def tally(door: Door, *, since: dt.datetime, before: dt.datetime) -> list[Tally]:
    """Messages that were asked for in that time, tests left out."""
    rows = await fetch(door, _TALLY, brand_of(door), first_id_at(since), first_id_at(before))
    return [_view(Tally, row) for row in rows]


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
