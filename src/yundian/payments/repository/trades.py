"""Payments and the attempts at them: reading, locking, and transitions that happen at most once."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from yundian.payments.states import AttemptState, PaymentState
from yundian.payments.types import AttemptView, PayKind, PaymentView, Provider
from yundian.platform.outbox.door import Door, brand_of, fetch, run

PAYMENT = (
    "p.id, p.subject_type, p.subject_id, p.description, p.amount_minor, p.currency, p.state, p.captured_minor,"
    " p.reserved_minor, p.refunded_minor, p.expires_at, p.paid_at, p.ended_at, p.created_at, p.return_path"
)
_ATTEMPT = (
    "a.id, a.payment_id, a.account_id, a.provider, a.kind, a.out_trade_no, a.state, a.failure, a.provider_ref,"
    " a.paid_at, a.expires_at, a.polls, a.created_at"
)
# Seconds until the next look, by how often was looked: a lost notice is healed within five minutes.
POLL_AFTER_S = (10, 10, 15, 30, 60, 120, 240)
LAST_LOOK_AFTER = dt.timedelta(minutes=2)
# Who waits for a payment's end waits about a minute: then it is closed here, and asked about as before.
GIVE_UP_CLOSING_AFTER = dt.timedelta(seconds=45)
_CLOSING_AGAIN = "interval '10 seconds'"
_BACKOFF = (
    f"(ARRAY[{','.join(map(str, POLL_AFTER_S))}])[least(polls + 2, {len(POLL_AFTER_S)})] * interval '1 second'"
)


class Trade(msgspec.Struct, kw_only=True):
    """An attempt, its payment and its account, locked; changed in memory and written back as one."""

    attempt: AttemptView
    payment: PaymentView
    merchant_id: str
    app_id: str


def payment_of(row: Sequence[Any]) -> PaymentView:
    found: PaymentView = _struct(PaymentView, row)
    return found


def attempt_of(row: Sequence[Any]) -> AttemptView:
    found: AttemptView = _struct(AttemptView, row)
    return found


def _struct(kind: Any, row: Sequence[Any]) -> Any:
    return msgspec.convert(dict(zip(kind.__struct_fields__, row, strict=True)), kind, strict=False)


async def payment(door: Door, *, payment_id: uuid.UUID, lock: bool = False) -> PaymentView | None:
    sql = f"SELECT {PAYMENT} FROM payments_payment p WHERE p.brand_id = $1 AND p.id = $2"  # noqa: S608
    rows = await fetch(door, sql + (" FOR UPDATE" if lock else ""), brand_of(door), payment_id)
    return payment_of(rows[0]) if rows else None


async def payment_now(
    door: Door, *, payment_id: uuid.UUID, lock: bool = False
) -> tuple[PaymentView, dt.datetime] | None:
    """The same with the database's time, which decides whether it can still be paid: that of a process may be
    wrong."""
    sql = f"SELECT now(), {PAYMENT} FROM payments_payment p WHERE p.brand_id = $1 AND p.id = $2"  # noqa: S608
    rows = await fetch(door, sql + (" FOR UPDATE" if lock else ""), brand_of(door), payment_id)
    return (payment_of(rows[0][1:]), rows[0][0]) if rows else None


async def payments(door: Door, *, ids: Sequence[uuid.UUID]) -> list[PaymentView]:
    """These, newest first."""
    sql = (
        f"SELECT {PAYMENT} FROM payments_payment p WHERE p.brand_id = $1 AND p.id = ANY($2::uuid[])"  # noqa: S608
        " ORDER BY p.id DESC"
    )
    return [payment_of(row) for row in await fetch(door, sql, brand_of(door), list(ids))]


async def payer_of(door: Door, *, payment_id: uuid.UUID) -> bytes | None:
    sql = "SELECT payer_sealed FROM payments_payment WHERE brand_id = $1 AND id = $2"
    rows = await fetch(door, sql, brand_of(door), payment_id)
    found: bytes | None = rows[0][0] if rows else None
    return found


async def payment_of_subject(door: Door, *, subject_type: str, subject_id: uuid.UUID) -> PaymentView | None:
    """The subject's payment that lives, else its newest one."""
    rows = await fetch(
        door,
        f"SELECT {PAYMENT} FROM payments_payment p WHERE p.brand_id = $1 AND p.subject_type = $2"  # noqa: S608
        " AND p.subject_id = $3 ORDER BY p.state = 'closed', p.id DESC LIMIT 1",
        brand_of(door),
        subject_type,
        subject_id,
    )
    return payment_of(rows[0]) if rows else None


