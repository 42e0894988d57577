"""What providers send, and money that goes back."""

import asyncio
import hashlib
import itertools
import uuid
from collections.abc import Iterator

import anyio
import pytest
from opentelemetry import context, trace
from typer.testing import CliRunner, Result

from tests.payments.kit import Till
from tests.sandbox.receiver import Merchant, open_merchant
from tests.sandbox.running import eventually
from yundian.payments import commands
from yundian.payments.errors import BadSignature, NotRefundable
from yundian.payments.service import refunding
from yundian.payments.service.desk import NoticeDesk
from yundian.payments.service.notices import Received
from yundian.payments.states import PaymentState
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core.ids import new_id
from yundian.platform.db.counting import counted

pytestmark = pytest.mark.anyio

both = pytest.mark.parametrize("provider", list(Provider))
ANSWER = {Provider.WECHAT: b"SUCCESS", Provider.ALIPAY: b"success"}
CAPTURED, REFUNDED = "payments.captured.v1", "payments.refunded.v1"


@pytest.fixture
def merchant() -> Iterator[Merchant]:
    """Catches notices, so that a test may deliver them as it likes."""
    with open_merchant() as opened:
        yield opened


async def _start(till: Till, merchant: Merchant, provider: Provider, payment: PaymentView) -> str:
    """Start with the notices going to the test; the number."""
    till.services.settings.public_url = merchant.url
    try:
        await till.start(payment, provider)
    finally:
        till.services.settings.public_url = ""
    return await till.number(payment)


async def _notice(till: Till, merchant: Merchant, provider: Provider, payment: PaymentView) -> bytes:
    """The real notice of a payment, as the provider sent it."""
    await _start(till, merchant, provider, payment)
    till.pay(provider, await till.number(payment))
    path = f"/pay/notices/{provider.value}/{till.brand_id}/{till.accounts[provider][0]}"
    told = await anyio.to_thread.run_sync(lambda: eventually(lambda: merchant.at(path)))
    return told[-1].body


@both
async def test_eight_copies_of_a_notice_a_poll_and_the_return_capture_once(
    till: Till, merchant: Merchant, provider: Provider
) -> None:
    payment = await till.open()
    body = await _notice(till, merchant, provider, payment)
    answers: list[bytes] = []

    async def deliver() -> None:
        answers.append(await till.receive(provider, body))
        await till.handle()

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(deliver)
        group.start_soon(till.look, payment)
        group.start_soon(till.sweep)

    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    assert len(await till.events(CAPTURED)) == 1
    assert all(ANSWER[provider] in answer for answer in answers)
    [notice] = await till.rows("SELECT signature_ok, outcome FROM payments_notice WHERE brand_id = $1")
    assert notice["signature_ok"]
    assert await till.orphans() == []


@both
async def test_a_notice_changed_on_the_way_is_kept_and_believed_by_nobody(
    till: Till, merchant: Merchant, provider: Provider
) -> None:
    payment = await till.open(minor=1250)
    body = await _notice(till, merchant, provider, payment)

    answer = await till.receive(provider, body.replace(b"1250", b"1").replace(b"12.50", b"0.01"))
    await till.handle()

    assert ANSWER[provider] not in answer
    assert (await till.see(payment)).state is PaymentState.PENDING
    [notice] = await till.rows("SELECT signature_ok, outcome FROM payments_notice WHERE brand_id = $1")
    assert (notice["signature_ok"], notice["outcome"]) == (False, "rejected")


@both
async def test_money_of_another_amount_is_an_orphan_and_the_right_poll_still_counts(
    till: Till, merchant: Merchant, provider: Provider
) -> None:
    payment = await till.open(minor=1250)
    rule = {"minor": 1} if provider is Provider.WECHAT else {"yuan": "0.01"}
    gateway = {"wechat": "wechat_pay", "alipay": "alipay"}[provider.value]
    number = await _start(till, merchant, provider, payment)
    till.sandbox.break_it("wrong_amount", provider=gateway, operation="notify.pay", key=number, params=rule)
    await till.receive(provider, await _notice(till, merchant, provider, payment))
    await till.handle()

    assert (await till.see(payment)).state is PaymentState.PENDING
    [orphan] = await till.orphans()
    assert orphan["reason"] == "mismatch"
    assert f"amount {orphan['amount_minor']} <> 1250" in orphan["detail"]

    await till.look(payment)
    assert (await till.see(payment)).state is PaymentState.SUCCEEDED


