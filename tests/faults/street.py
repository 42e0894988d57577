"""A whole street: web, worker, PostgreSQL, Valkey and the providers as processes, and people who pay in it."""

import contextlib
import datetime as dt
import json
import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import anyio
import asyncpg
import httpx
import psutil

from tests import factories
from tests.conftest import Servers
from tests.faults.cells import Blow, Cell, Flow, Place, Victim
from tests.faults.kit import House
from tests.faults.web_kit import WebServer, answers
from tests.helpers import submit, wait_until
from tests.payments.kit import SUBJECT_TYPE, Till, open_till
from tests.sandbox.running import RunningSandbox
from yundian.payments import api
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.states import PaymentState, RefundState
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import Database
from yundian.platform.db.services import open_services

T = TypeVar("T")
# While PostgreSQL is down.
NO_DATABASE = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
AMOUNT, BACK = 1250, 400
GATEWAY = {Provider.WECHAT: "wechat_pay", Provider.ALIPAY: "alipay"}
_UNLIMITED = {
    "YUNDIAN_RATE_BY_ADDRESS": "1000000/minute",
    "YUNDIAN_RATE_BY_PRINCIPAL": "1000000/minute",
}
# As if it were minutes later: whatever waits for its time is due. A worker that stands still may hold some of it.
_HURRY = tuple(
    f"UPDATE {table} SET next_poll_at = now() WHERE brand_id = $1 AND id IN (SELECT id FROM {table}"
    " WHERE brand_id = $1 AND next_poll_at > now() FOR UPDATE SKIP LOCKED)"
    for table in ("payments_attempt", "payments_refund")
)
_OPEN = """
SELECT (SELECT count(*) FROM outbox_event WHERE expanded_at IS NULL)
    + (SELECT count(*) FROM outbox_delivery WHERE state <> 'done')
    + (SELECT count(*) FROM payments_notice WHERE brand_id = $1 AND handled_at IS NULL AND signature_ok)
"""


