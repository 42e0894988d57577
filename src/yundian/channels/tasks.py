"""The worker's part: uploaded files of orders, and what is cleaned up."""

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.service import quarantine
from yundian.channels.service.importing import ORDERS
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.files.service import working
from yundian.platform.jobs.declare import cron
from yundian.platform.outbox.declare import DueTimer, on_timer

CLEAN_EVERY_S = 3600.0


@on_timer(ORDERS.timer)
async def import_upload(session: AsyncSession, timer: DueTimer) -> None:
    """See to a file of orders."""
    await working.see_to(session, timer, kind=ORDERS)


@cron("channels.clean", every_s=CLEAN_EVERY_S)
async def clean(database: Database) -> None:
    """What an older release left open in quarantine is sealed."""
    for brand in await directory.brand_ids(database):
        await quarantine.seal_old(database, brand=brand)


TIMERS = (import_upload,)
CRONS = (clean,)
