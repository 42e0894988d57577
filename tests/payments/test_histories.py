"""Thousands of generated histories of notices end in the right state, and our books equal the providers'."""

import datetime as dt
import os
import random
import uuid

import asyncpg
import pytest

from tests.payments.histories import SHAPES, WRONG, Books, History, make_accounts, notices_of
from tests.payments.kit import add_account
from yundian.brands.types import BrandView
from yundian.payments.errors import BadNotice
from yundian.payments.repository.notices import add_notices
from yundian.payments.service import notices, refunding, sweeping
from yundian.payments.types import Provider
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

SEED, CHUNK = int(os.environ.get("YUNDIAN_TEST_SEED", "20261121")), 1_000
_PAYMENTS = """
INSERT INTO payments_payment (brand_id, id, created_at, subject_type, subject_id, description, return_path,
    amount_minor, currency, state, captured_minor, reserved_minor, refunded_minor, expires_at, ended_at)
SELECT $1, n.id, now(), 'test.history', n.id, '', '/', n.amount, 'CNY', n.state, 0, 0, 0,
    now() + interval '1 hour', CASE WHEN n.state = 'closed' THEN now() END
FROM unnest($2::uuid[], $3::bigint[], $4::varchar[]) AS n (id, amount, state)
"""
_ATTEMPTS = """
INSERT INTO payments_attempt (brand_id, id, created_at, payment_id, account_id, provider, kind, out_trade_no,
    state, failure, provider_ref, expires_at, next_poll_at, polls)
SELECT $1, gen_random_uuid(), now(), n.payment_id, n.account_id, n.provider, 'native', n.number, n.state, '', '',
    now() + interval '1 hour', now() + interval '10 seconds', 0
FROM unnest($2::uuid[], $3::uuid[], $4::varchar[], $5::varchar[], $6::varchar[])
    AS n (payment_id, account_id, provider, number, state)
"""


class World:
    """One brand, its accounts, its histories."""

    def __init__(self, services: Services, brand_id: uuid.UUID, books: Books) -> None:
        self.services, self.brand_id, self.books = services, brand_id, books
        self.account_ids: dict[Provider, uuid.UUID] = {}

    async def begin(self, count: int) -> None:
        """Everything that is known before a provider speaks: late ones are closed, early ones only just stored."""
        at = clock.now().replace(microsecond=0)
        choose = random.Random(SEED)
        for index in range(count):
            provider = Provider.ALIPAY if index % 4 == 0 else Provider.WECHAT
            one = History(
                f"H{index:08d}", new_id(), provider, choose.randint(1, 99_999), choose.choice(SHAPES), at
            )
            self.books.histories[one.number] = one
        found = list(self.books.histories.values())
        async with self.services.database.connection(self.brand_id) as tx:
            states = ["closed" if one.shape == "late" else "pending" for one in found]
            ids = [one.payment_id for one in found]
            await tx.execute(_PAYMENTS, self.brand_id, ids, [one.amount for one in found], states)
            attempts = {"late": "closed", "early": "init"}
            await tx.execute(
                _ATTEMPTS,
                self.brand_id,
                ids,
                [self.account_ids[one.provider] for one in found],
                [one.provider.value for one in found],
                list(self.books.histories),
                [attempts.get(one.shape, "pending") for one in found],
            )

    async def analyze(self) -> None:
        """What autovacuum does in time, and cannot do while ten thousand payments appear in one second."""
        connection = await asyncpg.connect(self.services.settings.database_owner_url)
        await connection.execute("ANALYZE payments_payment, payments_attempt, payments_notice, payments_refund")
        await connection.close()

    async def deliver(self, copies: list[tuple[History, bytes]]) -> int:
        """Receive as the route does, many in one transaction, and handle now and then; how many were refused."""
        refused, keyring = 0, self.services.keyring
        for first in range(0, len(copies), CHUNK):
            rows, bad = [], []
            for one, body in copies[first : first + CHUNK]:
                account_id = self.account_ids[one.provider]
                try:
                    told = self.books.of(self.books.accounts[one.provider]).verify_notice(body, {})
                    rows.append(notices.notice_row(keyring, account_id, body, told))
                except BadNotice as refusal:
                    bad.append(notices.rejected_row(keyring, account_id, one.provider, body, refusal.code))
            refused += len(bad)
            async with self.services.database.connection(self.brand_id) as tx:
                await notices.store(tx, rows=rows)
                await add_notices(tx, rows=bad, events=[])
            await self.handle()
            if first % (10 * CHUNK) == 0:
                await self.analyze()
        return refused

    async def handle(self) -> None:
        async with self.services.database.connection(self.brand_id) as tx:
            sql = (
                "SELECT (payload ->> 'notice_id')::uuid FROM outbox_event WHERE brand_id = $1"
                " AND tag = 'payments.notice_received.v1' AND expanded_at IS NULL"
            )
            ids = [row[0] for row in await tx.fetch(sql, self.brand_id)]
            await notices.handle(tx, ids=ids)
            sql = "UPDATE outbox_event SET expanded_at = now() WHERE brand_id = $1 AND expanded_at IS NULL"
            await tx.execute(sql, self.brand_id)

    async def sweep(self, later_s: float) -> None:
        at = clock.now() + dt.timedelta(seconds=later_s)
        while await sweeping.sweep(
            self.services.database,
            keyring=self.services.keyring,
            providers=self.books,
            brand_id=self.brand_id,
            now=at,
            limit=2_000,
            refunds=2_000,
        ):
            pass

    async def refund(self) -> None:
        """Half of what is to be refunded, once it is known to be paid, before any notice of it came."""
        async with self.services.database.connection(self.brand_id) as tx:
            for one in self.books.histories.values():
                if one.shape == "refunded":
                    await refunding.request_refund(
                        tx, payment_id=one.payment_id, amount_minor=(one.amount + 1) // 2, reason="", actor_id=None
                    )

    async def look_first(self) -> None:
        """A poll is faster than the notices of these."""
        async with self.services.database.connection(self.brand_id) as tx:
            numbers = [one.number for one in self.books.histories.values() if one.shape == "refunded"]
            await tx.execute(
                "UPDATE payments_attempt SET next_poll_at = now() WHERE brand_id = $1 AND out_trade_no = ANY($2)",
                self.brand_id,
                numbers,
            )
        await self.sweep(0)

    async def rows(self, sql: str) -> list[tuple[object, ...]]:
        async with self.services.database.connection(self.brand_id) as tx:
            return [tuple(row) for row in await tx.fetch(sql, self.brand_id)]


