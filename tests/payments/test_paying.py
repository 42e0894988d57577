"""The life of a payment against the real protocols: asked for, paid, closed, and what comes too late."""

import dataclasses

import anyio
import pytest

from tests.payments.kit import Till, add_account
from yundian.brands.types import BrandView
from yundian.payments import api, tasks
from yundian.payments.errors import AccountTaken, PaymentEnded, ProviderUnavailable, SubjectBusy
from yundian.payments.states import AttemptState, PaymentState
from yundian.payments.types import Provider
from yundian.platform.core.money import Money

pytestmark = pytest.mark.anyio

both = pytest.mark.parametrize("provider", list(Provider))
CAPTURED, CLOSED, ORPHANED = "payments.captured.v1", "payments.closed.v1", "payments.orphaned.v1"


@both
async def test_a_payment_is_started_paid_and_captured_once(till: Till, provider: Provider) -> None:
    payment = await till.open(minor=1999)

    started = await till.start(payment, provider)
    again = await till.start(payment, provider)
    till.pay(provider, await till.number(payment))
    await till.look(payment)
    await till.look(payment)

    assert started.qr_code
    assert again == started
    seen = await till.see(payment)
    assert (seen.state, seen.captured_minor) == (PaymentState.SUCCEEDED, 1999)
    [event] = await till.events(CAPTURED)
    assert (event["payment_id"], event["amount_minor"]) == (str(payment.id), 1999)
    assert event["provider"] == provider.value
    [attempt] = await till.attempts(payment)
    assert attempt.state is AttemptState.SUCCEEDED
    assert seen.paid_at == attempt.paid_at
    with pytest.raises(PaymentEnded):
        await till.start(payment, provider)


async def test_a_subject_has_one_payment_and_another_amount_is_refused(till: Till) -> None:
    payment = await till.open(minor=500)

    async def ask(minor: int) -> object:
        async with till.services.database.unit_of_work(till.brand_id) as session:
            found = await api.start_payment(
                session,
                keyring=till.services.keyring,
                subject_type=payment.subject_type,
                subject_id=payment.subject_id,
                amount=Money(minor, "CNY"),
                description="x",
                expires_at=payment.expires_at,
            )
            return found.id

    assert await ask(500) == payment.id
    with pytest.raises(SubjectBusy):
        await ask(501)


@both
async def test_an_expired_payment_is_closed_there_and_here(till: Till, provider: Provider) -> None:
    payment = await till.open()
    await till.start(payment, provider)

    await till.sweep(later_s=1801)

    assert (await till.see(payment)).state is PaymentState.CLOSED
    assert [event["payment_id"] for event in await till.events(CLOSED)] == [str(payment.id)]
    assert await till.events(CAPTURED) == []


@both
async def test_paying_may_be_faster_than_closing(till: Till, provider: Provider) -> None:
    payment = await till.open()
    await till.start(payment, provider)
    till.pay(provider, await till.number(payment))

    await till.sweep(later_s=1801)

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    assert await till.events(CLOSED) == []


async def test_a_payment_nobody_started_is_closed_without_asking_anybody(till: Till) -> None:
    payment = await till.open()
    async with till.services.database.connection(till.brand_id) as tx:
        assert await api.close_payment(tx, payment_id=payment.id)

    await till.sweep(later_s=1801)

    assert (await till.see(payment)).state is PaymentState.CLOSED


async def test_the_second_of_two_paid_codes_is_an_orphan_and_can_be_sent_back(till: Till) -> None:
    payment = await till.open(minor=800)
    await till.start(payment, Provider.WECHAT)
    first = await till.number(payment)
    await till.start(payment, Provider.ALIPAY)
    second = await till.number(payment)

    till.pay(Provider.WECHAT, first)
    till.pay(Provider.ALIPAY, second)
    await till.sweep(later_s=11)

    [orphan] = await till.orphans()
    assert (orphan["reason"], orphan["amount_minor"]) == ("duplicate", 800)
    assert len(await till.events(CAPTURED)) == 1
    [event] = await till.events(ORPHANED)
    assert event["subject_id"] == str(payment.subject_id)

    async with till.services.database.connection(till.brand_id) as tx:
        await api.refund_orphan(tx, orphan_id=orphan["id"], reason="paid twice")
    await till.sweep(later_s=1)
    till.sandbox.post("clock/advance", {"seconds": 60})
    await till.sweep(later_s=120)
    [after] = await till.orphans()
    assert after["refunded_minor"] == 800
    assert (await till.see(payment)).refunded_minor == 0


