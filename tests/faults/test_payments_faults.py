"""A process killed at any step of paying and refunding leaves no money unaccounted for."""

import base64
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import pytest

from tests.payments.kit import Till, open_till
from tests.sandbox.receiver import Merchant, open_merchant
from tests.sandbox.running import RunningSandbox, eventually
from yundian.brands.types import BrandView
from yundian.payments.adapters.guard import Limits
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.states import PaymentState
from yundian.payments.types import PaymentView, Provider
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.timeout(120)]

ROOT = Path(__file__).parents[2]
START = ("payments.attempt_stored", "payments.started_at_provider", "payments.start_recorded")
LOOK = (
    "payments.attempts_claimed",
    "payments.attempts_answered",
    "payments.captured",
    "outbox.recorded",
    "payments.attempts_recorded",
)
NOTICE = ("payments.notice_stored", "payments.captured", "payments.notice_handled")
CLOSE = ("payments.attempts_claimed", "payments.closing_at_provider", "payments.closed_at_provider")
REFUND = (
    "payments.refund_claimed",
    "payments.refund_sent",
    "payments.refund_answered",
    "payments.refund_settled",
    "payments.refund_recorded",
)
_serial = itertools.count(1)
AMOUNT = 1250


@pytest.fixture(scope="module")
def gateways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    running = RunningSandbox(tmp_path_factory.mktemp("gateways"), time_scale=60)
    running.start()
    yield running
    running.stop()


@pytest.fixture
async def till(services: Services, brand: BrandView, gateways: RunningSandbox) -> AsyncIterator[Till]:
    providers = ProviderPool(Limits(failures_to_open=50, open_s=0.2))
    yield await open_till(services, gateways, providers, brand.id, f"fault{next(_serial)}")
    await providers.aclose()


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    with open_merchant() as opened:
        yield opened


def _run(till: Till, label: str, stage: str, payment: PaymentView, *rest: str) -> int:
    settings = till.services.settings
    environment = {
        **os.environ,
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "YUNDIAN_VAR_DIR": str(settings.var_dir),
        "YUNDIAN_ENVIRONMENT": "test",
        "YUNDIAN_TEST_DIE_AT": label,
    }
    command = [sys.executable, "-m", "tests.faults.payments_actor", stage]
    command += [str(till.brand_id), str(payment.id), *rest]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False, timeout=60).returncode


async def _kill(till: Till, label: str, stage: str, payment: PaymentView, *rest: str) -> None:
    code = await anyio.to_thread.run_sync(lambda: _run(till, label, stage, payment, *rest))
    assert code == -signal.SIGKILL, f"did not pass {label}: {code}"


async def _recover(till: Till) -> None:
    """What the next worker does, minutes later."""
    for later in (11, 70, 200, 400, 900):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)
    await till.handle()


async def _accounted(till: Till) -> None:
    """Every fen there is ours or an orphan's, and every fen that went back was booked."""
    taken = back = 0
    for provider in Provider:
        books = till.sandbox.books(till.payee(provider))
        for total in books["totals"]:
            taken, back = taken + total["paid_minor"], back + total["refunded_minor"]
    [sums] = await till.rows(
        "SELECT coalesce(sum(captured_minor), 0)::bigint AS captured,"
        " coalesce(sum(refunded_minor), 0)::bigint AS refunded FROM payments_payment WHERE brand_id = $1"
    )
    orphaned = sum(one["amount_minor"] for one in await till.orphans())
    assert (taken, back) == (sums["captured"] + orphaned, sums["refunded"])


@pytest.mark.parametrize("label", START)
async def test_killed_while_starting_the_number_is_known_and_the_payer_starts_again(
    till: Till, label: str
) -> None:
    payment = await till.open(minor=AMOUNT)

    await _kill(till, label, "start", payment, "wechat")
    await till.start(payment, Provider.WECHAT)
    till.pay(Provider.WECHAT, await till.number(payment))
    await _recover(till)

    assert len(await till.attempts(payment)) == 1
    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    await _accounted(till)


@pytest.mark.parametrize("label", LOOK)
async def test_killed_while_asking_the_money_is_captured_once(till: Till, label: str) -> None:
    payment = await till.open(minor=AMOUNT)
    await till.start(payment, Provider.WECHAT)
    till.pay(Provider.WECHAT, await till.number(payment))

    await _kill(till, label, "look", payment)
    await _recover(till)

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    assert len(await till.events("payments.captured.v1")) == 1
    await _accounted(till)


@pytest.mark.parametrize("label", NOTICE)
async def test_killed_over_a_notice_the_money_is_captured_once(till: Till, merchant: Merchant, label: str) -> None:
    payment = await till.open(minor=AMOUNT)
    till.services.settings.public_url = merchant.url
    await till.start(payment, Provider.WECHAT)
    till.services.settings.public_url = ""
    till.pay(Provider.WECHAT, await till.number(payment))
    told = await anyio.to_thread.run_sync(lambda: eventually(lambda: merchant.received))
    body = base64.b64encode(told[0].body).decode()

    account_id, _ = till.accounts[Provider.WECHAT]
    await _kill(till, label, "notice", payment, "wechat", str(account_id), body)
    await till.receive(Provider.WECHAT, told[0].body)
    await _recover(till)

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    assert len(await till.events("payments.captured.v1")) == 1
    await _accounted(till)


@pytest.mark.parametrize("label", CLOSE)
async def test_killed_while_closing_it_is_closed_by_the_next(till: Till, label: str) -> None:
    payment = await till.open(minor=AMOUNT)
    await till.start(payment, Provider.WECHAT)

    await _kill(till, label, "close", payment)
    await _recover(till)

    assert (await till.see(payment)).state is PaymentState.CLOSED
    assert len(await till.events("payments.closed.v1")) == 1
    await _accounted(till)


@pytest.mark.parametrize("label", REFUND)
async def test_killed_while_refunding_the_money_goes_back_once(till: Till, label: str) -> None:
    payment = await till.paid(Provider.WECHAT, minor=AMOUNT)

    await _kill(till, label, "refund", payment, "400")
    await _recover(till)

    assert (await till.see(payment)).refunded_minor == 400
    assert len(await till.events("payments.refunded.v1")) == 1
    await _accounted(till)


async def test_a_provider_killed_after_the_payment_is_asked_again_when_it_is_back(till: Till) -> None:
    payment = await till.open(minor=AMOUNT)
    await till.start(payment, Provider.WECHAT)
    till.pay(Provider.WECHAT, await till.number(payment))

    till.sandbox.kill_hard()
    await till.sweep(later_s=11)
    assert (await till.see(payment)).state is PaymentState.PENDING
    await anyio.to_thread.run_sync(till.sandbox.start)
    await _recover(till)

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    await _accounted(till)