@dataclass
class Street:
    """Everything runs; whatever is killed comes back, by itself or by ``mend``."""

    house: House
    till: Till
    web: WebServer
    traps: dict[Place, Path]

    # What people do

    async def open(self) -> PaymentView:
        async with self.till.services.database.connection(self.till.brand_id) as tx:
            return await api.start_payment(
                tx,
                keyring=self.till.services.keyring,
                subject_type=SUBJECT_TYPE,
                subject_id=new_id(),
                amount=Money(AMOUNT, "CNY"),
                description="雾面唇釉",
                expires_at=clock.now() + dt.timedelta(hours=2),
            )

    def path(self, payment: PaymentView) -> str:
        return api.pay_path(self.till.services.keyring, brand_id=self.till.brand_id, payment_id=payment.id)

    async def start(self, payment: PaymentView, provider: Provider) -> None:
        """She presses the button, and again until there is a code."""

        async def is_started() -> bool:
            with contextlib.suppress(httpx.TransportError, AssertionError):
                await self.press(payment, provider)
            with contextlib.suppress(*NO_DATABASE):
                return "pending" in [one.state.value for one in await self.till.attempts(payment)]
            return False

        await wait_until(is_started, seconds=40, what="a code to pay by")

    async def press(self, payment: PaymentView, provider: Provider) -> None:
        with contextlib.suppress(httpx.TransportError, AssertionError):
            await submit(self.web.client, self.path(payment), {"provider": provider.value})

    async def pay(self, payment: PaymentView, provider: Provider) -> None:
        """She presses until the provider says that it has her money."""
        number = await wait_until(lambda: self._number(payment), seconds=40, what="the number of her payment")

        async def is_paid() -> bool:
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                await self._at_sandbox(lambda: self.till.pay(provider, number))
            with contextlib.suppress(httpx.HTTPError, AssertionError):
                return bool(await self._at_sandbox(lambda: self.is_paid_there(provider, number)))
            return False

        await wait_until(is_paid, seconds=40, what="the provider to take the money")

    async def _number(self, payment: PaymentView) -> str:
        with contextlib.suppress(*NO_DATABASE):
            return await self.till.number(payment)
        return ""

    def is_paid_there(self, provider: Provider, number: str) -> bool:
        books = self.till.sandbox.books(self.till.payee(provider))["payments"]
        return any(one["out_trade_no"] == number and one["paid_at"] for one in books)

    async def come_back(self, payment: PaymentView) -> None:
        with contextlib.suppress(httpx.TransportError):
            await self.web.client.get(f"{self.path(payment)}/return")

    def lose_notices(self, provider: Provider, number: str) -> None:
        gateway = GATEWAY[provider]
        self.till.sandbox.break_it("lost", provider=gateway, operation="notify.pay", key=number, remaining=None)

    async def _at_sandbox(self, act: Callable[[], T]) -> T:
        return await anyio.to_thread.run_sync(act)

    # What kills

    def set_trap(self, blow: Blow) -> None:
        number = signal.SIGKILL if blow.victim.value == blow.place.value else signal.SIGSTOP
        draft = self.traps[blow.place] / "draft"
        draft.write_text(str(int(number)))
        draft.rename(self.traps[blow.place] / blow.step)

    async def strike(self, blow: Blow) -> None:
        """Wait for somebody to step into the trap, kill the victim, and let the caught one go on."""
        folder = self.traps[blow.place]

        async def caught() -> int:
            if blow.is_hurried:
                await self.hurry()
            for found in folder.glob(f"{blow.step}.*"):
                return int(found.name.rpartition(".")[2])
            return 0

        pid = await wait_until(caught, seconds=30, what=f"somebody at {blow.step}\n{self.house.last_words()}")
        for found in folder.iterdir():
            found.unlink()
        if blow.victim.value == blow.place.value:
            return
        try:
            await anyio.to_thread.run_sync(lambda: self.kill(blow.victim))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def kill(self, victim: Victim) -> None:
        if victim is Victim.POSTGRESQL:
            _kill_all(self.house.servers.postgres.postmaster_pid)
        elif victim is Victim.VALKEY:
            _kill_all(self.house.servers.valkey.pid)
        elif victim is Victim.SANDBOX:
            self.till.sandbox.kill_hard()
        elif victim is Victim.WORKER:
            for worker in self.house.workers:
                worker.kill()
        else:
            self.web.kill()

    async def mend(self, victim: Victim) -> None:
        """Start what does not come back by itself, and wait until everything answers."""
        if victim is Victim.POSTGRESQL:
            await anyio.to_thread.run_sync(self.house.servers.postgres.start)
        elif victim is Victim.VALKEY:
            await anyio.to_thread.run_sync(self.house.servers.valkey.start)
        elif victim is Victim.SANDBOX:
            await anyio.to_thread.run_sync(self.till.sandbox.kill_hard)
            await anyio.to_thread.run_sync(self.till.sandbox.start)
        elif victim is Victim.WORKER:
            await self.house.end_workers()
            self.start_worker()
        assert victim is Victim.WORKER or all(one.poll() is None for one in self.house.workers), "the worker ended"
        await self.web.start()
        await wait_until(self.is_well, seconds=30, what="everything to be well again")

    async def is_well(self) -> bool:
        try:
            async with self.till.services.database.connection(self.till.brand_id) as tx:
                await tx.fetchval("SELECT 1")
        except Exception:
            return False
        return await answers(self.web.client)

    def start_worker(self) -> None:
        sms = json.loads((self.till.sandbox.var_dir / "sandbox/credentials.json").read_text())["sms"]
        self.house.start_worker(
            module="tests.faults.payments_worker",
            max_attempts=50,
            YUNDIAN_TEST_TRAPS=str(self.traps[Place.WORKER]),
            YUNDIAN_SMS_URL=sms["send_url"],
            YUNDIAN_SMS_KEY=sms["key"],
        )

    def clear(self) -> None:
        """Whatever a cell that failed left behind: traps, and processes that stand still."""
        for folder in self.traps.values():
            for left in folder.iterdir():
                left.unlink()
        for worker in self.house.workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
        if all(worker.poll() is not None for worker in self.house.workers):
            self.start_worker()
        self.till.sandbox.go_on()
        self.web.go_on()

    async def hurry(self) -> None:
        async with self.till.services.database.connection(self.till.brand_id) as tx:
            for sql in _HURRY:
                await tx.execute(sql, self.till.brand_id)

    # What must be true

    async def ends(self, payment: PaymentView, is_over: Callable[[], Awaitable[bool]], what: str) -> None:
        """Hurry everybody until it is over and nothing is left to do."""

        async def is_done() -> bool:
            await self.hurry()
            # In this order: what ended it left its events behind in the same transaction.
            is_ended = await is_over()
            async with self.till.services.database.connection(self.till.brand_id) as tx:
                left = int(await tx.fetchval(_OPEN, self.till.brand_id))
            return is_ended and left == 0

        try:
            await wait_until(is_done, seconds=45, every_s=0.1, what=what)
        except AssertionError as error:
            seen, attempts = await self.till.see(payment), await self.till.attempts(payment)
            raise AssertionError(f"{error}: {seen} {attempts}\n{self.house.last_words()}") from error

    async def effects(self, name: str) -> list[int]:
        rows = await self.till.rows(
            "SELECT number FROM courier_test.effect WHERE brand_id = $1 AND name = $2", name
        )
        return [row["number"] for row in rows]

    async def assert_accounted(self) -> None:
        """Every fen there is ours or an orphan's, every fen that went back is booked, each effect came once."""
        taken = back = 0
        for provider in Provider:
            books = await self._at_sandbox(lambda p=provider: self.till.sandbox.books(self.till.payee(p)))  # type: ignore[misc]
            for total in books["totals"]:
                taken, back = taken + total["paid_minor"], back + total["refunded_minor"]
        [sums] = await self.till.rows(
            "SELECT coalesce(sum(captured_minor), 0)::bigint AS captured,"
            " coalesce(sum(refunded_minor), 0)::bigint AS refunded,"
            " coalesce(sum(reserved_minor), 0)::bigint AS reserved FROM payments_payment WHERE brand_id = $1"
        )
        orphans = await self.till.orphans()
        orphaned = sum(one["amount_minor"] for one in orphans)
        assert (taken, back) == (sums["captured"] + orphaned, sums["refunded"]), orphans
        assert sums["reserved"] == sums["refunded"]
        doubled = await self.till.rows(
            "SELECT name FROM courier_test.effect WHERE brand_id = $1 GROUP BY name HAVING count(*) > 1"
        )
        assert doubled == []


