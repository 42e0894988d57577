"""The worker's part: every two seconds, what is due; every hour, what is not kept for ever."""

import asyncio
import uuid

import structlog
from redis.asyncio import Redis

from yundian.messaging.adapters.carrier import ProviderCarrier
from yundian.messaging.service import retention, sending
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.db.redis_pool import open_redis_pool
from yundian.platform.jobs.declare import cron
from yundian.platform.sms.gateways import SmsAtFirstUse
from yundian.platform.wechat.client import WeChatApps

log = structlog.get_logger(__name__)

EVERY_S = 2.0
FORGET_EVERY_S = 3600.0
_BRANDS_AT_ONCE = 4
_BATCHES = 10


class Kept:
    """The providers' clients of this worker: their connections and tokens outlive a round."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._redis: Redis | None = None
        self._wechat: WeChatApps | None = None
        self._sms: SmsAtFirstUse | None = None
        self._carrier: ProviderCarrier | None = None

    def carrier(self, database: Database) -> ProviderCarrier:
        """One per event loop: connections belong to theirs."""
        loop = asyncio.get_running_loop()
        if self._carrier is None or self._loop is not loop:
            self._loop, settings = loop, database.settings
            self._redis = Redis.from_pool(open_redis_pool(settings))
            self._wechat, self._sms = WeChatApps(self._redis, database.keyring), SmsAtFirstUse(settings)
            self._carrier = ProviderCarrier(wechat=self._wechat, sms=self._sms)
        return self._carrier

    async def aclose(self) -> None:
        if self._carrier is None or self._loop is not asyncio.get_running_loop():
            return
        self._carrier = None
        for part in (self._wechat, self._sms, self._redis):
            if part is not None:
                await part.aclose()


kept = Kept()


@cron("messaging.send", every_s=EVERY_S, end=kept.aclose)
async def send(database: Database) -> None:
    """Send what is due, for every brand. One brand's trouble does not stop the others."""
    slots = asyncio.Semaphore(_BRANDS_AT_ONCE)

    async def one(brand_id: uuid.UUID) -> None:
        async with slots:
            try:
                await _send(database, brand_id)
            except Exception:
                log.exception("messaging.send_failed", brand_id=str(brand_id))

    await asyncio.gather(*(one(brand_id) for brand_id in await directory.brand_ids(database)))


async def _send(database: Database, brand_id: uuid.UUID) -> None:
    for _ in range(_BATCHES):
        carrier = kept.carrier(database)
        if await sending.send_due(database, carrier=carrier, brand_id=brand_id) < sending.BATCH:
            return


@cron("messaging.forget", every_s=FORGET_EVERY_S)
async def forget(database: Database) -> None:
    """Words of messages go after the brand's retention time."""
    for brand_id in await directory.brand_ids(database):
        await retention.forget(database, brand_id=brand_id)


CRONS = (send, forget)
