"""New payments: asked for by themselves, inside somebody else's statement, or made of an orphan's money."""

import uuid
from functools import cache
from typing import Any

from yundian.payments.repository.trades import PAYMENT, payment_of
from yundian.payments.types import PaymentView
from yundian.platform.db.cte import Cte
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_TYPES = {
    "id": "uuid",
    "created_at": "timestamptz",
    "subject_type": "varchar",
    "subject_id": "uuid",
    "description": "varchar",
    "return_path": "varchar",
    "amount_minor": "bigint",
    "currency": "bpchar",
    "expires_at": "timestamptz",
    "payer_sealed": "bytea",
}
_LIVE_SUBJECT = (
    "ON CONFLICT (brand_id, subject_type, subject_id)"
    " WHERE state IN ('pending', 'closing', 'succeeded') DO NOTHING"
)


def payment_part(cte: Cte, *, brand_id: uuid.UUID, values: dict[str, Any], given: str | None, name: str) -> None:
    """The part that inserts a payment, if ``given`` has a row and the subject has no payment that lives."""
    cte.add(name, _payment_sql(given), brand_id, *(values[column] for column in _TYPES))


@cache
def _payment_sql(given: str | None) -> str:
    marks = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_TYPES.values(), start=2))
    gate = f" WHERE EXISTS (SELECT FROM {given})" if given else ""
    return (
        f"INSERT INTO payments_payment AS p (brand_id, {', '.join(_TYPES)}, state, captured_minor,"
        f" reserved_minor, refunded_minor) SELECT $1::uuid, {marks}, 'pending', 0, 0, 0{gate}"
        f" {_LIVE_SUBJECT} RETURNING {PAYMENT}"
    )


async def add_payment(door: Door, *, values: dict[str, Any]) -> PaymentView | None:
    """``None`` when the subject has a payment that lives."""
    cte = Cte()
    payment_part(cte, brand_id=brand_of(door), values=values, given=None, name="opened")
    rows = await fetch(door, cte.text("SELECT * FROM opened"), *cte.arguments)
    return payment_of(rows[0]) if rows else None


_ADOPT = f"""
INSERT INTO payments_payment AS p (brand_id, id, created_at, subject_type, subject_id, description, return_path,
    amount_minor, currency, state, captured_minor, reserved_minor, refunded_minor, payer_sealed, expires_at,
    paid_at, ended_at)
SELECT $1, $3, now(), $4, $5, $6, $7, o.amount_minor, o.currency, 'succeeded', o.amount_minor, 0, 0,
    b.payer_sealed, coalesce(b.expires_at, now()), o.paid_at, now()
FROM payments_orphan o LEFT JOIN payments_payment b ON b.brand_id = o.brand_id AND b.id = o.payment_id
WHERE o.brand_id = $1 AND o.id = $2
{_LIVE_SUBJECT} RETURNING {PAYMENT}
"""  # noqa: S608
_ADOPT_ATTEMPT = """
UPDATE payments_attempt a SET payment_id = $3 FROM payments_orphan o
WHERE o.brand_id = $1 AND o.id = $2 AND a.brand_id = o.brand_id AND a.out_trade_no = o.out_trade_no
    AND a.account_id = o.account_id AND a.state = 'succeeded'
"""
_ADOPTED = """
UPDATE payments_orphan SET status = 'adopted', linked_payment_id = $3
WHERE brand_id = $1 AND id = $2 AND status = 'open' AND reserved_minor = 0
"""


async def adopt(
    door: Door,
    *,
    orphan_id: uuid.UUID,
    payment_id: uuid.UUID,
    subject_type: str,
    subject_id: uuid.UUID,
    description: str,
    return_path: str,
) -> PaymentView | None:
    """A captured payment of a locked orphan's money; ``None`` when the subject has a payment that lives."""
    brand_id = brand_of(door)
    asked = (brand_id, orphan_id, payment_id)
    rows = await fetch(door, _ADOPT, *asked, subject_type, subject_id, description, return_path)
    if not rows:
        return None
    if await run(door, _ADOPT_ATTEMPT, *asked) != 1 or await run(door, _ADOPTED, *asked) != 1:
        raise RuntimeError("the orphan was not locked")
    return payment_of(rows[0])
