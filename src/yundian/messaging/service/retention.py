"""What is not kept for ever: words and recipients of messages that are long over, counts of past days."""

import datetime as dt
import uuid

from yundian.messaging.repository import log as repository
from yundian.messaging.service import deciding
from yundian.platform.core import clock
from yundian.platform.db.database import Database

_AT_ONCE = 2000
_DAYS_COUNTED = dt.timedelta(days=3)


async def forget(database: Database, *, brand_id: uuid.UUID, now: dt.datetime | None = None) -> int:
    """Erase, by the brand's retention time; how many messages. That one was sent stays on record."""
    at, erased = now or clock.now(), 0
    async with database.unit_of_work(brand_id) as session:
        policy = await deciding.get_policy(session, brand_id=brand_id)
        await repository.forget_days(session, before=(at - _DAYS_COUNTED).date())
    before = at - dt.timedelta(days=policy.retention_days)
    while True:
        async with database.connection(brand_id) as tx:
            found = await repository.erase(tx, ended_before=before, limit=_AT_ONCE)
        erased += found
        if found < _AT_ONCE:
            return erased