async def run_cell(street: Street, cell: Cell) -> None:
    """One flow with one death in it, to its end."""
    street.clear()
    payment, provider = await street.open(), cell.provider
    await _prepare(street, cell, payment)
    street.set_trap(cell)
    async with anyio.create_task_group() as group:
        group.start_soon(_act, street, cell, payment)
        await street.strike(cell)
        await street.mend(cell.victim)
    await _finish(street, cell, payment, provider)
    await street.assert_accounted()


async def _prepare(street: Street, cell: Cell, payment: PaymentView) -> None:
    if cell.flow is Flow.START:
        return
    await street.start(payment, cell.provider)
    number = await street.till.number(payment)
    if cell.flow in (Flow.RETURN, Flow.LOOK):
        street.lose_notices(cell.provider, number)
        await street.pay(payment, cell.provider)
    elif cell.flow is Flow.REFUND:
        await street.pay(payment, cell.provider)
        await street.ends(payment, lambda: _is(street, payment, PaymentState.SUCCEEDED), "the payment before")


async def _act(street: Street, cell: Cell, payment: PaymentView) -> None:
    till = street.till
    if cell.flow is Flow.START:
        await street.press(payment, cell.provider)
    elif cell.flow is Flow.NOTICE:
        with contextlib.suppress(httpx.HTTPError, AssertionError):
            number = await till.number(payment)
            await anyio.to_thread.run_sync(lambda: till.pay(cell.provider, number))
    elif cell.flow is Flow.RETURN:
        await street.come_back(payment)
    elif cell.flow is Flow.LOOK:
        async with till.services.database.connection(till.brand_id) as tx:
            await tx.execute(_HURRY[0], till.brand_id)
    elif cell.flow is Flow.CLOSE:
        async with till.services.database.connection(till.brand_id) as tx:
            await api.close_payment(tx, payment_id=payment.id)
    else:
        async with till.services.database.connection(till.brand_id) as tx:
            await api.request_refund(tx, payment_id=payment.id, amount_minor=BACK, reason="换色号")


