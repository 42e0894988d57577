"""A provider that is slow, silent, gone or mad: every call ends in time, and says honestly what is known."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

import pytest

from tests.payments.adapters.shops import Shop
from tests.sandbox.receiver import Merchant
from tests.sandbox.running import RunningSandbox
from yundian.payments.adapters.guard import Breaker, Guard, HeldBack, InDoubt, Limits, NotSent, Turns
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.adapters.transport import Call, Transport
from yundian.payments.types import (
    OutcomeUnknown,
    PaymentStanding,
    ProviderPayment,
    ProviderRefund,
    Refused,
    Started,
    WeChatPayAccount,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [502, 0])
async def test_a_start_that_broke_off_is_unknown_and_a_query_finds_out_with_the_same_number(
    shop: Shop, number: str, status: int
) -> None:
    shop.break_it("down", "start", params={"status": status})
    down = await shop.provider.start(shop.order(number))
    shop.break_it("drop_after_commit", "start")
    dropped = await shop.provider.start(shop.order(number))
    again = await shop.provider.start(shop.order(number))

    assert isinstance(down, OutcomeUnknown)
    assert isinstance(dropped, OutcomeUnknown)
    assert isinstance(again, Started)
    assert len(shop.sandbox.books(shop.payee)["payments"]) == 1


async def test_a_refund_that_broke_off_is_sent_again_with_its_number_and_paid_once(
    shop: Shop, number: str
) -> None:
    await shop.provider.start(shop.order(number))
    shop.pay(number)
    shop.break_it("drop_after_commit", "refund")
    dropped = await shop.provider.refund(shop.refund(number, amount=400))
    again = await shop.provider.refund(shop.refund(number, amount=400))

    assert isinstance(dropped, OutcomeUnknown)
    assert isinstance(again, ProviderRefund)
    assert [row["amount_minor"] for row in shop.sandbox.books(shop.payee)["refunds"]] == [400]


async def test_a_query_is_repeated_by_itself_and_an_order_is_not(shop: Shop, number: str) -> None:
    await shop.provider.start(shop.order(number))
    shop.scan(number)
    shop.break_it("down", "query", remaining=2)
    found = await shop.provider.query(number)
    shop.break_it("down", "close", remaining=1)
    closed = await shop.provider.close(number)

    assert isinstance(found, ProviderPayment)
    assert found.standing is PaymentStanding.WAITING
    assert isinstance(closed, OutcomeUnknown)


async def test_an_answer_of_another_kind_is_no_success(shop: Shop, number: str) -> None:
    for text in ("", "Bad Gateway", "<xml></xml>", "<html><p>x</p></html>", "{}", '{"sign":"x"}', "[1]"):
        shop.break_it("body", "start", params={"text": text})
        assert isinstance(await shop.provider.start(shop.order(number)), OutcomeUnknown), text


async def test_a_doubtful_word_of_the_provider_is_unknown_and_a_clear_one_is_no(shop: Shop, number: str) -> None:
    doubtful = {"wechat": {"code": "SYSTEMERROR"}, "alipay": {"code": "20000", "sub_code": "isp.unknow-error"}}
    clear = {"wechat": {"code": "NOAUTH"}, "alipay": {"code": "40006", "sub_code": "isv.insufficient"}}
    shop.break_it("error", "start", params=doubtful[shop.name])
    unknown = await shop.provider.start(shop.order(number))
    shop.break_it("error", "start", params=clear[shop.name])
    refused = await shop.provider.start(shop.order(number))

    assert isinstance(unknown, OutcomeUnknown)
    assert isinstance(refused, Refused)
    assert not refused.retryable


async def test_nothing_was_sent_to_a_port_where_nobody_listens(pool: ProviderPool, wechat: Shop) -> None:
    nobody = WeChatPayAccount("wx1", "1600000001", "k" * 32, gateway_url="http://127.0.0.1:1")
    results = [await pool.of(nobody).start(wechat.order("X1")) for _ in range(3)]

    assert results[0] == Refused(code="unreachable", retryable=True)
    assert results[-1] == Refused(code="circuit_open", retryable=True)


async def test_a_dead_merchant_opens_its_own_circuit_only_and_one_call_closes_it_again(
    wechat: Shop, alipay: Shop, number: str
) -> None:
    wechat.break_it("down", "start", remaining=None)
    results = [await wechat.provider.start(wechat.order(number)) for _ in range(4)]
    other = await alipay.provider.start(alipay.order(number))
    wechat.sandbox.http.delete("/sandbox/api/faults")

    async def works() -> bool:
        return isinstance(await wechat.provider.start(wechat.order(number)), Started)

    assert [type(each) for each in results] == [OutcomeUnknown] * 3 + [Refused]
    assert isinstance(other, Started)
    deadline = time.monotonic() + 5
    while not await works():
        assert time.monotonic() < deadline


async def test_a_dripping_peer_is_left_at_the_total_deadline(sandbox: RunningSandbox) -> None:
    sandbox.break_it("drip", provider="wechat_pay", params={"seconds": 30, "pieces": 300})
    transport = Transport(Limits())

    async def make() -> Call:
        return Call(url=f"{sandbox.base_url}/pay/orderquery", body=b"<xml></xml>")

    began = time.monotonic()
    with pytest.raises(InDoubt, match="deadline"):
        await transport.send(transport.guard("x"), make, deadline_s=0.5)
    await transport.aclose()

    assert time.monotonic() - began < 2


async def test_an_endless_reply_is_not_read_to_the_end(merchant: Merchant) -> None:
    merchant.answer = lambda _asked: (200, b"x" * (2 << 20))
    transport = Transport(Limits())

    async def make() -> Call:
        return Call(url=merchant.url, body=b"")

    with pytest.raises(InDoubt, match="too_long"):
        await transport.send(transport.guard("x"), make, deadline_s=5)
    await transport.aclose()


async def test_the_bulkhead_lets_few_in_and_turns_the_rest_away() -> None:
    guard = Guard(Limits(calls_at_once=2, most_waiting=3))
    inside, most, gate = 0, 0, asyncio.Event()

    async def call() -> str:
        nonlocal inside, most
        try:
            async with guard.place(asyncio.get_running_loop().time() + 5):
                inside += 1
                most = max(most, inside)
                await gate.wait()
                inside -= 1
                return "done"
        except HeldBack as held:
            return held.reason

    tasks = [asyncio.create_task(call()) for _ in range(8)]
    for _ in range(5):
        await asyncio.sleep(0)
    gate.set()
    results = await asyncio.gather(*tasks)

    assert most == 2
    assert sorted(results) == ["busy"] * 3 + ["done"] * 5


async def test_who_waits_longer_than_her_deadline_has_sent_nothing() -> None:
    guard = Guard(Limits(calls_at_once=1))
    now = asyncio.get_running_loop().time
    async with guard.place(now() + 5):
        with pytest.raises(HeldBack, match="busy"):
            async with guard.place(now() + 0.05):
                raise AssertionError("there is no place")


async def test_work_that_is_ready_together_is_done_one_piece_a_round() -> None:
    turns, rounds, done = Turns(), 0, []

    async def count() -> None:
        nonlocal rounds
        while True:
            rounds += 1
            await asyncio.sleep(0)

    async def work(name: int) -> None:
        await turns.next()
        done.append((rounds, name))

    counter = asyncio.create_task(count())
    await asyncio.gather(*map(work, range(20)))
    counter.cancel()

    assert [name for _, name in done] == list(range(20))
    assert len({in_round for in_round, _ in done}) == 20


def test_an_open_circuit_lets_one_try_and_a_caller_who_leaves_proves_nothing() -> None:
    now = 0.0
    breaker = Breaker(Limits(failures_to_open=2, open_s=10), now=lambda: now)
    for _ in range(2):
        breaker.enter()
        breaker.failed()

    def held() -> bool:
        try:
            breaker.enter()
        except NotSent:
            return True
        return False

    assert held()
    now = 10.0
    assert [held(), held()] == [False, True]
    breaker.gave_up()
    assert not held()
    breaker.failed()
    assert held()
    now = 20.0
    assert not held()
    breaker.succeeded()
    assert [held(), held()] == [False, False]


async def test_no_secret_and_no_body_is_logged(
    shop: Shop, number: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: shop.provider.start(shop.order(number)),
        lambda: shop.provider.query(number),
        lambda: shop.provider.close(number),
        lambda: shop.provider.refund(shop.refund(number, amount=1)),
    ]
    for call in calls:
        await call()
    shop.break_it("tampered", "query", remaining=None)
    await shop.provider.query(number)

    written = caplog.text + capsys.readouterr().out + repr(shop.account)
    assert "payments.provider_call" in written
    secrets = [getattr(shop.account, name, "") for name in ("api_key", "private_key", "alipay_public_key")]
    assert [secret for secret in secrets if secret and secret in written] == []
    assert "雾面唇釉" not in written
    assert "notify" not in written
