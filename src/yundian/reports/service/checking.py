"""The numbers prove themselves: rollups against facts."""

import datetime as dt
import uuid
from collections.abc import Sequence

import structlog

from yundian.platform.db.database import Database, Tx
from yundian.reports.repository import buyers, checking, facts
from yundian.reports.rules import MANY_SALES
from yundian.reports.types import Basis, Mismatch

log = structlog.get_logger(__name__)

# Of members (``repository.buyers.BUCKET``).
BUCKETS = 64
MOST_SHOWN = 1000


async def check(tx: Tx) -> list[Mismatch]:
    """Where a rollup is not what the facts say; empty when all is well. One snapshot a table, no lock."""
    return await checking.mismatches(tx, limit=MOST_SHOWN)


async def count_facts(tx: Tx) -> int:
    return await checking.count_facts(tx)


async def mend_buyers(database: Database, *, brand: uuid.UUID) -> int:
    """Have each member's days say what her sales of each day say, where older code wrote; how many were wrong.

    While a release is rolled out, processes of the release before write sales and no days: a trigger notes it, and
    without its mark nothing more is read. With it everything is, in parts; writers wait only for what is mended.
    """
    async with database.connection(brand) as tx:
        mark = await buyers.unmended(tx)
    if mark is None:
        return 0
    mended = await _mend_all(database, brand)
    async with database.connection(brand) as tx:
        await buyers.mended(tx, revision=mark)
    if mended:
        log.warning("reports.buyers_mended", brand_id=str(brand), members=mended)
    return mended


async def _mend_all(database: Database, brand: uuid.UUID) -> int:
    mended = 0
    for basis in Basis:
        async with database.connection(brand) as tx:
            is_small = await buyers.count_sales(tx, basis=basis) < MANY_SALES
        parts = [(0, BUCKETS - 1)] if is_small else [(number, number) for number in range(BUCKETS)]
        for part in (*parts, None):
            async with database.connection(brand) as tx:
                found = await buyers.wrong(tx, basis=basis, buckets=part)
                if found:
                    await facts.lock(tx)
                    # What looked wrong may have been on its way.
                    found = await buyers.wrong(tx, basis=basis, buckets=part)
                    await buyers.rewrite_some(tx, basis=basis, members=found)
            mended += len(found)
    return mended


async def rewrite(tx: Tx, *, found: Sequence[Mismatch]) -> None:
    """Write the days and months of these mismatches anew from the facts. Writers wait until it is done."""
    await facts.lock(tx)
    days = {dt.date.fromisoformat(one.key["business_date"]) for one in found if "business_date" in one.key}
    months = {dt.date.fromisoformat(one.key["month"]) for one in found if "month" in one.key}
    await checking.rewrite(tx, days=sorted(days), months=sorted(months))
