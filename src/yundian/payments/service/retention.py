"""What providers wrote is needed while somebody may ask what exactly was said, and then goes; the facts stay."""

import uuid

from yundian.payments.repository import notices
from yundian.platform.db.database import Database

BATCH = 1_000


async def forget_notices(database: Database, *, brand_id: uuid.UUID, days: int) -> int:
    """Delete the texts of handled and of rejected notices that are older, some at a time; how many."""
    gone = 0
    while True:
        async with database.connection(brand_id) as tx:
            batch = await notices.forget(tx, days=days, limit=BATCH)
        gone += batch
        if batch < BATCH:
            return gone


async def forget_unclaimed(database: Database, *, days: int) -> int:
    """Delete notices for nobody we know that are older; how many."""
    async with database.connection(None) as tx:
        return await notices.forget_unclaimed(tx, days=days)
