"""Numbers that mend themselves after an upgrade."""

import datetime as dt
import uuid
from typing import Any

import pytest

from tests.reports.makers import NOON, Story, tell
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.reports.repository import buyers
from yundian.reports.service import checking
from yundian.reports.tasks import mend_buyers

pytestmark = pytest.mark.anyio


async def test_what_an_old_process_wrote_without_its_buyers_is_mended_by_itself(
    services: Services, brand: BrandView
) -> None:
    first, second, third = (new_id() for _ in range(3))
    stories = [
        Story(member_id=who, paid_at=NOON + dt.timedelta(days=n)) for n, who in enumerate((first, second) * 2)
    ]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    async with services.database.connection(brand.id) as tx:
        assert await checking.check(tx) == []
        await tx.execute("DELETE FROM reports_buyer WHERE member_id = $1", first)
        await tx.execute(
            "UPDATE reports_buyer SET days = days[2:], first_day = last_day WHERE member_id = $1", second
        )
        # Of whom nothing is left.
        await tx.execute(
            "INSERT INTO reports_buyer SELECT brand_id, basis, currency, $1, first_day, last_day, days"
            " FROM reports_buyer WHERE member_id = $2",
            third,
            second,
        )
        assert len(await checking.check(tx)) == 6

    # Code that keeps the days writes no mark, and nothing is read for it; one that does not know how leaves one.
    assert await checking.mend_buyers(services.database, brand=brand.id) == 0
    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE reports_fact SET number = number WHERE brand_id = $1", brand.id)
    assert await marks(services, brand) == 1
    await mend_buyers.run(services.database)

    async with services.database.connection(brand.id) as tx:
        assert await checking.check(tx) == []
    assert await marks(services, brand) == 0
    assert await checking.mend_buyers(services.database, brand=brand.id) == 0


async def test_what_is_written_that_way_while_it_is_mended_is_mended_the_next_time(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell(services, brand.id, Story(member_id=new_id(), paid_at=NOON).events())
    read = buyers.wrong

    async def written_meanwhile(tx: Tx, **which: Any) -> set[uuid.UUID]:
        found = await read(tx, **which)
        async with services.database.connection(brand.id) as other:
            await other.execute("UPDATE reports_fact SET number = number WHERE brand_id = $1", brand.id)
        return found

    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE reports_fact SET number = number WHERE brand_id = $1", brand.id)
    monkeypatch.setattr(buyers, "wrong", written_meanwhile)
    await mend_buyers.run(services.database)
    monkeypatch.undo()
    left = await marks(services, brand)
    await mend_buyers.run(services.database)

    assert (left, await marks(services, brand)) == (1, 0)


async def marks(services: Services, brand: BrandView) -> int:
    async with services.database.connection(brand.id) as tx:
        return int(await tx.fetchval("SELECT count(*) FROM reports_unmended WHERE brand_id = $1", brand.id))