async def test_when_one_code_is_paid_the_other_is_closed_at_its_provider(till: Till) -> None:
    payment = await till.open()
    await till.start(payment, Provider.ALIPAY)
    await till.start(payment, Provider.WECHAT)
    till.pay(Provider.WECHAT, await till.number(payment))

    await till.sweep(later_s=11)
    await till.sweep(later_s=11)

    states = {one.provider: one.state for one in await till.attempts(payment)}
    assert states == {Provider.ALIPAY: AttemptState.CLOSED, Provider.WECHAT: AttemptState.SUCCEEDED}


async def test_a_lost_answer_is_asked_about_under_the_same_number(till: Till) -> None:
    payment = await till.open()
    till.sandbox.break_it("drop_after_commit", provider="wechat_pay", operation="pay.unifiedorder")

    with pytest.raises(ProviderUnavailable):
        await till.start(payment, Provider.WECHAT)
    number = await till.number(payment)
    [attempt] = await till.attempts(payment)
    assert attempt.state is AttemptState.UNKNOWN
    till.pay(Provider.WECHAT, number)
    await till.sweep(later_s=3)

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    assert len(await till.attempts(payment)) == 1


async def test_late_money_is_an_orphan_and_the_payment_stays_closed(till: Till) -> None:
    payment = await till.open()
    await till.start(payment, Provider.ALIPAY)  # a code that nobody scanned can be paid after closing
    number = await till.number(payment)
    async with till.services.database.connection(till.brand_id) as tx:
        await api.close_payment(tx, payment_id=payment.id)
    await till.look(payment)
    assert (await till.see(payment)).state is PaymentState.CLOSED

    till.pay(Provider.ALIPAY, number)
    await till.sweep(later_s=1800 + 121)

    assert (await till.see(payment)).state is PaymentState.CLOSED
    [orphan] = await till.orphans()
    assert orphan["reason"] == "late"
    [event] = await till.events(ORPHANED)
    assert event["reason"] == "late"


@both
async def test_many_looks_at_once_capture_once(till: Till, provider: Provider) -> None:
    payment = await till.open()
    await till.start(payment, provider)
    till.pay(provider, await till.number(payment))

    async with anyio.create_task_group() as group:
        for _ in range(4):
            group.start_soon(till.look, payment)
            group.start_soon(till.sweep)

    assert len(await till.events(CAPTURED)) == 1


async def test_the_worker_finds_every_brand_that_takes_payments(till: Till) -> None:
    payment = await till.open()
    await till.start(payment, Provider.WECHAT)
    till.pay(Provider.WECHAT, await till.number(payment))
    async with till.services.database.connection(till.brand_id) as tx:
        await tx.execute("UPDATE payments_attempt SET next_poll_at = now() WHERE brand_id = $1", till.brand_id)

    await tasks.sweep.run(till.services.database)
    await tasks.kept.aclose()

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED


async def test_new_keys_for_a_known_account_replace_the_old_ones(till: Till) -> None:
    account_id, account = till.accounts[Provider.WECHAT]

    assert await add_account(till.services, till.brand_id, account) == account_id
    other = dataclasses.replace(account, merchant_id="9" + account.merchant_id)
    with pytest.raises(AccountTaken):
        await add_account(till.services, till.brand_id, other)


async def test_another_brands_account_is_refused(till: Till, other_brand: BrandView) -> None:
    with pytest.raises(AccountTaken):
        await add_account(till.services, other_brand.id, till.account(Provider.ALIPAY))