async def test_notices_that_come_together_are_stored_together_and_each_is_answered(
    till: Till, merchant: Merchant
) -> None:
    desk = NoticeDesk(till.services.database, keyring=till.services.keyring, providers=till.providers)
    account = till.accounts[Provider.WECHAT][0]
    for _ in range(3):
        number = await _start(till, merchant, Provider.WECHAT, await till.open())
        till.pay(Provider.WECHAT, number)
    path = f"/pay/notices/wechat/{till.brand_id}/{account}"
    told = await anyio.to_thread.run_sync(
        lambda: eventually(lambda: found if len(found := {one.body for one in merchant.at(path)}) == 3 else None)
    )
    good = sorted(told)
    sent = [(account, body) for body in (*good, good[0], good[1].replace(b"1250", b"1"))]
    sent += [(new_id(), good[2]), (account, b"<xml>")]

    numbers = itertools.count(1)

    async def deliver(account_id: uuid.UUID, body: bytes) -> bool:
        """Each request has a trace of its own."""
        span = trace.SpanContext(next(numbers), 1, is_remote=False, trace_flags=trace.TraceFlags(1))
        context.attach(trace.set_span_in_context(trace.NonRecordingSpan(span)))
        answer = await desk.receive(till.brand_id, Received(Provider.WECHAT, account_id, body, {}))
        return b"SUCCESS" in answer.body

    with counted() as statements:
        taken = await asyncio.gather(*(deliver(*one) for one in sent))
    await till.handle()

    assert taken == [True] * 4 + [False] * 3
    # The accounts and the notices of all of them; one more keeps apart what is nobody's.
    assert len(statements) == 3
    rows = await till.rows(
        "SELECT signature_ok, count(*) AS n FROM payments_notice WHERE brand_id = $1 GROUP BY 1"
    )
    assert {row["signature_ok"]: row["n"] for row in rows} == {True: 3, False: 2}
    noted = await till.rows(
        "SELECT trace_parent FROM outbox_event WHERE brand_id = $1 AND tag = 'payments.notice_received.v1'"
    )
    assert {int(str(row["trace_parent"]).split("-")[1], 16) for row in noted} in ({1, 2, 3}, {2, 3, 4}), "its own"
    assert len(await till.events(CAPTURED)) == 3


async def test_a_notice_for_nobody_we_know_is_kept_apart(till: Till) -> None:
    account_id, account = till.accounts[Provider.WECHAT]
    till.accounts[Provider.WECHAT] = (new_id(), account)

    answer = await till.receive(Provider.WECHAT, f"<xml>{account_id}</xml>".encode())

    assert b"FAIL" in answer
    async with till.services.database.connection(None) as tx:
        path = f"{till.brand_id}/{till.accounts[Provider.WECHAT][0]}"
        assert await tx.fetchval("SELECT count(*) FROM unclaimed_notice WHERE path = $1", path) == 1


@both
async def test_the_operator_finds_the_owner_of_a_strayed_notice_and_it_counts_like_any_other(
    till: Till, merchant: Merchant, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = await till.open(minor=1250)
    body = await _notice(till, merchant, provider, payment)
    account_id, account = till.accounts[provider]
    till.accounts[provider] = (new_id(), account)
    await till.receive(provider, body)
    till.accounts[provider] = (account_id, account)
    async with till.services.database.connection(till.brand_id) as tx:
        brand = await tx.fetchval("SELECT code FROM brand WHERE id = $1", till.brand_id)
        query = "SELECT id FROM unclaimed_notice WHERE digest = $1"
        notice_id = str(await tx.fetchval(query, hashlib.sha256(body).digest()))
    monkeypatch.setattr(commands, "Settings", lambda: till.services.settings)

    async def operator(*arguments: str) -> Result:
        """Commands have a loop of their own."""
        return await anyio.to_thread.run_sync(CliRunner().invoke, commands.PAYMENTS, ["unclaimed", *arguments])

    listed = await operator()
    shown = await operator("show", notice_id)
    strange = await operator("claim", notice_id, "--brand", brand, "--account", "nobody's")
    monkeypatch.setattr(till.providers.of(account).__class__, "verify_notice", _unsigned)
    unsigned = await operator("claim", notice_id, "--brand", brand)
    monkeypatch.undo()
    monkeypatch.setattr(commands, "Settings", lambda: till.services.settings)
    claimed = await operator("claim", notice_id, "--brand", brand)
    again = await operator("claim", notice_id, "--brand", brand)
    await till.handle()

    assert provider.value in listed.stdout
    assert await till.number(payment) in shown.stdout
    assert "openid" not in shown.stdout
    assert "buyer" not in shown.stdout
    assert [one.exit_code for one in (strange, unsigned, claimed, again)] == [2, 2, 0, 2], claimed.output
    assert (await till.see(payment)).state is PaymentState.SUCCEEDED
    assert await till.orphans() == []


def _unsigned(*_arguments: object) -> None:
    raise BadSignature


@both
async def test_refunds_in_parts_arrive_and_never_exceed_what_was_paid(till: Till, provider: Provider) -> None:
    payment = await till.paid(provider, minor=1000)
    await till.refund(payment, 300)
    await till.refund(payment, 700)
    with pytest.raises(NotRefundable):
        await till.refund(payment, 1)

    for later in (1, 70, 140, 300):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)

    seen = await till.see(payment)
    assert (seen.refunded_minor, seen.reserved_minor, seen.captured_minor) == (1000, 1000, 1000)
    events = await till.events(REFUNDED)
    assert sorted(event["amount_minor"] for event in events) == [300, 700]
    assert max(event["refunded_minor"] for event in events) == 1000
    books = till.sandbox.books(till.payee(provider) if provider is Provider.WECHAT else "*")
    numbers = {
        row["out_refund_no"] for row in await till.rows("SELECT * FROM payments_refund WHERE brand_id = $1")
    }
    assert sum(str(books["refunds"]).count(number) > 0 for number in numbers) == 2


