"""The sweeper: every few seconds, for every brand that takes payments."""

import asyncio
import contextlib
import uuid

import structlog

from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.repository import accounts
from yundian.payments.service import sweeping
from yundian.payments.service.accounts import DIRECTORY_KIND
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database
from yundian.platform.jobs.declare import cron

log = structlog.get_logger(__name__)

EVERY_S = 5.0
_BRANDS_AT_ONCE = 4
_BATCHES = 10


@cron("payments.sweep", every_s=EVERY_S)
async def sweep(database: Database) -> None:
    """Ask about everything that is due. One brand's trouble does not stop the others."""
    keyring = Keyring(database.settings.master_key_bytes())
    async with database.connection(None) as tx:
        brands = await accounts.brands_with_accounts(tx, kind=DIRECTORY_KIND)
    if not brands:
        return
    slots = asyncio.Semaphore(_BRANDS_AT_ONCE)
    async with contextlib.aclosing(ProviderPool()) as providers:

        async def one(brand_id: uuid.UUID) -> None:
            async with slots:
                try:
                    await _sweep(database, keyring, providers, brand_id)
                except Exception:
                    log.exception("payments.sweep_failed", brand_id=str(brand_id))

        await asyncio.gather(*(one(brand_id) for brand_id in brands))


async def _sweep(database: Database, keyring: Keyring, providers: ProviderPool, brand_id: uuid.UUID) -> None:
    for _ in range(_BATCHES):
        asked = await sweeping.sweep(database, keyring=keyring, providers=providers, brand_id=brand_id)
        if asked < sweeping.BATCH:
            return


CRONS = (sweep,)
