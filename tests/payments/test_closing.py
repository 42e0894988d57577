"""A payment that was called off ends within about a minute, whatever its provider does."""

import datetime as dt

import pytest

from tests.payments.kit import SUBJECT_TYPE, Till
from yundian.brands.types import BrandView
from yundian.payments import api, tasks
from yundian.payments.repository.trades import GIVE_UP_CLOSING_AFTER
from yundian.payments.states import AttemptState, PaymentState
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

both = pytest.mark.parametrize("provider", list(Provider))
GATEWAY = {Provider.WECHAT: "wechat_pay", Provider.ALIPAY: "alipay"}
CLOSED, CAPTURED = "payments.closed.v1", "payments.captured.v1"


async def _called_off(till: Till, provider: Provider) -> PaymentView:
    payment = await till.open()
    await till.start(payment, provider)
    till.sandbox.break_it("down", provider=GATEWAY[provider], remaining=None, params={"status": 502})
    async with till.services.database.connection(till.brand_id) as tx:
        assert await api.close_payment(tx, payment_id=payment.id)
    for later in (0, 20, 40):
        await till.sweep(later_s=later)
    assert (await till.see(payment)).state is PaymentState.CLOSING
    return payment


@both
async def test_while_the_provider_is_down_it_is_closed_here_and_there_as_soon_as_it_is_back(
    till: Till, provider: Provider
) -> None:
    payment = await _called_off(till, provider)

    await till.sweep(later_s=46)
    assert dt.timedelta(minutes=1) > GIVE_UP_CLOSING_AFTER
    assert (await till.see(payment)).state is PaymentState.CLOSED
    assert len(await till.events(CLOSED)) == 1
    [attempt] = await till.attempts(payment)
    assert attempt.state is AttemptState.PENDING

    till.sandbox.http.delete("/sandbox/api/faults")
    await till.sweep(later_s=600)
    [attempt] = await till.attempts(payment)
    assert attempt.state is AttemptState.CLOSED
    assert (len(await till.events(CLOSED)), await till.orphans()) == (1, [])


@both
async def test_money_that_came_while_the_provider_was_down_is_late_and_counted_once(
    till: Till, provider: Provider
) -> None:
    payment = await _called_off(till, provider)
    till.pay(provider, await till.number(payment))
    await till.sweep(later_s=46)

    till.sandbox.http.delete("/sandbox/api/faults")
    for later in (600, 1200, 4000):
        await till.sweep(later_s=later)

    assert (await till.see(payment)).state is PaymentState.CLOSED
    [orphan] = await till.orphans()
    assert (orphan["reason"], orphan["amount_minor"]) == ("late", payment.amount_minor)
    assert await till.events(CAPTURED) == []


@both
async def test_a_provider_that_is_back_in_time_has_the_last_word(till: Till, provider: Provider) -> None:
    payment = await _called_off(till, provider)
    till.pay(provider, await till.number(payment))

    till.sandbox.http.delete("/sandbox/api/faults")
    # The breaker and the last look hold for seconds, not for minutes.
    await till.sweep(later_s=51)

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    assert (await till.events(CLOSED), await till.orphans()) == ([], [])


async def test_what_a_brand_without_an_account_could_never_be_paid_ends_at_its_time(
    services: Services, other_brand: BrandView
) -> None:
    async with services.database.connection(other_brand.id) as tx:
        payment = await api.start_payment(
            tx,
            keyring=services.keyring,
            subject_type=SUBJECT_TYPE,
            subject_id=new_id(),
            amount=Money(100, "CNY"),
            description="x",
            expires_at=clock.now() - dt.timedelta(seconds=1),
        )

    await tasks.sweep_without_accounts.run(services.database)
    await tasks.kept.aclose()

    async with services.database.connection(other_brand.id) as tx:
        found = await api.find_payment(tx, subject_type=SUBJECT_TYPE, subject_id=payment.subject_id)
        told = await tx.fetchval(
            "SELECT count(*) FROM outbox_event WHERE brand_id = $1 AND tag = $2", tx.brand, CLOSED
        )
    assert found is not None
    assert found.state is PaymentState.CLOSED
    assert told == 1
