"""One port, two providers: the same promises from both, kept against a gateway that signs for real."""

import dataclasses
import datetime as dt
from collections.abc import Awaitable, Callable

import pytest

from tests.helpers import wait_until
from tests.payments.adapters.shops import Shop, fen
from yundian.payments.types import (
    AlreadyPaid,
    NoticeKind,
    OutcomeUnknown,
    PaymentClosed,
    PaymentStanding,
    ProviderPayment,
    ProviderRefund,
    RefundStanding,
    Refused,
    Started,
)
from yundian.platform.core import clock

pytestmark = pytest.mark.anyio


async def _paid(shop: Shop, number: str) -> str:
    started = await shop.provider.start(shop.order(number))
    assert isinstance(started, Started), started
    return shop.pay(number)


async def test_a_payment_is_started_paid_told_and_found(shop: Shop, number: str) -> None:
    started = await shop.provider.start(shop.order(number))
    before = await shop.provider.query(number)
    ref = shop.pay(number)
    notice = shop.provider.verify_notice(shop.told()[0].body, {})
    after = await shop.provider.query(number)

    assert isinstance(started, Started)
    assert started.qr_code.startswith(shop.sandbox.base_url)
    assert isinstance(before, ProviderPayment)
    assert before.standing in (PaymentStanding.WAITING, PaymentStanding.ABSENT)
    assert before.amount is None
    assert isinstance(after, ProviderPayment)
    assert notice.kind is NoticeKind.PAYMENT
    assert notice.payment is not None
    for facts in (after, notice.payment):
        assert facts.standing is PaymentStanding.PAID
        assert (facts.out_trade_no, facts.provider_ref, facts.amount) == (number, ref, fen(1250))
        assert (facts.app_id, facts.merchant_id) == (shop.account.app_id, shop.account.merchant_id)
        assert facts.paid_at is not None
        assert abs(facts.paid_at - clock.now()) < dt.timedelta(minutes=1)
        assert facts.payer
        assert not facts.has_refunds
    assert shop.sandbox.books(shop.payee)["payments"][0]["out_trade_no"] == number


async def test_part_and_rest_are_paid_back_once_each_and_told(shop: Shop, number: str) -> None:
    await _paid(shop, number)
    first = await shop.provider.refund(shop.refund(number, amount=300))
    again = await shop.provider.refund(shop.refund(number, amount=300))
    rest = await shop.provider.refund(shop.refund(number, amount=950, suffix="R2"))
    too_much = await shop.provider.refund(shop.refund(number, amount=1, suffix="R3"))

    async def ended() -> list[ProviderRefund] | None:
        found = [
            await shop.provider.query_refund(out_trade_no=number, out_refund_no=f"{number}{suffix}")
            for suffix in ("R1", "R2")
        ]
        refunds = [each for each in found if isinstance(each, ProviderRefund)]
        done = all(each.standing is RefundStanding.SUCCEEDED for each in refunds)
        return refunds if done and len(refunds) == 2 else None

    refunds = await wait_until(ended, what="both refunds") or []
    payment = await shop.provider.query(number)
    assert all(isinstance(each, ProviderRefund) for each in (first, again, rest))
    assert isinstance(too_much, Refused)
    assert [each.amount for each in refunds] == [fen(300), fen(950)]
    assert isinstance(payment, ProviderPayment)
    assert (payment.standing, payment.has_refunds) == (PaymentStanding.PAID, True)
    assert [row["amount_minor"] for row in shop.sandbox.books(shop.payee)["refunds"]] == [300, 950]


async def test_a_refund_is_told_by_a_notice_that_opens(shop: Shop, number: str) -> None:
    await _paid(shop, number)
    await shop.provider.refund(shop.refund(number, amount=300))
    notices = [shop.provider.verify_notice(each.body, {}) for each in shop.told(2)]

    told = next(each for each in notices if each.kind is NoticeKind.REFUND)
    assert told.refund is not None
    assert (told.refund.out_refund_no, told.refund.standing) == (f"{number}R1", RefundStanding.SUCCEEDED)
    assert told.refund.amount in (fen(300), None)
    assert told.refund.refunded_at is not None
    assert len({each.ref for each in notices}) == 2


