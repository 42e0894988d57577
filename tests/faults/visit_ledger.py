"""What must be true of every appointment, whatever died: its time, money and history, and what was told of it."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

from tests.payments.kit import Till
from yundian.payments.types import Provider

Rows = Callable[..., Awaitable[list[dict[str, Any]]]]

KEPT = """
SELECT b.state, b.deposit_state, b.deposit_minor, b.session_id,
    coalesce(p.captured_minor - p.refunded_minor, 0)::bigint AS kept,
    (SELECT count(*) FROM appointments_occupancy o
        WHERE o.brand_id = $1 AND o.booking_id = b.id AND o.is_live) AS live
FROM appointments_booking b LEFT JOIN payments_payment p ON p.brand_id = $1 AND p.id = b.payment_id
WHERE b.brand_id = $1 ORDER BY b.id
"""
_OVERLAPS = """
SELECT count(*) AS n FROM appointments_occupancy a JOIN appointments_occupancy b
ON b.brand_id = a.brand_id AND b.resource_id = a.resource_id AND b.id > a.id AND b.is_live AND a.is_live
AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at WHERE a.brand_id = $1
"""
_SUMS = """
SELECT (SELECT coalesce(sum(captured_minor - refunded_minor), 0) FROM payments_payment WHERE brand_id = $1)
    + (SELECT coalesce(sum(amount_minor - refunded_minor), 0) FROM payments_orphan WHERE brand_id = $1) AS kept
"""
# Somebody else may serve, and a move be taken back, more than once; everything else happens once.
_TWICE = """
SELECT booking_id::text AS whose, kind AS what FROM appointments_booking_event
WHERE brand_id = $1 AND kind NOT IN ('reassigned', 'undone') GROUP BY 1, 2 HAVING count(*) > 1
UNION ALL SELECT payload #>> '{booking,booking_id}', tag FROM outbox_event
WHERE brand_id = $1 AND payload #>> '{booking,booking_id}' IS NOT NULL GROUP BY 1, 2 HAVING count(*) > 1
UNION ALL SELECT ref_id::text, kind FROM members_timeline
WHERE brand_id = $1 AND channel = 'appointment' GROUP BY 1, 2 HAVING count(*) > 1
"""
_TOLD = """
SELECT template, count(*)::int AS n FROM messaging_message
WHERE brand_id = $1 AND (template NOT LIKE '%.reminder_%' OR reason NOT IN ('withdrawn', 'outdated')) GROUP BY 1
"""
_LIVE = frozenset({"held", "requested", "confirmed", "arrived", "in_service"})
# What became of a deposit, where one was asked for.
_DEPOSIT = {
    "held": {"required"},
    "requested": {"paid"},
    "confirmed": {"paid"},
    "arrived": {"paid"},
    "in_service": {"paid"},
    "completed": {"applied_to_sale"},
    "cancelled": {"required", "refunded"},
    "declined": {"refunded"},
    "waived": {"refunded"},
    "expired": {"required", "refunded"},
    "cancelled_late": {"forfeited"},
    "no_show_penalized": {"forfeited"},
}
_OURS = frozenset({"paid", "applied_to_sale", "forfeited"})


async def assert_whole(rows: Rows, till: Till) -> None:
    """No overlap, nothing twice; who has a time has paid for it; the provider's books say what ours say."""
    [overlaps] = await rows(_OVERLAPS)
    assert overlaps["n"] == 0
    assert await rows(_TWICE) == []
    kept = await rows(KEPT)
    for one in kept:
        if one["session_id"] is None:
            assert one["live"] == (3 if one["state"] in _LIVE else 0), kept
        if one["deposit_minor"]:
            assert one["deposit_state"] in _DEPOSIT[one["state"]], kept
        assert one["kept"] == (one["deposit_minor"] if one["deposit_state"] in _OURS else 0), kept
    assert await left_there(till) == (await rows(_SUMS))[0]["kept"]


async def left_there(till: Till) -> int:
    """What the providers hold for us: taken and not given back."""
    left = 0
    for provider in Provider:
        books = await anyio.to_thread.run_sync(till.sandbox.books, till.payee(provider))
        left += sum(total["paid_minor"] - total["refunded_minor"] for total in books["totals"])
    return left


async def told(rows: Rows) -> Counter[str]:
    """What customers were to be told, by its template, and of what they will be reminded.

    Whether a word was still withdrawn before it was sent is a question of seconds, and of the hour of the night.
    """
    return Counter({str(row["template"]).removeprefix("appointment."): row["n"] for row in await rows(_TOLD)})