async def attempts(door: Door, *, payment_id: uuid.UUID) -> list[AttemptView]:
    sql = f"SELECT {_ATTEMPT} FROM payments_attempt a WHERE a.brand_id = $1 AND a.payment_id = $2 ORDER BY a.id"  # noqa: S608
    return [attempt_of(row) for row in await fetch(door, sql, brand_of(door), payment_id)]


async def client_of(door: Door, *, attempt_id: uuid.UUID) -> bytes | None:
    sql = "SELECT client_sealed FROM payments_attempt WHERE brand_id = $1 AND id = $2"
    rows = await fetch(door, sql, brand_of(door), attempt_id)
    found: bytes | None = rows[0][0] if rows else None
    return found


async def add_attempt(
    door: Door,
    *,
    attempt_id: uuid.UUID,
    payment: PaymentView,
    account_id: uuid.UUID,
    provider: Provider,
    kind: PayKind,
    out_trade_no: str,
    now: dt.datetime,
) -> AttemptView:
    """Stored before the provider hears of it, and already due to be asked about."""
    rows = await fetch(
        door,
        "INSERT INTO payments_attempt AS a (brand_id, id, created_at, payment_id, account_id,"  # noqa: S608
        " provider, kind,"
        " out_trade_no, state, failure, provider_ref, expires_at, next_poll_at, polls)"
        f" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'init', '', '', $9, $10, 0) RETURNING {_ATTEMPT}",
        brand_of(door),
        attempt_id,
        now,
        payment.id,
        account_id,
        provider.value,
        kind.value,
        out_trade_no,
        payment.expires_at,
        now + dt.timedelta(seconds=POLL_AFTER_S[0]),
    )
    return attempt_of(rows[0])


async def started(door: Door, *, attempt_id: uuid.UUID, client_sealed: bytes) -> None:
    await run(
        door,
        "UPDATE payments_attempt SET client_sealed = $3,"
        " state = CASE WHEN state IN ('init', 'unknown') THEN 'pending' ELSE state END"
        " WHERE brand_id = $1 AND id = $2",
        brand_of(door),
        attempt_id,
        client_sealed,
    )


async def not_started(
    door: Door, *, attempt_id: uuid.UUID, state: AttemptState, failure: str, next_poll_at: dt.datetime
) -> None:
    """A first call that failed. What was known of the attempt by then stays known."""
    await run(
        door,
        "UPDATE payments_attempt SET state = $3, failure = $4, next_poll_at = $5"
        " WHERE brand_id = $1 AND id = $2 AND state = 'init'",
        brand_of(door),
        attempt_id,
        state.value,
        failure[:64],
        next_poll_at,
    )


async def lock_payments_of(door: Door, *, trade_numbers: Sequence[str], refund_numbers: Sequence[str]) -> None:
    """Every payment that some facts are about, always in the same order."""
    await fetch(
        door,
        "SELECT 1 FROM payments_payment p WHERE p.brand_id = $1 AND p.id IN ("
        "SELECT payment_id FROM payments_attempt WHERE brand_id = $1 AND out_trade_no = ANY($2::varchar[])"
        " UNION SELECT payment_id FROM payments_refund WHERE brand_id = $1 AND out_refund_no = ANY($3::varchar[]))"
        " ORDER BY p.id FOR UPDATE",
        brand_of(door),
        list(trade_numbers),
        list(refund_numbers),
    )


async def trades(door: Door, *, numbers: Sequence[str]) -> dict[str, Trade]:
    """What we know under these numbers. Lock their payments first."""
    rows = await fetch(
        door,
        f"SELECT c.merchant_id, c.app_id, {_ATTEMPT}, {PAYMENT} FROM payments_attempt a"  # noqa: S608
        " JOIN payments_payment p ON p.brand_id = a.brand_id AND p.id = a.payment_id"
        " JOIN payments_account c ON c.brand_id = a.brand_id AND c.id = a.account_id"
        " WHERE a.brand_id = $1 AND a.out_trade_no = ANY($2::varchar[])",
        brand_of(door),
        list(numbers),
    )
    width = len(AttemptView.__struct_fields__) + 2
    payments: dict[uuid.UUID, PaymentView] = {}
    found: dict[str, Trade] = {}
    for row in rows:
        values = tuple(row)
        attempt, paid = attempt_of(values[2:width]), payment_of(values[width:])
        shared = payments.setdefault(paid.id, paid)
        found[attempt.out_trade_no] = Trade(
            attempt=attempt, payment=shared, merchant_id=values[0], app_id=values[1]
        )
    return found