async def _check(world: World) -> None:
    found = {
        row[0]: row[1:]
        for row in await world.rows(
            "SELECT id, state, captured_minor, refunded_minor, reserved_minor FROM payments_payment"
            " WHERE brand_id = $1"
        )
    }
    orphans: dict[object, set[tuple[object, object]]] = {}
    for number, reason, amount in await world.rows(
        "SELECT out_trade_no, reason, amount_minor FROM payments_orphan WHERE brand_id = $1"
    ):
        orphans.setdefault(number, set()).add((reason, amount))
    captured = await world.rows(
        "SELECT payload ->> 'payment_id', (payload ->> 'amount_minor')::bigint FROM outbox_event"
        " WHERE brand_id = $1 AND tag = 'payments.captured.v1'"
    )
    refunded = await world.rows(
        "SELECT payload ->> 'payment_id', sum((payload ->> 'amount_minor')::bigint)::bigint FROM outbox_event"
        " WHERE brand_id = $1 AND tag = 'payments.refunded.v1' GROUP BY 1"
    )
    wrong = []
    for one in world.books.histories.values():
        back = sum(one.refunds.values())
        expected: tuple[object, ...] = ("succeeded", one.amount, back, back)
        odd: set[tuple[object, object]] = set()
        if one.shape == "unpaid":
            expected = ("pending", 0, 0, 0)
        if one.shape == "late":
            expected, odd = ("closed", 0, 0, 0), {("late", one.amount)}
        if one.shape in WRONG and one.shape != "signature":
            odd = {("mismatch", one.amount + (one.shape == "amount"))}
        if found[one.payment_id] != expected or orphans.pop(one.number, set()) != odd:
            wrong.append((one, found[one.payment_id], odd))
    assert wrong == []
    assert orphans == {}
    paid = [one for one in world.books.histories.values() if one.is_paid and one.shape != "late"]
    assert sorted(captured) == sorted((str(one.payment_id), one.amount) for one in paid)
    assert sorted(refunded) == sorted(
        (str(one.payment_id), sum(one.refunds.values())) for one in paid if one.shape == "refunded"
    )
    taken = sum(one.amount for one in world.books.histories.values() if one.is_paid)
    late = sum(one.amount for one in world.books.histories.values() if one.shape == "late")
    [(ours,)] = await world.rows("SELECT sum(captured_minor)::bigint FROM payments_payment WHERE brand_id = $1")
    assert ours == taken - late


@pytest.mark.parametrize("count", [3_000, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_thousands_of_histories_end_right_and_the_books_are_equal(
    services: Services, brand: BrandView, count: int
) -> None:
    accounts, key = make_accounts(random.Random(brand.id.int).randint(10**9, 10**10))
    world = World(services, brand.id, Books(accounts))
    for provider, account in accounts.items():
        world.account_ids[provider] = await add_account(services, brand.id, account)
    await world.begin(count)
    await world.analyze()
    await world.look_first()
    await world.refund()
    await world.sweep(1)
    told = [(one, body) for one in world.books.histories.values() for body in notices_of(one, accounts, key)] * 10
    random.Random(SEED).shuffle(told)

    refused = await world.deliver(told)
    await world.sweep(11)
    await world.sweep(70)

    assert refused == sum(10 for one in world.books.histories.values() if one.shape == "signature")
    await _check(world)
    await world.books.aclose()