async def test_nobody_pays_a_closed_order_and_a_paid_one_is_not_closed(shop: Shop, number: str) -> None:
    await shop.provider.start(shop.order(number))
    shop.scan(number)
    closed = await shop.provider.close(number)
    twice = await shop.provider.close(number)
    found = await shop.provider.query(number)
    restarted = await shop.provider.start(shop.order(number))
    await _paid(shop, f"{number}b")
    late = await shop.provider.close(f"{number}b")
    again = await shop.provider.start(shop.order(f"{number}b"))

    assert closed == twice == PaymentClosed(is_final=True)
    assert isinstance(found, ProviderPayment)
    assert found.standing is PaymentStanding.CLOSED
    assert isinstance(restarted, Refused)
    assert late == again == AlreadyPaid()


async def test_what_the_provider_does_not_know_is_absent(shop: Shop, number: str) -> None:
    payment = await shop.provider.query(number)
    refund = await shop.provider.query_refund(out_trade_no=number, out_refund_no=f"{number}R1")

    assert isinstance(payment, ProviderPayment)
    assert payment.standing is PaymentStanding.ABSENT
    assert isinstance(refund, ProviderRefund)
    assert refund.standing is RefundStanding.ABSENT
    assert await shop.provider.close(number) == PaymentClosed(is_final=False)


@pytest.mark.parametrize("fault", ["tampered", "weak", "unsigned"])
@pytest.mark.parametrize("operation", ["start", "query", "close", "refund", "query_refund"])
async def test_a_reply_that_nobody_should_believe_leaves_the_outcome_unknown(
    shop: Shop, number: str, fault: str, operation: str
) -> None:
    await _paid(shop, f"{number}p")
    await shop.provider.refund(shop.refund(f"{number}p", amount=1, suffix="R0"))
    if operation == "close":
        await shop.provider.start(shop.order(number))
        shop.scan(number)
    shop.break_it(fault, operation)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "start": lambda: shop.provider.start(shop.order(number)),
        "query": lambda: shop.provider.query(f"{number}p"),
        "close": lambda: shop.provider.close(number),
        "refund": lambda: shop.provider.refund(shop.refund(f"{number}p", amount=2)),
        "query_refund": lambda: shop.provider.query_refund(
            out_trade_no=f"{number}p", out_refund_no=f"{number}pR0"
        ),
    }
    believed = await calls[operation]()
    good = await calls[operation]()

    assert isinstance(believed, OutcomeUnknown), believed
    assert not isinstance(good, OutcomeUnknown | Refused), good


@pytest.mark.parametrize("fault", ["wrong_number"])
async def test_a_reply_about_another_order_is_no_answer(shop: Shop, number: str, fault: str) -> None:
    await _paid(shop, number)
    shop.break_it(fault, "query")

    assert isinstance(await shop.provider.query(number), OutcomeUnknown)


async def test_a_wrong_amount_is_told_as_it_stands(shop: Shop, number: str) -> None:
    """Comparing it with what was asked is not the adapter's business; passing it on is."""
    await _paid(shop, number)
    shop.break_it("wrong_amount", "query")
    found = await shop.provider.query(number)

    assert isinstance(found, ProviderPayment)
    assert found.amount is not None
    assert found.amount != fen(1250)


async def test_other_money_is_refused_without_asking(shop: Shop, number: str) -> None:
    before = len(shop.sandbox.get("calls"))
    for minor, currency in ((100, "USD"), (0, "CNY"), (-5, "CNY")):
        order = dataclasses.replace(shop.order(number), amount=fen(minor).__class__(minor, currency))
        assert isinstance(await shop.provider.start(order), Refused)

    assert len(shop.sandbox.get("calls")) == before
