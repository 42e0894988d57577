"""Buyers are counted in several ways, which come to the same; of many sales a screen has them later."""

import datetime as dt
import html
import re
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from tests import people
from tests.reports.makers import NOON, Story, tell
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.reports import rules
from yundian.reports.service import reading
from yundian.reports.types import Basis, By, SalesQuery

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
MARCH = {"from": "2026-03-09", "to": "2026-03-12"}


async def test_many_buyers_are_counted_in_other_ways_and_come_to_the_same(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    often, once = new_id(), new_id()
    # The last of March, and the first days of April.
    bought = [(often, 20), (often, 22), (often, 26), (once, 22), (None, 22)]
    stories = [
        Story(member_id=member, paid_at=NOON + dt.timedelta(days=n), currency=currency)
        for member, n in bought
        for currency in (("CNY", "GBP") if n == 22 else ("CNY",))
    ]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    ranges = [(first, last) for first in range(19, 28) for last in range(first, 28)]

    async def counted(
        by: By = By.MONTH, some: Sequence[tuple[int, int]] = ranges, **more: Any
    ) -> list[list[tuple[str | int, ...]]]:
        async with services.database.unit_of_work(brand.id) as session:
            found = []
            for first, last in some:
                days = [NOON.date() + dt.timedelta(days=n) for n in (first, last)]
                wanted = SalesQuery(by=by, basis=Basis.ACCRUAL, first=days[0], last=days[1], **more)
                told = await reading.sales(session, wanted=wanted)
                months = [(row.key, row.figures.currency, row.figures.buyers) for row in told.rows]
                found.append([*((one.currency, one.buyers) for one in told.totals), *months])
            return found

    some = [(19, 27), (22, 22), (22, 26)]
    cuts: list[dict[str, Any]] = [{"by": by, "some": some} for by in (By.SHOP, By.DAY, By.PROVINCE)] + [
        {"channel": "groupbuy", "some": some}
    ]
    by_sale, in_turn = await counted(), [await counted(**cut) for cut in cuts]
    monkeypatch.setattr(rules, "MANY_SALES", 1)
    monkeypatch.setattr(rules, "is_less_by_member", lambda *_: False)
    assert [await counted(**cut) for cut in cuts] == in_turn
    monkeypatch.setattr(rules, "is_less_by_member", lambda *_: True)
    assert await counted() == by_sale
    # Of each shop: she who came often, once.
    assert await counted(**cuts[0]) == in_turn[0]
    assert in_turn[0][0][:2] == [("CNY", 2), ("GBP", 2)]
    assert in_turn[0][0][2][1:] == ("CNY", 2)
    assert by_sale[ranges.index((20, 25))][:2] == [("CNY", 2), ("GBP", 2)]
    assert by_sale[ranges.index((24, 25))][:1] == [("CNY", 0)]


async def test_of_many_sales_the_screen_says_all_but_the_buyers_at_once_and_these_when_they_are_counted(
    services: Services, brand: BrandView, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = new_id()
    stories = [
        Story(member_id=anna, lines=(10_00,)),
        Story(member_id=new_id(), lines=(20_00,)),
        Story(member_id=anna),
    ]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    admin = await people.sign_in_as(services, brand.id, Role.HQ_ANALYST)
    headers, query = {**admin.headers, **HTML}, {**MARCH, "by": "channel"}

    whole = (await client.get("/hq/sales", params=query, headers=headers)).text
    rows = _rows_of(whole)
    assert "/hq/sales/counted" not in whole
    monkeypatch.setattr(rules, "MANY_SALES", 3)
    first = (await client.get("/hq/sales", params=query, headers=headers)).text
    later = html.unescape(_between(first, 'hx-get="', '"'))
    late = await client.get(later, headers=headers)
    # The one with the buyers is the fourth.
    assert _rows_of(first) == [[*row[:3], "…统计中", *row[4:]] for row in rows]
    assert [row[3] for row in rows] == ["2", "2"]
    assert _rows_of(late.text) == rows
    figures = _between(whole, '<dl class="figures" id="figures-CNY" >', "</dl>")
    assert _between(late.text, '<dl class="figures" id="figures-CNY" hx-swap-oob="true">', "</dl>") == figures
    assert ">2<" in figures
    assert ">2<" not in _between(first, '<dl class="figures" id="figures-CNY" >', "</dl>")


def _rows_of(page: str) -> list[list[str]]:
    """The cells of the table, without what is in them but text."""
    table = _between(page, 'id="sales-table"', "</table>")
    rows = [
        re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL)
        for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL)
    ]
    return [[re.sub(r"<[^>]+>", "", cell).strip() for cell in row] for row in rows[1:]]


def _between(text: str, begin: str, end: str) -> str:
    return text.partition(begin)[2].partition(end)[0]
