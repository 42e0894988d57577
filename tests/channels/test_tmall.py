"""The order report of a real Tmall shop: every number of HQ is the one that DuckDB counts from the raw file."""

import pytest

from tests.channels import oracle
from tests.channels.data import tmall
from tests.channels.makers import make_channel, rows
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services
from yundian.reports.types import By

pytestmark = pytest.mark.anyio


async def test_the_whole_report_equals_an_independent_count_and_changes_nothing_the_second_time(
    services: Services, brand: BrandView
) -> None:
    file = tmall()
    await make_channel(services, brand, "tmall", time_zone="Asia/Shanghai")

    first = await oracle.load(services, brand, file, channel="tmall", mapping="tmall_orders_2020_02")

    assert (first.read, first.applied, first.quarantined, first.tally) == (28_010, 28_010, 0, {"sale": 28_010})
    told = oracle.of_tmall(file)
    await oracle.check(services, brand, told, By.DAY, By.MONTH, By.CHANNEL, By.PROVINCE)
    # What tutorials on this file publish: paid 2,474,823.07, given back 572,335.92.
    assert told.numbers(By.CHANNEL) == {"tmall": (24_087, 0, 0, 247_482_307, 5_646, 57_233_592)}
    closed = await rows(services, brand, "SELECT 1 FROM orders_order WHERE brand_id = $1 AND state = 'closed'")
    assert len(closed) == 3_923

    second = await oracle.load(services, brand, file, channel="tmall", mapping="tmall_orders_2020_02")

    assert (second.applied, second.unchanged) == (0, 28_010)
    await oracle.check(services, brand, told, By.DAY)
