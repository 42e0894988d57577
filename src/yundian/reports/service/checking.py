"""The numbers prove themselves: rollups against facts."""

import datetime as dt
from collections.abc import Sequence

from yundian.platform.db.database import Tx
from yundian.reports.repository import checking, facts
from yundian.reports.types import Mismatch

MOST_SHOWN = 1000


async def check(tx: Tx) -> list[Mismatch]:
    """Where a rollup is not what the facts say; empty when all is well. One snapshot a table, no lock."""
    return await checking.mismatches(tx, limit=MOST_SHOWN)


async def count_facts(tx: Tx) -> int:
    return await checking.count_facts(tx)


async def rewrite(tx: Tx, *, found: Sequence[Mismatch]) -> None:
    """Write the days and months of these mismatches anew from the facts. Writers wait until it is done."""
    await facts.lock(tx)
    days = {dt.date.fromisoformat(one.key["business_date"]) for one in found if "business_date" in one.key}
    months = {dt.date.fromisoformat(one.key["month"]) for one in found if "month" in one.key}
    await checking.rewrite(tx, days=sorted(days), months=sorted(months))
