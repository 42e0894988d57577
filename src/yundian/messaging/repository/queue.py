"""Messages that somebody should get: stored once per fact, taken back, confirmed, sent again."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from yundian.messaging.repository.messages import LOCK
from yundian.messaging.states import ENDED_BADLY, WAITING, MessageState, SkipReason
from yundian.messaging.types import MessageClass
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_QUEUE = """
INSERT INTO messaging_message (brand_id, id, created_at, member_id, shop_id, fact_key, template, message_class,
    is_test, only_channel, locale, zone, path, values_sealed, send_after, useless_after, recheck, state, reason,
    channel, recipient, tried, tries, channel_tries, is_counted, next_at)
SELECT $1, q.id, $2, q.member_id, q.shop_id, q.fact_key, q.template, q.message_class, q.is_test,
    q.only_channel, q.locale, q.zone, q.path, q.values_sealed, q.send_after, q.useless_after, q.recheck, 'queued',
    '', '', '', '{}', 0, 0, false, q.send_after
FROM unnest($3::uuid[], $4::uuid[], $5::varchar[], $6::varchar[], $7::varchar[], $8::boolean[], $9::varchar[],
    $10::varchar[], $11::varchar[], $12::varchar[], $13::bytea[], $14::timestamptz[], $15::timestamptz[],
    $16::varchar[], $17::uuid[])
    AS q (id, member_id, fact_key, template, message_class, is_test, only_channel, locale, zone, path,
        values_sealed, send_after, useless_after, recheck, shop_id)
ORDER BY q.fact_key, q.template
ON CONFLICT (brand_id, fact_key, template) DO NOTHING RETURNING id
"""

# What a provider may know of is not called back, but neither is it tried once more; nor, if the provider tells
# later that it did not arrive, by another way; nor by a person who sends again what failed.
_WITHDRAW = """
WITH held AS (
    SELECT id FROM messaging_message
    WHERE brand_id = $1 AND fact_key = ANY($2::varchar[]) AND state NOT IN ('delivered', 'skipped')
    ORDER BY id FOR NO KEY UPDATE
)
UPDATE messaging_message m SET
    reason = CASE WHEN m.state = ANY($5::varchar[]) OR m.state = 'sending' THEN $4 ELSE m.reason END,
    state = CASE WHEN m.state = ANY($5::varchar[]) THEN 'skipped' ELSE m.state END,
    next_at = CASE WHEN m.state = 'sending' THEN m.next_at END,
    ended_at = CASE WHEN m.state = ANY($5::varchar[]) THEN $3::timestamptz ELSE m.ended_at END,
    useless_after = CASE WHEN m.state = ANY($5::varchar[]) OR m.useless_after < $3 THEN m.useless_after ELSE $3 END
FROM held WHERE m.brand_id = $1 AND m.id = held.id
RETURNING m.state
"""

_ANSWER_STILL = """
UPDATE messaging_message SET state = 'queued', reason = '', checked_at = $3, next_at = $3
WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND state = 'checking'
"""

_ANSWER_OUTDATED = """
UPDATE messaging_message SET state = 'skipped', reason = 'outdated', next_at = NULL, ended_at = $3
WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND state = ANY($4::varchar[])
"""

_AGAIN = """
UPDATE messaging_message SET state = 'queued', reason = '', tried = '{}', channel_tries = 0, channel = '',
    checked_at = NULL, next_at = $3, ended_at = NULL
WHERE brand_id = $1 AND id = $2 AND state = ANY($4::varchar[]) AND values_sealed IS NOT NULL
    AND (useless_after IS NULL OR useless_after > $3)
"""


_PARKED_AGAIN = """
UPDATE messaging_message SET state = 'queued', reason = '', tried = '{}', channel_tries = 0, channel = '',
    checked_at = NULL, next_at = $2, ended_at = NULL
WHERE brand_id = $1 AND state = 'parked' AND values_sealed IS NOT NULL
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A message as it is stored."""

    member_id: uuid.UUID
    fact_key: str
    template: str
    message_class: MessageClass
    values_sealed: bytes = field(repr=False)
    send_after: dt.datetime
    useless_after: dt.datetime | None = None
    path: str = ""
    zone: str = ""
    locale: str = ""
    recheck: str = ""
    shop_id: uuid.UUID | None = None
    is_test: bool = False
    only_channel: str = ""


async def queue(door: Door, *, messages: Sequence[NewMessage], now: dt.datetime) -> int:
    """Store what is new; how many were. One statement, in one order for all who ask for the same at once."""
    columns: list[list[Any]] = [
        [new_id() for _ in messages],
        [m.member_id for m in messages],
        [m.fact_key for m in messages],
        [m.template for m in messages],
        [m.message_class.value for m in messages],
        [m.is_test for m in messages],
        [m.only_channel for m in messages],
        [m.locale for m in messages],
        [m.zone for m in messages],
        [m.path for m in messages],
        [m.values_sealed for m in messages],
        [m.send_after for m in messages],
        [m.useless_after for m in messages],
        [m.recheck for m in messages],
        [m.shop_id for m in messages],
    ]
    return len(await fetch(door, _QUEUE, brand_of(door), now, *columns))


async def withdraw(door: Door, *, fact_keys: Sequence[str], now: dt.datetime) -> int:
    states = [state.value for state in WAITING]
    reason = SkipReason.WITHDRAWN.value
    rows = await fetch(door, _WITHDRAW, brand_of(door), list(fact_keys), now, reason, states)
    return sum(row[0] == MessageState.SKIPPED.value for row in rows)


async def revise(door: Door, *, fact_key: str, values_sealed: bytes) -> None:
    sql = (
        "UPDATE messaging_message SET values_sealed = $3 WHERE brand_id = $1 AND fact_key = $2"
        " AND state = ANY($4::varchar[]) AND values_sealed IS NOT NULL"
    )
    states = [state.value for state in WAITING]
    await run(door, sql, brand_of(door), fact_key, values_sealed, states)


async def answer(
    door: Door, *, still: Sequence[uuid.UUID], outdated: Sequence[uuid.UUID], now: dt.datetime
) -> None:
    """What the owner says of messages that wait for it."""
    await fetch(door, LOCK, brand_of(door), [*still, *outdated])
    if still:
        await run(door, _ANSWER_STILL, brand_of(door), list(still), now)
    if outdated:
        states = [state.value for state in WAITING]
        await run(door, _ANSWER_OUTDATED, brand_of(door), list(outdated), now, states)


async def send_again(door: Door, *, message_id: uuid.UUID, now: dt.datetime) -> bool:
    states = [state.value for state in ENDED_BADLY]
    return await run(door, _AGAIN, brand_of(door), message_id, now, states) > 0


async def send_parked_again(door: Door, *, now: dt.datetime) -> int:
    """What a provider's outage left behind; how many. What is useless by now is left out when it is due."""
    return await run(door, _PARKED_AGAIN, brand_of(door), now)
