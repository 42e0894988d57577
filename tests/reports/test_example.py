"""The worked example of docs/guide/numbers.md comes out as it is written there."""

import datetime as dt
from typing import Any

import pytest

from tests.reports.makers import Refund, Story, tell
from tests.reports.staged import sale, staged
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services
from yundian.reports.service import reading
from yundian.reports.types import Basis, By, Figures, SalesQuery

pytestmark = pytest.mark.anyio

MARCH, APRIL = (dt.date(2026, 3, 1), dt.date(2026, 3, 31)), (dt.date(2026, 4, 1), dt.date(2026, 4, 30))


def shanghai(month: int, day: int, hour: int = 12, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=dt.timezone(dt.timedelta(hours=8)))


async def test_the_worked_example_of_the_guide(services: Services, brand: BrandView) -> None:
    xuhui = await make_shop(services, brand, fields=shop_fields("XH", province="上海市"))
    anna, bo = new_id(), new_id()
    stories = [
        Story(
            shop_id=xuhui.id, member_id=anna, lines=(100_00, 50_00), shipping_minor=12_00,
            paid_at=shanghai(3, 1, 10), released_after_h=47,
        ),
        Story(
            shop_id=xuhui.id, member_id=bo, lines=(80_00,), paid_at=shanghai(3, 2), released_after_h=None,
            refunds=(Refund(lines=(80_00,), after_h=48, was_released=False),),
        ),
    ]  # fmt: skip
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    t1 = sale(shanghai(3, 2, 0, 10), 200_00, channel="tmall", country="CN", province="广东省")
    p1 = sale(shanghai(3, 3), 60_00, shop_id=xuhui.id, member_id=anna)
    back = {"kind": "refund", "document_type": "return"}
    t1_back = sale(
        shanghai(3, 5), 30_00, order_id=t1.order_id, channel="tmall", country="CN", province="广东省", **back
    )
    p2 = sale(shanghai(4, 1), 20_00, order_id=p1.order_id, shop_id=xuhui.id, member_id=anna, **back)
    # As it may come: refunds before their sales.
    await staged(services, brand.id, [p2, t1_back])
    await staged(services, brand.id, [t1, p1])

    async with services.database.unit_of_work(brand.id) as session:

        async def figures(days: tuple[dt.date, dt.date], basis: Basis, by: By = By.CHANNEL) -> Any:
            return await reading.sales(session, wanted=SalesQuery(by=by, basis=basis, first=days[0], last=days[1]))

        accrual = await figures(MARCH, Basis.ACCRUAL, By.PROVINCE)
        assert _row(accrual.totals[0]) == (3, 1, 422_00, 1, 30_00, 392_00)
        assert {row.key: (row.figures.gross_minor, row.figures.refunds_minor) for row in accrual.rows} == {
            "CN/上海市": (222_00, 0),
            "CN/广东省": (200_00, 30_00),
        }
        assert _row((await figures(MARCH, Basis.CASH)).totals[0]) == (4, 2, 502_00, 2, 110_00, 392_00)
        for basis, first_of_march in ((Basis.ACCRUAL, 0), (Basis.CASH, 162_00)):
            assert _row((await figures(APRIL, basis)).totals[0]) == (0, 0, 0, 1, 20_00, -20_00)
            assert (await figures(MARCH, basis, By.DAY)).rows[0].figures.gross_minor == first_of_march

        days = await reading.reconcile(session, first=MARCH[0], last=MARCH[1])
        assert [
            sum(getattr(one, name) for one in days)
            for name in ("sold_minor", "sale_refunds_minor", "elsewhere_minor", "elsewhere_refunds_minor")
        ] == [242_00, 80_00, 260_00, 30_00]

        for as_of, recency, net in ((dt.date(2026, 4, 1), 29, 222_00), (dt.date(2026, 4, 2), 30, 202_00)):
            (found,) = await reading.members(session, as_of=as_of, limit=None)
            assert (found.member_id, found.recency_days, found.frequency) == (anna, recency, 2)
            assert (found.gross_minor, found.net_minor) == (222_00, net)


def _row(one: Figures) -> tuple[int, ...]:
    return one.orders, one.buyers, one.gross_minor, one.refunds, one.refunds_minor, one.net_minor
