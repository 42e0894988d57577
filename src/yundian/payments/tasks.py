"""The sweeper: every few seconds, for every brand that takes payments; and what is not kept for ever."""

import asyncio
import uuid
from collections import deque

import structlog

from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.repository import accounts
from yundian.payments.service import bill_days, retention, sweeping
from yundian.payments.service.accounts import DIRECTORY_KIND
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database
from yundian.platform.jobs.declare import cron

log = structlog.get_logger(__name__)

EVERY_S = 5.0
REST_EVERY_S = 30.0
CLEAN_EVERY_S = 3600.0
BILLS_EVERY_S = 300.0
_BRANDS_AT_ONCE = 4
_BATCHES = 10


class Kept:
    """The providers' clients of this worker: their connections and circuit breakers outlive a round."""

    def __init__(self) -> None:
        self._pool: ProviderPool | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def pool(self) -> ProviderPool:
        """One per event loop: connections belong to theirs."""
        loop = asyncio.get_running_loop()
        if self._pool is None or self._loop is not loop:
            self._pool, self._loop = ProviderPool(), loop
        return self._pool

    async def aclose(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None and self._loop is asyncio.get_running_loop():
            await pool.aclose()


kept = Kept()


@cron("payments.sweep", every_s=EVERY_S, end=kept.aclose)
async def sweep(database: Database) -> None:
    """Ask about everything that is due. One brand's trouble does not stop the others."""
    await _sweep_all(database, await _brands(database))


@cron("payments.sweep_without_accounts", every_s=REST_EVERY_S, end=kept.aclose)
async def sweep_without_accounts(database: Database) -> None:
    """A brand that cannot be paid yet has payments that nobody can make; they end at their time all the same."""
    async with database.connection(None) as tx:
        brands = await accounts.brands_without_accounts(tx, kind=DIRECTORY_KIND)
    await _sweep_all(database, brands)


async def _sweep_all(database: Database, brands: list[uuid.UUID]) -> None:
    """A round for each, then another for those of whom more is due: nobody waits for all of another's."""
    keyring = Keyring(database.settings.master_key_bytes())
    waiting = deque((brand_id, 0) for brand_id in brands)

    async def work() -> None:
        while waiting:
            brand_id, rounds = waiting.popleft()
            try:
                done = await sweeping.sweep(
                    database,
                    keyring=keyring,
                    providers=kept.pool(),
                    brand_id=brand_id,
                    refunds=0 if rounds else sweeping.REFUNDS_A_ROUND,
                )
            except Exception:
                log.exception("payments.sweep_failed", brand_id=str(brand_id))
                continue
            if done >= sweeping.BATCH and rounds + 1 < _BATCHES:
                waiting.append((brand_id, rounds + 1))

    await asyncio.gather(*(work() for _ in range(min(_BRANDS_AT_ONCE, len(brands)))))


@cron("payments.forget_notices", every_s=CLEAN_EVERY_S)
async def forget_notices(database: Database) -> None:
    """The texts of notices go after ``payments_notice_days``; the facts in them stay."""
    days = database.settings.payments_notice_days
    for brand_id in await _brands(database):
        await retention.forget_notices(database, brand_id=brand_id, days=days)
    await retention.forget_unclaimed(database, days=days)


@cron("payments.fetch_bills", every_s=BILLS_EVERY_S, end=kept.aclose)
async def fetch_bills(database: Database) -> None:
    """Yesterday's bills of every merchant, from ten in the morning by Beijing's clock, until they are there and
    agree with our books. One brand's trouble does not stop the others."""
    keyring = Keyring(database.settings.master_key_bytes())
    for brand_id in await _brands(database):
        try:
            for _ in range(_BATCHES):
                taken = await bill_days.fetch_due(
                    database, keyring=keyring, providers=kept.pool(), brand_id=brand_id
                )
                if taken < bill_days.AT_ONCE:
                    break
        except Exception:
            log.exception("payments.fetching_bills_failed", brand_id=str(brand_id))


async def _brands(database: Database) -> list[uuid.UUID]:
    async with database.connection(None) as tx:
        return await accounts.brands_with_accounts(tx, kind=DIRECTORY_KIND)


CRONS = (sweep, sweep_without_accounts, forget_notices, fetch_bills)
