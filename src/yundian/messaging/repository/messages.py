"""Messages on their way: claimed by one worker, moved from where they are, each try ended once."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from yundian.messaging.states import AttemptState, MessageState
from yundian.messaging.types import Channel
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_DUE = """
SELECT m.id, m.member_id, m.fact_key, m.template, m.message_class, m.is_test, m.only_channel, m.locale, m.zone,
    m.path, m.values_sealed, m.useless_after, m.recheck, m.checked_at, m.state, m.reason, m.channel, m.tried,
    m.tries, m.channel_tries, m.is_counted
FROM messaging_message m
WHERE m.brand_id = $1 AND m.next_at <= $2 ORDER BY m.next_at, m.id LIMIT $3
FOR NO KEY UPDATE OF m SKIP LOCKED
"""

_ATTEMPTS = """
SELECT a.id, a.created_at, a.message_id, a.channel, a.reference, a.state
FROM unnest($2::uuid[], $3::int[]) AS w (message_id, number)
JOIN messaging_attempt a ON a.brand_id = $1 AND a.message_id = w.message_id AND a.number = w.number
"""

_MOVE = """
UPDATE messaging_message m SET state = v.state, reason = v.reason, next_at = v.next_at,
    ended_at = CASE WHEN v.next_at IS NULL THEN $2::timestamptz END
FROM unnest($3::uuid[], $4::varchar[], $5::varchar[], $6::timestamptz[]) AS v (id, state, reason, next_at)
WHERE m.brand_id = $1 AND m.id = v.id
"""

_START = """
WITH v AS (
    SELECT * FROM unnest($4::uuid[], $5::uuid[], $6::varchar[], $7::varchar[], $8::varchar[], $9::varchar[],
        $10::varchar[])
        AS v (attempt_id, message_id, channel, app_id, template_ref, recipient, reference)
), moved AS (
    UPDATE messaging_message m SET state = 'sending', reason = '', tries = m.tries + 1,
        channel_tries = CASE WHEN m.channel = v.channel THEN m.channel_tries + 1 ELSE 1 END, channel = v.channel,
        recipient = v.recipient, is_counted = m.is_counted OR m.message_class = 'marketing', next_at = $3
    FROM v WHERE m.brand_id = $1 AND m.id = v.message_id
    RETURNING m.id, m.tries
)
INSERT INTO messaging_attempt (brand_id, id, created_at, message_id, number, channel, app_id, template_ref,
    recipient, reference, state, code, provider_ref)
SELECT $1, v.attempt_id, $2, v.message_id, moved.tries, v.channel, v.app_id, v.template_ref, v.recipient,
    v.reference, 'started', '', ''
FROM v JOIN moved ON moved.id = v.message_id
RETURNING message_id, number
"""

# Taken back while a provider may have known of it, and refused: it is over.
_IS_OFF = "v.state = 'queued' AND m.reason = 'withdrawn'"
# A try ends once. Whoever comes second, after a lease, finds it ended and moves nothing.
_END = f"""
WITH v AS (
    SELECT * FROM unnest($3::uuid[], $4::varchar[], $5::varchar[], $6::varchar[], $7::varchar[], $8::varchar[],
        $9::varchar[], $10::timestamptz[])
        AS v (attempt_id, attempt_state, code, provider_ref, state, reason, tried, next_at)
), ended AS (
    UPDATE messaging_attempt a SET state = v.attempt_state, code = v.code, provider_ref = v.provider_ref,
        ended_at = $2
    FROM v WHERE a.brand_id = $1 AND a.id = v.attempt_id AND a.state = 'started'
    RETURNING a.id, a.message_id, a.number
)
UPDATE messaging_message m SET state = CASE WHEN {_IS_OFF} THEN 'skipped' ELSE v.state END,
    reason = CASE WHEN {_IS_OFF} THEN m.reason ELSE v.reason END,
    next_at = CASE WHEN {_IS_OFF} THEN NULL ELSE v.next_at END,
    tried = CASE WHEN v.tried = '' THEN m.tried ELSE array_append(m.tried, v.tried) END,
    sent_at = CASE WHEN v.state = 'sent' THEN $2 ELSE m.sent_at END,
    ended_at = CASE WHEN v.next_at IS NULL OR {_IS_OFF} THEN $2 END
FROM ended JOIN v ON v.attempt_id = ended.id
WHERE m.brand_id = $1 AND m.id = ended.message_id AND m.tries = ended.number AND m.state = 'sending'
RETURNING ended.id
"""  # noqa: S608  no value is put in

# Messages before their tries, and in the order of their ids: whoever changes several waits in one direction.
LOCK = (
    "SELECT id FROM messaging_message WHERE brand_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR NO KEY UPDATE"
)

_POSTPONE = """
UPDATE messaging_message m SET next_at = v.next_at,
    reason = CASE WHEN v.reason = '' OR m.reason = 'withdrawn' THEN m.reason ELSE v.reason END
