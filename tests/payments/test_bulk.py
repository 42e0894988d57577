"""Doors for many at once: a payment inside another's statement, a thousand refunds in two."""

import datetime as dt
from typing import Any

import pytest

from tests.payments.kit import SUBJECT_TYPE, Till
from yundian.payments import api
from yundian.payments.errors import TooManyRefunds
from yundian.payments.repository import refunds as rows
from yundian.payments.service import sweeping
from yundian.payments.types import Provider, RefundWish
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.db import counting
from yundian.platform.db.cte import Cte

pytestmark = pytest.mark.anyio

_SEED = """
WITH made AS (
    INSERT INTO payments_payment (brand_id, id, created_at, subject_type, subject_id, description, return_path,
        amount_minor, currency, state, captured_minor, reserved_minor, refunded_minor, expires_at, paid_at)
    SELECT $1, uuidv7(), now(), 'test.cart', uuidv7(), '', '/', 1000, 'CNY', 'succeeded', 1000, 0, 0, now(), now()
    FROM generate_series(1, $3) RETURNING id
), paid AS (
    INSERT INTO payments_attempt (brand_id, id, created_at, payment_id, account_id, provider, kind, out_trade_no,
        state, failure, provider_ref, expires_at, polls)
    SELECT $1, uuidv7(), now(), id, $2, 'wechat', 'native', substr(md5(id::text), 1, 30), 'succeeded', '', '',
        now(), 0 FROM made
)
SELECT id FROM made
"""


@pytest.mark.parametrize("payer", ["", "o-openid"])
async def test_the_part_of_a_checkout_writes_the_row_that_a_payment_of_its_own_has(till: Till, payer: str) -> None:
    subjects = [new_id(), new_id(), new_id()]
    expires_at = clock.now() + dt.timedelta(minutes=15)
    asked: dict[str, Any] = {
        "keyring": till.services.keyring,
        "amount": Money(4990, "CNY"),
        "description": "雾面唇釉 拼团 " * 20,
        "expires_at": expires_at,
        "return_path": "/m/x/orders/y",
        "payer": payer,
        "subject_type": SUBJECT_TYPE,
    }
    payment_id = new_id()
    async with till.services.database.connection(till.brand_id) as tx:
        await api.start_payment(tx, subject_id=subjects[0], **asked)
        for subject, is_given in ((subjects[1], True), (subjects[2], False), (subjects[0], True)):
            cte = Cte()
            cte.part("placed", f"SELECT 1 WHERE {cte.value(is_given)}::bool")
            api.open_payment_part(
                cte,
                brand_id=till.brand_id,
                payment_id=payment_id if subject == subjects[1] else new_id(),
                subject_id=subject,
                given="placed",
                **asked,
            )
            row = await cte.fetchrow(tx, "SELECT id FROM payment")
            assert (row is not None) == (subject == subjects[1])

    found = await till.rows("SELECT * FROM payments_payment WHERE brand_id = $1")
    one, other = sorted(found, key=lambda row: subjects.index(row["subject_id"]))
    assert other["id"] == payment_id
    own = {"id", "subject_id", "created_at", "payer_sealed"}
    assert {k: v for k, v in one.items() if k not in own} == {k: v for k, v in other.items() if k not in own}
    assert bool(one["payer_sealed"]) == bool(other["payer_sealed"]) == bool(payer)


async def test_a_thousand_refunds_are_two_statements_and_leave_at_a_steady_rate(till: Till) -> None:
    async with till.services.database.connection(till.brand_id) as tx:
        account_id = till.accounts[Provider.WECHAT][0]
        seeded = [row["id"] for row in await tx.fetch(_SEED, till.brand_id, account_id, 1000)]
    unpaid = await till.open()
    wishes = [RefundWish(payment_id=one, reason="未成团") for one in [*seeded, unpaid.id, new_id()]]

    with counting.counted() as statements:
        async with till.services.database.connection(till.brand_id) as tx:
            made = await api.request_refunds(tx, refunds=wishes)
            again = await api.request_refunds(tx, refunds=wishes)
    assert len(statements) <= 4
    assert set(made) == set(seeded)
    assert again == {}
    assert {one.amount_minor for one in made.values()} == {1000}

    async with till.services.database.connection(till.brand_id) as tx:
        first = await rows.claim_due(tx, now=clock.now(), limit=sweeping.REFUNDS_A_ROUND)
        second = await rows.claim_due(tx, now=clock.now(), limit=sweeping.REFUNDS_A_ROUND)
        # Sent again under the number they have.
        later = clock.now() + dt.timedelta(seconds=61)
        again_due = await rows.claim_due(tx, now=later, limit=2000)
    assert len(first) == len(second) == sweeping.REFUNDS_A_ROUND < 1000
    assert {one.id for one in first}.isdisjoint(one.id for one in second)
    assert {one.out_refund_no for one in [*first, *second]} <= {one.out_refund_no for one in again_due}
    async with till.services.database.connection(till.brand_id) as tx:
        await tx.execute("UPDATE payments_refund SET next_poll_at = NULL WHERE brand_id = $1", till.brand_id)


async def test_a_payment_is_refunded_at_most_once_a_minute_and_in_fifty_parts(till: Till) -> None:
    payment = await till.paid(Provider.WECHAT, minor=5100)
    for _ in range(49):
        await till.refund(payment, 100)

    async def sent() -> int:
        [row] = await till.rows(
            "SELECT count(*) AS n FROM payments_refund WHERE brand_id = $1 AND sent_at IS NOT NULL"
        )
        return int(row["n"])

    await till.sweep()
    assert await sent() == 1
    # One that is asked for meanwhile waits too, and then one more is too many.
    await till.refund(payment, 100)
    with pytest.raises(TooManyRefunds):
        await till.refund(payment, 100)
    counts = []
    for later in (30, 59, 62, 100, 124):
        await till.sweep(later_s=later)
        counts.append(await sent())
    assert counts == [1, 1, 2, 2, 3]


async def test_refunds_of_many_payments_that_are_held_back_go_out_again_under_their_numbers(till: Till) -> None:
    paid = [await till.paid(Provider.WECHAT, minor=700) for _ in range(6)]
    wishes = [RefundWish(payment_id=one.id, reason="未成团") for one in paid]
    async with till.services.database.connection(till.brand_id) as tx:
        made = await api.request_refunds(tx, refunds=wishes)
    busy = {"code": "FREQUENCY_LIMITED"}
    till.sandbox.break_it("error", provider="wechat_pay", operation="pay.refund", params=busy, remaining=4)

    await till.sweep()
    states = [one["state"] for one in await till.rows("SELECT state FROM payments_refund WHERE brand_id = $1")]
    assert sorted(states) == ["approved"] * 4 + ["processing"] * 2
    for later in (61, 130, 260):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)

    assert {(await till.see(one)).refunded_minor for one in paid} == {700}
    there = {one["out_refund_no"]: one for one in till.sandbox.books(till.payee(Provider.WECHAT))["refunds"]}
    assert set(there) == {one.out_refund_no for one in made.values()}
    assert {one["amount_minor"] for one in there.values()} == {700}
