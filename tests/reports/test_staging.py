"""Many documents at once come to the same facts and rollups as one after the other, whatever came before."""

import asyncio
import dataclasses
import datetime as dt
import random
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import factories
from tests.reports.makers import NOON, Story, tell
from tests.reports.staged import Line, Staged, sale, stage, staged
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services
from yundian.reports.service import booking, checking

pytestmark = pytest.mark.anyio

EXAMPLES = 20
ZONES = ("Asia/Shanghai", "America/Los_Angeles")
ROLLUPS = ("reports_day", "reports_month", "reports_place_day", "reports_member_day")


class Twins:
    """Two brands alike: one is told staged batches, the other each final document by itself."""

    def __init__(self, brands: list[BrandView], shops: list[list[uuid.UUID]]) -> None:
        self.staging, self.booking = brands
        self.shops: list[list[uuid.UUID | None]] = [[*its, None] for its in shops]
        self.campaigns, self.members = [new_id(), None], [new_id(), new_id(), None]


@pytest.fixture(scope="module")
async def twins(services: Services) -> Twins:
    brands = [await factories.make_brand(services.settings) for _ in range(2)]
    shops = [
        [
            (await make_shop(services, brand, fields=shop_fields(f"T-{n}", time_zone=zone))).id
            for n, zone in enumerate(ZONES)
        ]
        for brand in brands
    ]
    return Twins(brands, shops)