async def write_attempts(door: Door, *, changed: Sequence[AttemptView]) -> None:
    """The new states. What succeeded is not looked at again, what closed once more after its end."""
    await run(
        door,
        "UPDATE payments_attempt a SET state = n.state, failure = n.failure, provider_ref = n.ref,"
        " paid_at = n.paid_at,"
        " client_sealed = CASE WHEN n.state IN ('init', 'pending', 'unknown') THEN client_sealed END,"
        " next_poll_at = CASE n.state WHEN 'succeeded' THEN NULL"
        " WHEN 'closed' THEN greatest(a.expires_at, now()) + $7::interval ELSE a.next_poll_at END"
        " FROM unnest($2::uuid[], $3::varchar[], $4::varchar[], $5::varchar[], $6::timestamptz[])"
        " AS n (id, state, failure, ref, paid_at) WHERE a.brand_id = $1 AND a.id = n.id",
        brand_of(door),
        [one.id for one in changed],
        [one.state.value for one in changed],
        [one.failure for one in changed],
        [one.provider_ref for one in changed],
        [one.paid_at for one in changed],
        LAST_LOOK_AFTER,
    )


async def capture(door: Door, *, paid: Sequence[PaymentView]) -> list[uuid.UUID]:
    """Paid, if they were still open; the other attempts are looked at now, to be closed."""
    rows = await fetch(
        door,
        "UPDATE payments_payment p SET state = 'succeeded', captured_minor = p.amount_minor, paid_at = n.paid_at,"
        " ended_at = now() FROM unnest($2::uuid[], $3::timestamptz[]) AS n (id, paid_at)"
        " WHERE p.brand_id = $1 AND p.id = n.id AND p.state IN ('pending', 'closing') RETURNING p.id",
        brand_of(door),
        [one.id for one in paid],
        [one.paid_at for one in paid],
    )
    ids = [row[0] for row in rows]
    await run(
        door,
        "UPDATE payments_attempt SET next_poll_at = now() WHERE brand_id = $1 AND payment_id = ANY($2::uuid[])"
        " AND state IN ('init', 'pending', 'unknown')",
        brand_of(door),
        ids,
    )
    return ids


async def begin_closing(door: Door, *, now: dt.datetime, payment_id: uuid.UUID) -> bool:
    """One payment, whose attempts are due at once; whether it was still open."""
    sql = (
        "UPDATE payments_payment SET state = 'closing', closing_at = $2 WHERE brand_id = $1 AND id = $3"
        " AND state = 'pending' RETURNING id"
    )
    rows = await fetch(door, sql, brand_of(door), now, payment_id)
    await _look_at_once(door, payment_ids=[row[0] for row in rows], now=now)
    return bool(rows)


async def begin_closing_expired(door: Door, *, now: dt.datetime, limit: int) -> int:
    """The same of what expired, the longest ago first, so many at most; how many there were."""
    rows = await fetch(
        door,
        "WITH expired AS MATERIALIZED ("
        "SELECT e.id FROM payments_payment e WHERE e.brand_id = $1 AND e.state = 'pending' AND e.expires_at <= $2"
        " ORDER BY e.expires_at LIMIT $3 FOR UPDATE SKIP LOCKED)"
        " UPDATE payments_payment p SET state = 'closing', closing_at = $2 FROM expired"
        " WHERE p.brand_id = $1 AND p.id = expired.id RETURNING p.id",
        brand_of(door),
        now,
        limit,
    )
    await _look_at_once(door, payment_ids=[row[0] for row in rows], now=now)
    return len(rows)


async def _look_at_once(door: Door, *, payment_ids: Sequence[uuid.UUID], now: dt.datetime) -> None:
    if not payment_ids:
        return
    await run(
        door,
        "UPDATE payments_attempt SET next_poll_at = $2 WHERE brand_id = $1 AND payment_id = ANY($3::uuid[])"
        " AND state IN ('init', 'pending', 'unknown')",
        brand_of(door),
        now,
        list(payment_ids),
    )


