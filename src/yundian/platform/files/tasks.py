"""The worker's part: files that were brought in are stopped with the worker, and go after a week."""

from yundian.platform.db import directory
from yundian.platform.db.database import Database
from yundian.platform.files.service import uploads, working
from yundian.platform.jobs.declare import cron

CLEAN_EVERY_S = 3600.0


@cron("files.clean", every_s=CLEAN_EVERY_S, end=working.imports.aclose)
async def clean(database: Database) -> None:
    """The bytes of files go after a week; what is known about them stays."""
    for brand in await directory.brand_ids(database):
        await uploads.remove_old(database, brand=brand)


CRONS = (clean,)