async def _finish(street: Street, cell: Cell, payment: PaymentView, provider: Provider) -> None:
    """What people do when it works again, and how it must have ended."""
    if cell.flow is Flow.START:
        await street.start(payment, provider)
        assert len(await street.till.attempts(payment)) == 1
    if cell.flow in (Flow.START, Flow.NOTICE):
        await street.pay(payment, provider)
    wanted = PaymentState.CLOSED if cell.flow is Flow.CLOSE else PaymentState.SUCCEEDED
    await street.ends(payment, lambda: _is(street, payment, wanted), wanted.value)
    if cell.flow is Flow.REFUND:
        await street.ends(payment, lambda: _is_back(street, payment), "the money back")
        assert await street.effects(f"refunded:{payment.id}") == [BACK]
    expected = [] if cell.flow is Flow.CLOSE else [AMOUNT]
    assert await street.effects(f"captured:{payment.id}") == expected
    assert await street.effects(f"closed:{payment.id}") == ([0] if cell.flow is Flow.CLOSE else [])


async def _is(street: Street, payment: PaymentView, state: PaymentState) -> bool:
    return (await street.till.see(payment)).state is state


async def _is_back(street: Street, payment: PaymentView) -> bool:
    rows = await street.till.rows(
        "SELECT state FROM payments_refund WHERE brand_id = $1 AND payment_id = $2", payment.id
    )
    return [row["state"] for row in rows] == [RefundState.SUCCEEDED.value]


def _kill_all(pid: int | None) -> None:
    """A server and all that it started, at once, as when the machine kills them."""
    assert pid is not None
    process = psutil.Process(pid)
    for each in [process, *process.children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs([process], timeout=10)


@contextlib.asynccontextmanager
async def open_street(servers: Servers, settings: Settings, folder: Path) -> AsyncGenerator[Street]:
    """Start everything; a brand with an account at each provider."""
    traps = {place: folder / "traps" / place.value for place in Place}
    for each in traps.values():
        each.mkdir(parents=True)
    sandbox = RunningSandbox(folder / "sandbox", time_scale=60)
    sandbox.set_variable("YUNDIAN_TEST_TRAPS", str(traps[Place.SANDBOX]))
    await anyio.to_thread.run_sync(sandbox.start)
    database = Database(settings)
    await database.open()
    house = House(servers, settings, database, folder / "workers.log")
    providers = ProviderPool()
    try:
        async with open_services(settings) as services:
            brand = await factories.make_brand(settings)
            till = await open_till(services, sandbox, providers, brand.id, new_id().hex[-8:])
            variables = {"YUNDIAN_TEST_TRAPS": str(traps[Place.WEB]), **_UNLIMITED}
            street = Street(house, till, WebServer(settings, **variables), traps)
            street.start_worker()
            await street.web.start()
            try:
                yield street
            finally:
                await street.web.aclose()
    finally:
        await house.end_workers()
        await providers.aclose()
        await database.close()
        await anyio.to_thread.run_sync(sandbox.stop)
