"""Who looks at times: counted once a day, by a hash that tells nobody who it was and that no other day has."""

import datetime as dt
import uuid

from appointments.repository import funnel as repository
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.wechat.agents import is_wechat_browser

API = "api"
WEB = "web"
WECHAT = "wechat"
# For so many days it is known who looked, unless the brand says otherwise.
KEEP_DAYS = 60
LEAST_DAYS, MOST_DAYS = 7, 400
_DAYS_AT_ONCE = 60


def channel_of(user_agent: str) -> str:
    """How a browser came."""
    return WECHAT if is_wechat_browser(user_agent) else WEB


async def note(
    database: Database,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    staff_id: uuid.UUID | None,
    time_zone: str,
    channel: str,
    who: str,
    now: dt.datetime,
) -> None:
    """Somebody looked; ``who`` is a member's id, or what a browser tells of itself."""
    day = clock.business_day(now, time_zone)
    async with database.connection(brand_id) as tx:
        await repository.view(
            tx,
            day=day,
            shop_id=shop_id,
            service_id=service_id,
            staff_id=staff_id,
            channel=channel,
            visitor=keyring.blind_index(f"appointments.viewing:{day.isoformat()}:", who),
            now=now,
        )


async def forget_old(database: Database) -> None:
    """Of days past the brand's figure the numbers stay and who looked is forgotten, brand by brand, day by day."""
    now = clock.now()
    for brand_id in await directory.brand_ids(database):
        async with database.connection(brand_id) as tx:
            days = await repository.old_days(tx, today=now.date(), keep=KEEP_DAYS, limit=_DAYS_AT_ONCE)
        for day in days:
            async with database.connection(brand_id) as tx:
                await repository.forget(tx, day=day, now=now)
