"""The worker's round: claim and store in one transaction, carry outside of any, record in another."""

import asyncio
import datetime as dt
import uuid

from yundian.members import api as members
from yundian.members.types import AppKind
from yundian.messaging.ports import Carrier, Outcome, Rejected
from yundian.messaging.repository import messages as repository
from yundian.messaging.rules import timing
from yundian.messaging.rules.verdicts import Verdict
from yundian.messaging.service import preparing, recording
from yundian.messaging.service.preparing import Try
from yundian.messaging.types import Channel
from yundian.platform.core import clock
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database
from yundian.platform.wechat.types import WeChatApp

BATCH = 100
AT_ONCE = 8
_KINDS = {Channel.MINI: AppKind.MINI, Channel.OFFICIAL: AppKind.OFFICIAL}


async def send_due(
    database: Database,
    *,
    carrier: Carrier,
    brand_id: uuid.UUID,
    now: dt.datetime | None = None,
    limit: int = BATCH,
) -> int:
    """One round for one brand; how many messages were looked at."""
    at = now or clock.now()
    async with database.connection(brand_id) as tx:
        if not await repository.has_due(tx, now=at):
            return 0
    apps = await _apps(database, brand_id)
    async with database.unit_of_work(brand_id) as session:
        tries, looked_at = await preparing.prepare(
            session,
            brand_id=brand_id,
            apps=apps,
            carrier=carrier,
            settings=database.settings,
            now=at,
            limit=limit,
        )
    step("messaging.claimed")
    if tries:
        results = await _carry(carrier, tries)
        step("messaging.carried")
        async with database.connection(brand_id) as tx:
            await recording.record(tx, results=results, carrier=carrier, now=now or clock.now())
        step("messaging.recorded")
    return looked_at


async def _carry(carrier: Carrier, tries: list[Try]) -> list[tuple[Try, Outcome]]:
    """What has not begun in time is left: another worker may have it before this one is done."""
    slots, began = asyncio.Semaphore(AT_ONCE), asyncio.get_running_loop().time()

    async def one(each: Try) -> tuple[Try, Outcome]:
        async with slots:
            if asyncio.get_running_loop().time() - began > timing.CARRY_FOR_S:
                return each, Rejected("no_time", Verdict.AGAIN)
            return each, await carrier.carry(each.parcel)

    return await asyncio.gather(*(one(each) for each in tries))


async def _apps(database: Database, brand_id: uuid.UUID) -> dict[Channel, WeChatApp]:
    found = {}
    for channel, kind in _KINDS.items():
        app = await members.app_of_brand(database, keyring=database.keyring, brand_id=brand_id, kind=kind)
        if app is not None:
            found[channel] = app
    return found
