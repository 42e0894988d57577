"""What reports does by itself."""

from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.jobs.declare import cron
from yundian.reports.service import checking

MEND_EVERY_S = 3600.0


@cron("reports.mend_buyers", every_s=MEND_EVERY_S)
async def mend_buyers(database: Database) -> None:
    """After an upgrade: what processes of the release before wrote without the days on which members bought."""
    for brand in await directory.brand_ids(database):
        await checking.mend_buyers(database, brand=brand)


CRONS = (mend_buyers,)