@st.composite
def versions(draw: st.DrawFn) -> dict[str, Any]:
    """What a source may say of one document at one time; shop, campaign and member are numbers."""
    at = NOON + dt.timedelta(minutes=draw(st.integers(-40 * 1440, 40 * 1440)))
    lines = tuple(draw(st.lists(st.integers(0, 90_00), max_size=3)))
    rest = draw(st.sampled_from([0, 0, 12_00, -50]))
    total = sum(lines) + rest
    paid_at = draw(st.sampled_from([None, at, at + dt.timedelta(hours=30)]))
    return {
        "shop": draw(st.integers(0, 2)), "campaign": draw(st.integers(0, 1)), "member": draw(st.integers(0, 2)),
        "channel": draw(st.sampled_from(["pos:1", "tmall"])), "currency": draw(st.sampled_from(["CNY", "GBP"])),
        "accrual_at": draw(st.sampled_from([None, at, at])), "accrual_minor": total,
        "cash_at": paid_at, "cash_minor": draw(st.sampled_from([total, total // 2])),
        "lines": tuple(Line(line_no=n, amount_minor=amount) for n, amount in enumerate(lines, start=1)),
    }  # fmt: skip


@st.composite
def documents(draw: st.DrawFn) -> tuple[bool, list[dict[str, Any]], int | None]:
    """A sale or a return with all its versions, and whether its order's credit is moved once."""
    moved = draw(st.one_of(st.none(), st.none(), st.integers(0, 2)))
    return draw(st.booleans()), draw(st.lists(versions(), min_size=1, max_size=3)), moved


@settings(max_examples=EXAMPLES)
@given(drawn=st.lists(documents(), min_size=1, max_size=7), seed=st.integers(0, 10**6))
async def test_batches_of_versions_come_to_what_their_last_ones_come_to_by_themselves(
    services: Services, twins: Twins, drawn: list[tuple[bool, list[dict[str, Any]], int | None]], seed: int
) -> None:
    chance, at = random.Random(seed), NOON + dt.timedelta(seconds=seed)
    told = [
        (new_id(), new_id() if is_return else None, [_whole(one, is_return=is_return) for one in known], moved)
        for is_return, known, moved in drawn
    ]
    left = [(number, version) for number, (_, _, known, _) in enumerate(told) for version in known]
    seen: set[int] = set()
    while left:
        # One version of a document in a batch; what stays behind keeps its order.
        batch: dict[int, dict[str, Any]] = {}
        rest: list[tuple[int, dict[str, Any]]] = []
        for number, version in left:
            if number not in batch and chance.random() < 0.6 and not any(one == number for one, _ in rest):
                batch[number] = version
            else:
                rest.append((number, version))
        left = rest
        rows = [
            _row(twins, 0, told[number], version, has_before=number in seen) for number, version in batch.items()
        ]
        await staged(services, twins.staging.id, rows)
        for number in batch.keys() - seen:
            await _move(services, twins, 0, told[number], at)
        seen |= batch.keys()

    for one in told:
        async with services.database.connection(twins.booking.id) as tx:
            for document in _row(twins, 1, one, one[2][-1], has_before=False).documents():
                await booking.book(tx, documents=[document])
        await _move(services, twins, 1, one, at)
    found = [await _everything(services, twins, side) for side in (0, 1)]
    for table, rows_found in found[0].items():
        assert rows_found == found[1][table], table
    async with services.database.connection(twins.staging.id) as tx:
        assert await checking.check(tx) == []


async def test_writers_at_once_neither_wait_in_a_circle_nor_lose_anything(
    services: Services, brand: BrandView
) -> None:
    """Batches that meet in the same rows, in opposite orders, with older versions to take out, beside events."""
    members = [new_id() for _ in range(5)]
    known = [sale(NOON + dt.timedelta(days=n % 3), 10_00, 5_00, member_id=members[n % 5]) for n in range(40)]
    await staged(services, brand.id, known)
    newer = [dataclasses.replace(one, has_before=True, accrual_minor=16_00) for one in known]
    fresh = [sale(NOON + dt.timedelta(days=n % 3), 7_00, member_id=members[n % 5]) for n in range(40)]
    stories = [Story(paid_at=NOON, member_id=members[n], channel="pos:1") for n in range(4)]
    await asyncio.gather(
        staged(services, brand.id, newer[::-1]),
        staged(services, brand.id, newer),
        staged(services, brand.id, fresh[:20]),
        staged(services, brand.id, fresh[:19:-1]),
        *(tell(services, brand.id, story.events()) for story in stories),
    )
    async with services.database.connection(brand.id) as tx:
        assert await checking.check(tx) == []
        gross = "SELECT sum(gross_minor)::bigint, sum(orders)::bigint FROM reports_month WHERE basis = 'accrual'"
        assert tuple(await tx.fetchrow(gross) or ()) == (40 * 16_00 + 40 * 7_00 + 4 * 10_00, 84)


async def test_what_a_source_says_of_place_and_zone_counts_and_a_shop_knows_its_own(
    services: Services, brand: BrandView
) -> None:
    evening = dt.datetime(2026, 3, 10, 20, 30, tzinfo=dt.UTC)
    shop = await make_shop(services, brand, fields=shop_fields("GZ", province="广东省"))
    told = [
        sale(evening, 1_00, time_zone="Europe/London", country="GB"),
        sale(evening, 2_00),
        sale(evening, 3_00, time_zone="Europe/London", shop_id=shop.id),
        sale(evening, 4_00, country="CN", province="四川省", shop_id=shop.id),
        # An exchange: one thing goes back over the same counter.
        sale(evening, 9_00, -4_00, country="CN"),
    ]
    assert await staged(services, brand.id, told) == 11
    async with services.database.connection(brand.id) as tx:
        # Staging is empty again, and empty staging changes nothing.
        assert await stage(tx, []) == 0
        rows = await tx.fetch(
            "SELECT business_date::text, country, province, gross_minor FROM reports_place_day"
            " WHERE basis = 'accrual' ORDER BY gross_minor"
        )
    assert [tuple(row) for row in rows] == [
        ("2026-03-10", "GB", "", 1_00),
        ("2026-03-11", "", "", 2_00),
        ("2026-03-11", "CN", "广东省", 3_00),
        ("2026-03-11", "CN", "四川省", 4_00),
        ("2026-03-11", "CN", "", 5_00),
    ]
    gone = [dataclasses.replace(one, has_before=True, accrual_at=None, cash_at=None) for one in told]
    assert await staged(services, brand.id, gone) == 0
    async with services.database.connection(brand.id) as tx:
        for table in ("reports_fact", *ROLLUPS):
            assert await tx.fetchval(f"SELECT count(*) FROM {table}") == 0


Told = tuple[uuid.UUID, uuid.UUID | None, list[dict[str, Any]], int | None]


def _whole(version: dict[str, Any], *, is_return: bool) -> dict[str, Any]:
    """A refund counts on both bases or on none, and never less than nothing."""
    if not is_return:
        return version
    at, total = version["accrual_at"], sum(line.amount_minor for line in version["lines"])
    return {**version, "cash_at": at, "cash_minor": total, "accrual_minor": total}


def _row(twins: Twins, side: int, told: Told, version: dict[str, Any], *, has_before: bool) -> Staged:
    order_id, return_id, _, _ = told
    known = {name: value for name, value in version.items() if name not in ("shop", "campaign", "member")}
    return Staged(
        document_id=return_id or order_id,
        document_type="return" if return_id else "order",
        kind="refund" if return_id else "sale",
        order_id=order_id,
        number=f"N-{order_id.hex[-8:]}",
        shop_id=twins.shops[side][version["shop"]],
        campaign_id=twins.campaigns[version["campaign"]],
        member_id=twins.members[version["member"]],
        has_before=has_before,
        **known,
    )


async def _move(services: Services, twins: Twins, side: int, told: Told, at: dt.datetime) -> None:
    order_id, _, _, moved = told
    if moved is None:
        return
    brand = (twins.staging, twins.booking)[side]
    async with services.database.connection(brand.id) as tx:
        shop_id = twins.shops[side][moved]
        await booking.move_credit(tx, order_id=order_id, shop_id=shop_id, staff_id=None, moved_at=at)


async def _everything(services: Services, twins: Twins, side: int) -> dict[str, list[list[Any]]]:
    """All rows of facts and rollups, shops by their number."""
    numbers = {shop: f"shop {n}" for n, shop in enumerate(twins.shops[side]) if shop is not None}
    brand = (twins.staging, twins.booking)[side]
    async with services.database.connection(brand.id) as tx:
        return {
            table: sorted(
                [str(numbers.get(value, value)) for name, value in row.items() if name != "brand_id"]
                for row in await tx.fetch(f"SELECT * FROM {table}")
            )
            for table in ("reports_fact", *ROLLUPS)
        }
