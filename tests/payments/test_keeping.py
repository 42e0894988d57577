"""What is kept and for how long: texts of notices, and the clients of a worker."""

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterator

import anyio
import pytest

from tests.payments.kit import Till
from tests.sandbox.receiver import Merchant, open_merchant
from tests.sandbox.running import eventually
from yundian.payments import tasks
from yundian.payments.types import Provider, WeChatPayAccount
from yundian.platform.core import clock
from yundian.platform.core.ids import first_id_at, new_id

pytestmark = pytest.mark.anyio


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    with open_merchant() as opened:
        yield opened


async def test_texts_of_notices_go_after_their_time_and_facts_stay(till: Till, merchant: Merchant) -> None:
    days = till.services.settings.payments_notice_days
    payment = await till.open()
    till.services.settings.public_url = merchant.url
    await till.start(payment, Provider.WECHAT)
    till.services.settings.public_url = ""
    till.pay(Provider.WECHAT, await till.number(payment))
    [told] = await anyio.to_thread.run_sync(lambda: eventually(lambda: merchant.received[:1]))
    await till.receive(Provider.WECHAT, told.body)
    await till.receive(Provider.WECHAT, b"<xml>forged</xml>")
    await till.handle()
    # A second true one that nobody handled, and one for a merchant we do not know.
    await till.receive(Provider.WECHAT, told.body.replace(b"<xml>", b"<xml>\n"))
    account_id, account = till.accounts[Provider.WECHAT]
    till.accounts[Provider.WECHAT] = (new_id(), account)
    stray = str(new_id()).encode()
    await till.receive(Provider.WECHAT, stray)
    till.accounts[Provider.WECHAT] = (account_id, account)

    async def kept() -> list[tuple[str, bool]]:
        rows = await till.rows(
            "SELECT outcome, sealed IS NOT NULL AS is_kept FROM payments_notice WHERE brand_id = $1 ORDER BY 1"
        )
        return [(row["outcome"], row["is_kept"]) for row in rows]

    async def age(by_days: int) -> None:
        async with till.services.database.connection(till.brand_id) as tx:
            await tx.execute(
                "UPDATE payments_notice SET created_at = now() - make_interval(days => $2) WHERE brand_id = $1",
                till.brand_id,
                by_days,
            )
            moment = first_id_at(clock.now() - dt.timedelta(days=by_days))
            for row in await tx.fetch("SELECT id FROM unclaimed_notice"):
                # Made at that moment, with what makes it one of its own.
                aged = uuid.UUID(int=moment.int | row["id"].int & ((1 << 80) - 1))
                await tx.execute("UPDATE unclaimed_notice SET id = $2 WHERE id = $1", row["id"], aged)

    before = await kept()
    assert {one for _, one in before} == {True}
    await age(days - 1)
    await tasks.forget_notices.run(till.services.database)
    assert await kept() == before

    await age(days + 1)
    async with till.services.database.connection(till.brand_id) as tx:
        await tx.execute(
            "UPDATE payments_notice SET handled_at = NULL WHERE brand_id = $1 AND outcome = 'captured'",
            till.brand_id,
        )
    await tasks.forget_notices.run(till.services.database)
    after = await kept()
    assert after == [("captured", True), ("rejected", False)]
    async with till.services.database.connection(None) as tx:
        assert await tx.fetchval("SELECT count(*) FROM unclaimed_notice") == 0

    async with till.services.database.connection(till.brand_id) as tx:
        await tx.execute("UPDATE payments_notice SET handled_at = now() WHERE brand_id = $1", till.brand_id)
    await tasks.forget_notices.run(till.services.database)
    [captured, _] = await till.rows("SELECT * FROM payments_notice WHERE brand_id = $1 ORDER BY outcome")
    assert (captured["sealed"], captured["amount_minor"]) == (None, payment.amount_minor)


async def test_a_dead_provider_is_left_alone_from_round_to_round(till: Till) -> None:
    payment = await till.open()
    await till.start(payment, Provider.WECHAT)
    account = till.account(Provider.WECHAT)
    assert isinstance(account, WeChatPayAccount)

    async def calls() -> int:
        return sum(one["key"] == number for one in till.sandbox.get("calls", operation="pay.orderquery"))

    number = await till.number(payment)
    till.sandbox.break_it("down", provider="wechat_pay", remaining=None, params={"status": 502})
    for _ in range(6):
        async with till.services.database.connection(till.brand_id) as tx:
            await tx.execute("UPDATE payments_attempt SET next_poll_at = now() WHERE brand_id = $1", till.brand_id)
        await tasks._sweep_all(till.services.database, [till.brand_id])
    assert await calls() <= 6  # five failures open the circuit; without it there would be eighteen

    pool = tasks.kept.pool()
    assert tasks.kept.pool() is pool
    old = pool.of(account)
    assert pool.of(dataclasses.replace(account)) is old
    replaced = pool.of(dataclasses.replace(account, api_key="n" * 32))
    assert replaced is not old
    assert pool.of(account) is not old
    assert tasks.sweep.end is not None
    await tasks.sweep.end()
    assert tasks.kept.pool() is not pool
    await tasks.sweep.end()