FROM unnest($2::uuid[], $3::timestamptz[], $4::varchar[]) AS v (id, next_at, reason)
WHERE m.brand_id = $1 AND m.id = v.id AND m.state = 'sending'
"""


@dataclass(frozen=True, slots=True)
class Due:
    """A message whose time has come, locked."""

    id: uuid.UUID
    member_id: uuid.UUID
    fact_key: str
    template: str
    message_class: str
    is_test: bool
    only_channel: str
    locale: str
    zone: str
    path: str
    values_sealed: bytes | None = field(repr=False)
    useless_after: dt.datetime | None
    recheck: str
    checked_at: dt.datetime | None
    state: str
    reason: str
    channel: str
    tried: list[str]
    tries: int
    channel_tries: int
    is_counted: bool


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """The newest try of a message that is being sent."""

    id: uuid.UUID
    created_at: dt.datetime
    message_id: uuid.UUID
    channel: Channel
    reference: str
    state: AttemptState


@dataclass(frozen=True, slots=True)
class Move:
    """Where a message goes that is not sent now; without ``next_at`` it is over."""

    message_id: uuid.UUID
    state: MessageState
    reason: str = ""
    next_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """A try to begin."""

    attempt_id: uuid.UUID
    message_id: uuid.UUID
    channel: Channel
    app_id: str
    template_ref: str
    recipient: str
    reference: str


@dataclass(frozen=True, slots=True)
class Later:
    """When to look again at a message that is being sent; a ``reason`` says what was heard of it meanwhile."""

    message_id: uuid.UUID
    at: dt.datetime
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a try ended and what that makes of its message; ``tried`` is a way not to take again."""

    attempt_id: uuid.UUID
    attempt_state: AttemptState
    code: str = ""
    provider_ref: str = ""
    state: MessageState
    reason: str = ""
    tried: str = ""
    next_at: dt.datetime | None = None


async def has_due(door: Door, *, now: dt.datetime) -> bool:
    sql = "SELECT EXISTS (SELECT FROM messaging_message WHERE brand_id = $1 AND next_at <= $2)"
    return bool((await fetch(door, sql, brand_of(door), now))[0][0])


async def due(door: Door, *, now: dt.datetime, limit: int) -> list[Due]:
    """Lock what is due, each by one worker."""
    return [Due(*row) for row in await fetch(door, _DUE, brand_of(door), now, limit)]


async def open_attempts(door: Door, *, messages: Sequence[Due]) -> dict[uuid.UUID, OpenAttempt]:
    """The newest try of each message, by the message's id."""
    ids, numbers = [m.id for m in messages], [m.tries for m in messages]
    rows = await fetch(door, _ATTEMPTS, brand_of(door), ids, numbers)
    return {
        message_id: OpenAttempt(id_, began, message_id, Channel(channel), reference, AttemptState(state))
        for id_, began, message_id, channel, reference, state in rows
    }


async def move(door: Door, *, moves: Sequence[Move], now: dt.datetime) -> None:
    """Only for messages that this transaction has locked."""
    if moves:
        await run(
            door, _MOVE, brand_of(door), now, [m.message_id for m in moves], [m.state.value for m in moves],
            [m.reason for m in moves], [m.next_at for m in moves],
        )  # fmt: skip


async def start(door: Door, *, starts: Sequence[Start], now: dt.datetime, lease_until: dt.datetime) -> None:
    """Store the tries and take their messages, which this transaction has locked."""
    if starts:
        await run(
            door, _START, brand_of(door), now, lease_until, [s.attempt_id for s in starts],
            [s.message_id for s in starts], [s.channel.value for s in starts], [s.app_id for s in starts],
            [s.template_ref for s in starts], [s.recipient for s in starts], [s.reference for s in starts],
        )  # fmt: skip


async def lock(door: Door, *, message_ids: Sequence[uuid.UUID]) -> None:
    """Before several of them are changed whose claim is this transaction's no more."""
    await fetch(door, LOCK, brand_of(door), list(message_ids))


async def end(door: Door, *, ends: Sequence[End], now: dt.datetime) -> set[uuid.UUID]:
    """End tries that have not ended yet; which of them."""
    if not ends:
        return set()
    rows = await fetch(
        door, _END, brand_of(door), now, [e.attempt_id for e in ends], [e.attempt_state.value for e in ends],
        [e.code for e in ends], [e.provider_ref for e in ends], [e.state.value for e in ends],
        [e.reason for e in ends], [e.tried for e in ends], [e.next_at for e in ends],
    )  # fmt: skip
    return {row[0] for row in rows}


async def postpone(door: Door, *, later: Sequence[Later]) -> None:
    """Look again later at messages that are being sent."""
    if later:
        await run(
            door, _POSTPONE, brand_of(door), [one.message_id for one in later], [one.at for one in later],
            [one.reason for one in later],
        )  # fmt: skip