async def test_sixteen_requests_at_once_set_aside_no_more_than_there_is(till: Till) -> None:
    payment = await till.paid(Provider.WECHAT, minor=1000)
    taken: list[int] = []

    async def ask() -> None:
        try:
            taken.append((await till.refund(payment, 300)).amount_minor)
        except NotRefundable:
            return

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(ask)

    assert taken == [300, 300, 300]
    assert (await till.see(payment)).reserved_minor == 900


@both
async def test_a_lost_answer_to_a_refund_ends_in_one_refund(till: Till, provider: Provider) -> None:
    payment = await till.paid(provider, minor=1000)
    await till.refund(payment, 400)
    operation = {"wechat": "pay.refund", "alipay": "trade.refund"}[provider.value]
    gateway = {"wechat": "wechat_pay", "alipay": "alipay"}[provider.value]
    till.sandbox.break_it("drop_after_commit", provider=gateway, operation=operation)

    for later in (1, 70, 200, 600):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)

    assert (await till.see(payment)).refunded_minor == 400
    assert len(await till.events(REFUNDED)) == 1


async def test_an_abnormal_refund_waits_for_a_person_and_is_sent_again_under_its_number(till: Till) -> None:
    payment = await till.paid(Provider.WECHAT, minor=1000)
    asked = await till.refund(payment, 1000)
    till.sandbox.break_it("error", provider="wechat_pay", operation="pay.refund", params={"code": "PARAM_ERROR"})

    await till.sweep(later_s=1)
    [row] = await till.rows("SELECT state, failure FROM payments_refund WHERE brand_id = $1")
    assert (row["state"], row["failure"]) == ("abnormal", "PARAM_ERROR")
    [event] = await till.events("payments.refund_abnormal.v1")
    assert event["refund_id"] == str(asked.id)

    async with till.services.database.connection(till.brand_id) as tx:
        await refunding.approve(tx, refund_id=asked.id, actor_id=None)
    for later in (2, 70, 200):
        till.sandbox.post("clock/advance", {"seconds": 60})
        await till.sweep(later_s=later)
    [row] = await till.rows("SELECT state, out_refund_no FROM payments_refund WHERE brand_id = $1")
    assert (row["state"], row["out_refund_no"]) == ("succeeded", asked.out_refund_no)


async def test_a_refund_that_is_given_up_frees_its_amount(till: Till) -> None:
    payment = await till.paid(Provider.WECHAT, minor=1000)
    async with till.services.database.connection(till.brand_id) as tx:
        asked = await refunding.request_refund(
            tx, payment_id=payment.id, amount_minor=600, reason="x", actor_id=None, needs_approval=True
        )
    await till.sweep(later_s=60)
    assert (await till.see(payment)).reserved_minor == 600

    async with till.services.database.connection(till.brand_id) as tx:
        await refunding.give_up(tx, refund_id=asked.id)

    assert (await till.see(payment)).reserved_minor == 0
