"""The sweeper reads what is due, however much is not, and no brand waits for all of another's."""

import contextlib
import datetime as dt
import uuid
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from tests.payments.kit import Till
from yundian.payments import tasks
from yundian.payments.repository import trades
from yundian.payments.service import sweeping
from yundian.payments.states import PaymentState
from yundian.payments.types import Provider
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx, set_brand
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

WAITING, TRIED = 50_000, 200

# Some with an attempt that is asked about when they end.
_CROWD = """
WITH made AS (
    INSERT INTO payments_payment (brand_id, id, created_at, subject_type, subject_id, description, return_path,
        amount_minor, currency, state, captured_minor, reserved_minor, refunded_minor, expires_at)
    SELECT $1, gen_random_uuid(), now(), 'test.crowd', gen_random_uuid(), '', '/', 100, 'CNY', 'pending', 0, 0, 0,
        $3::timestamptz + n * interval '1 millisecond' FROM generate_series(1, $4) n
    RETURNING id
)
INSERT INTO payments_attempt (brand_id, id, created_at, payment_id, account_id, provider, kind, out_trade_no,
    state, failure, provider_ref, expires_at, next_poll_at, polls)
SELECT $1, gen_random_uuid(), now(), id, $2, 'wechat', 'native', replace(id::text, '-', ''), 'pending', '', '',
    $3, $3, 1 FROM (SELECT id FROM made LIMIT $5) tried
"""
_ROWS_READ = """
SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables
WHERE relname IN ('payments_payment', 'payments_attempt')
"""


@contextlib.asynccontextmanager
async def crowded(till: Till, *, end: dt.datetime) -> AsyncIterator[Tx]:
    """A transaction in which very many wait, and PostgreSQL knows it; undone at its end."""
    connection = await asyncpg.connect(till.services.settings.database_owner_url)
    try:
        await connection.execute(f"BEGIN; {set_brand(till.brand_id)}; SET LOCAL statement_timeout = '60s'")
        account_id = till.accounts[Provider.WECHAT][0]
        await connection.execute(_CROWD, till.brand_id, account_id, end, WAITING, TRIED)
        await connection.execute("ANALYZE payments_payment, payments_attempt")
        yield Tx(connection, till.brand_id)  # type: ignore[arg-type]
    finally:
        await connection.close()


async def test_what_is_not_due_is_not_read_however_much_there_is(till: Till) -> None:
    now = clock.now()
    expired = [await till.open(expires_in_s=60 + n) for n in range(3)]
    tried = await till.open()
    await till.start(tried, Provider.WECHAT)
    later = now + dt.timedelta(seconds=120)

    async def steps(tx: Tx) -> tuple[int, int, set[uuid.UUID], list[uuid.UUID]]:
        begun = await trades.begin_closing_expired(tx, now=later, limit=2)
        rest = await trades.begin_closing_expired(tx, now=later, limit=100)
        due = await trades.claim_due(tx, now=later, limit=100)
        closed = await trades.finish_closing(tx, now=later, limit=100)
        return begun, rest, {one.id for one in closed}, [attempt.payment_id for attempt, _ in due]

    # Nobody else is to see this crowd, nor what statistics say of it.
    async with crowded(till, end=now + dt.timedelta(minutes=30)) as tx:
        before = await tx.fetchval(_ROWS_READ)
        done = await steps(tx)
        read = await tx.fetchval(_ROWS_READ) - before
    assert done == (2, 1, {one.id for one in expired}, [tried.id])
    assert read < 50

    await till.sweep(later_s=120)
    assert [(await till.see(one)).state for one in expired] == [PaymentState.CLOSED] * 3


async def test_the_payments_of_a_sale_that_nobody_made_end_together(till: Till) -> None:
    async with till.services.database.connection(till.brand_id) as tx:
        past = clock.now() - dt.timedelta(seconds=60)
        await tx.execute(_CROWD, till.brand_id, till.accounts[Provider.WECHAT][0], past, 1_500, 0)

    await tasks._sweep_all(till.services.database, [till.brand_id])

    [row] = await till.rows("SELECT array_agg(DISTINCT state) AS states FROM payments_payment WHERE brand_id = $1")
    assert row["states"] == ["closed"]
    assert len(await till.events("payments.closed.v1")) == 1_500


async def test_each_brand_has_a_round_before_any_has_another(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two, three = (new_id() for _ in range(3))
    left = {one: 250, two: 30, three: 120}
    rounds: list[tuple[uuid.UUID, bool]] = []

    async def sweep(_database: object, *, brand_id: uuid.UUID, refunds: int, **_rest: Any) -> int:
        rounds.append((brand_id, refunds > 0))
        if brand_id == two:
            raise RuntimeError("her trouble is nobody else's")
        done = min(left[brand_id], sweeping.BATCH)
        left[brand_id] -= done
        return done

    monkeypatch.setattr(sweeping, "sweep", sweep)
    monkeypatch.setattr(tasks, "_BRANDS_AT_ONCE", 1)
    await tasks._sweep_all(services.database, [one, two, three])

    first = [(one, True), (two, True), (three, True)]
    assert rounds == [*first, (one, False), (three, False), (one, False)]