async def finish_closing(door: Door, *, now: dt.datetime, limit: int) -> list[PaymentView]:
    """What nobody can pay any more, and what no provider answered about for too long; so many at most."""
    rows = await fetch(
        door,
        "WITH over AS MATERIALIZED (SELECT c.id FROM payments_payment c WHERE c.brand_id = $1"  # noqa: S608
        " AND c.state = 'closing' AND (coalesce(c.closing_at, c.expires_at) <= $2 OR NOT EXISTS ("
        "SELECT FROM payments_attempt a WHERE a.brand_id = c.brand_id"
        " AND a.payment_id = c.id AND a.state IN ('init', 'pending', 'unknown')))"
        " LIMIT $3 FOR UPDATE OF c SKIP LOCKED)"
        " UPDATE payments_payment p SET state = 'closed', ended_at = now() FROM over"
        f" WHERE p.brand_id = $1 AND p.id = over.id AND p.state = 'closing' RETURNING {PAYMENT}",
        brand_of(door),
        now - GIVE_UP_CLOSING_AFTER,
        limit,
    )
    return [payment_of(row) for row in rows]


_CLAIM = f"""
UPDATE payments_attempt a SET polls = polls + 1, next_poll_at = $2::timestamptz +
    CASE due.payment_state WHEN 'closing' THEN {_CLOSING_AGAIN} ELSE {_BACKOFF} END
FROM (SELECT d.id AS due_id, p.state AS payment_state FROM payments_attempt d
    JOIN payments_payment p ON p.brand_id = d.brand_id AND p.id = d.payment_id
    WHERE d.brand_id = $1 AND d.next_poll_at IS NOT NULL AND {{which}}
    ORDER BY d.next_poll_at LIMIT $3 FOR UPDATE OF d SKIP LOCKED) AS due
WHERE a.brand_id = $1 AND a.id = due.due_id RETURNING due.payment_state, {_ATTEMPT}
"""  # noqa: S608
_CLAIM_DUE, _CLAIM_ONE = (_CLAIM.format(which=one) for one in ("d.next_poll_at <= $2", "d.payment_id = $4"))


async def claim_due(door: Door, *, now: dt.datetime, limit: int) -> list[tuple[AttemptView, PaymentState]]:
    """Attempts to ask about, each by one worker; the next look is set before, in case this one never ends."""
    return _claimed(await fetch(door, _CLAIM_DUE, brand_of(door), now, limit))


async def claim_of(
    door: Door, *, payment_id: uuid.UUID, now: dt.datetime, limit: int
) -> list[tuple[AttemptView, PaymentState]]:
    """The same of one payment, whenever they would have been due."""
    return _claimed(await fetch(door, _CLAIM_ONE, brand_of(door), now, limit, payment_id))


def _claimed(rows: Sequence[Any]) -> list[tuple[AttemptView, PaymentState]]:
    return [(attempt_of(tuple(row)[1:]), PaymentState(row[0])) for row in rows]


async def stop_looking(door: Door, *, attempt_ids: Sequence[uuid.UUID]) -> None:
    """The last look was had."""
    await run(
        door,
        "UPDATE payments_attempt SET next_poll_at = NULL WHERE brand_id = $1 AND id = ANY($2::uuid[])"
        " AND state IN ('closed', 'failed')",
        brand_of(door),
        list(attempt_ids),
    )


async def look_again(door: Door, *, numbers: Sequence[str], now: dt.datetime) -> None:
    """Ask about these at once, also where nobody asks any more: their money is said to have come."""
    await run(
        door,
        "UPDATE payments_attempt SET next_poll_at = $3 WHERE brand_id = $1 AND out_trade_no = ANY($2::varchar[])"
        " AND state <> 'succeeded'",
        brand_of(door),
        list(numbers),
        now,
    )


async def look_soon(door: Door, *, numbers: Sequence[str], now: dt.datetime) -> None:
    await run(
        door,
        "UPDATE payments_attempt SET next_poll_at = $3 WHERE brand_id = $1 AND out_trade_no = ANY($2::varchar[])"
        " AND next_poll_at > $3",
        brand_of(door),
        list(numbers),
        now,
    )
