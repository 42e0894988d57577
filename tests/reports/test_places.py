"""Every way to cut the numbers says what its documents say, places included; a member's numbers are her own."""

import csv
import datetime as dt
import io
import json
import random
import uuid
from typing import Any

import httpx
import pytest
from anyio import to_thread
from typer.testing import CliRunner

from tests import factories, people
from tests.reports.staged import Staged, sale, staged
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.channels.service import channels
from yundian.channels.states import ChannelKind
from yundian.channels.types import ChannelFields
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.reports.commands import REPORT
from yundian.reports.service import reading
from yundian.reports.types import NOBODY, Basis, By, MemberRow, SalesQuery

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
FIRST, LAST = dt.date(2026, 1, 10), dt.date(2026, 4, 20)
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
PLACES = (("CN", "广东省"), ("CN", "四川省"), ("GB", ""), ("", ""), ("", "广东省"))
ZONES = {0: "Asia/Shanghai", 1: "America/Los_Angeles"}


class World:
    """Sales and refunds of a source, drawn at random, and the shops they were credited to."""

    def __init__(self, seed: int, shops: list[uuid.UUID]) -> None:
        chance = random.Random(seed)
        self.shops: list[uuid.UUID | None] = [*shops, None]
        self.campaigns, self.members = [new_id(), None], [*(new_id() for _ in range(6)), None]
        self.zones: dict[uuid.UUID | None, str] = {
            None: "Asia/Shanghai",
            **dict(zip(shops, ZONES.values(), strict=True)),
        }
        self.documents = [self._sale(chance) for _ in range(70)]
        self.documents += [self._refund(chance, one) for one in chance.sample(self.documents, 25)]

    def _sale(self, chance: random.Random) -> Staged:
        country, province = chance.choice(PLACES)
        amounts = [chance.randint(1, 90_00) for _ in range(chance.randint(1, 3))]
        return sale(
            START + dt.timedelta(minutes=chance.randint(0, 120 * 1440)), *amounts,
            channel=chance.choice(["uci", "tmall"]),
            shop_id=chance.choice(self.shops), campaign_id=chance.choice(self.campaigns),
            member_id=chance.choice(self.members), country=country, province=province,
            currency=chance.choice(["CNY", "CNY", "GBP"]),
        )  # fmt: skip

    def _refund(self, chance: random.Random, of: Staged) -> Staged:
        at = START + dt.timedelta(minutes=chance.randint(0, 120 * 1440))
        return sale(
            at, chance.randint(1, of.accrual_minor), kind="refund", document_type="return", order_id=of.order_id,
            channel=of.channel, shop_id=of.shop_id, campaign_id=of.campaign_id, member_id=of.member_id,
            country=of.country, province=of.province, currency=of.currency,
        )  # fmt: skip

    def day(self, one: Staged) -> dt.date:
        assert one.accrual_at is not None
        return clock.business_day(one.accrual_at, self.zones[one.shop_id])

    def key(self, by: By, one: Staged) -> str:
        return {
            By.SHOP: str(one.shop_id or NOBODY),
            By.CAMPAIGN: str(one.campaign_id or NOBODY),
            By.CHANNEL: one.channel,
            By.COUNTRY: self.place(one)[0],
            By.PROVINCE: "/".join(self.place(one)),
            By.DAY: self.day(one).isoformat(),
            By.MONTH: f"{self.day(one):%Y-%m}",
        }[by]

    def place(self, one: Staged) -> tuple[str, str]:
        """What the source says, else where the shop is."""
        if one.shop_id is None:
            return one.country, one.province
        return one.country or "CN", one.province if one.country or one.province else "上海市"

    def expected(self, by: By | None, within: Any) -> dict[tuple[str, str], tuple[int, ...]]:
        """Orders, buyers, gross, refunds, refunded by key and currency."""
        found: dict[tuple[str, str], list[Staged]] = {}
        for one in self.documents:
            if FIRST <= self.day(one) <= LAST and within(one):
                found.setdefault((self.key(by, one) if by else "", one.currency), []).append(one)
        return {key: self._sums(some) for key, some in found.items()}

    def _sums(self, some: list[Staged]) -> tuple[int, ...]:
        sales = [one for one in some if one.kind == "sale"]
        refunds = [one for one in some if one.kind == "refund"]
        return (
            len(sales), len({one.member_id for one in sales if one.member_id}),
            sum(one.accrual_minor for one in sales), len(refunds), sum(one.accrual_minor for one in refunds),
        )  # fmt: skip


@pytest.fixture(scope="module")
async def world(services: Services) -> tuple[BrandView, World]:
    brand = await factories.make_brand(services.settings)
    shops = [
        (await make_shop(services, brand, fields=shop_fields(f"P-{n}", time_zone=zone, province="上海市"))).id
        for n, zone in ZONES.items()
    ]
    world = World(7, shops)
    assert await staged(services, brand.id, world.documents) > 95
    return brand, world


async def test_every_cut_of_the_numbers_is_the_sum_of_its_documents(
    services: Services, world: tuple[BrandView, World]
) -> None:
    brand, known = world
    shop, campaign = known.shops[0], known.campaigns[0]
    assert shop is not None
    assert campaign is not None
    narrowings: list[tuple[dict[str, Any], Any]] = [
        ({}, lambda one: True),
        ({"shop_ids": frozenset({shop, NOBODY})}, lambda one: one.shop_id in (shop, None)),
        (
            {"campaign_id": campaign, "channel": "uci"},
            lambda one: one.campaign_id == campaign and one.channel == "uci",
        ),
        ({"country": "CN"}, lambda one: known.place(one)[0] == "CN"),
        ({"country": "", "province": "广东省"}, lambda one: known.place(one) == ("", "广东省")),
        (
            {"province": "四川省", "shop_ids": frozenset({shop})},
            lambda one: known.place(one)[1] == "四川省" and one.shop_id == shop,
        ),
    ]
    async with services.database.unit_of_work(brand.id) as session:
        for by in By:
            for narrow, within in narrowings:
                wanted = SalesQuery(by=by, basis=Basis.ACCRUAL, first=FIRST, last=LAST, **narrow)
                found = await reading.sales(session, wanted=wanted)
                shown = {(row.key, row.figures.currency): _figures(row.figures) for row in found.rows}
                assert {key: one for key, one in shown.items() if any(one)} == known.expected(by, within), wanted
                totals = {("", one.currency): _figures(one) for one in found.totals if any(_figures(one))}
                assert totals == known.expected(None, within), wanted


async def test_a_number_of_a_place_leads_to_its_documents_on_the_screen_and_in_files(
    services: Services, world: tuple[BrandView, World], client: httpx.AsyncClient
) -> None:
    brand, known = world
    async with services.database.unit_of_work(brand.id) as session:
        named = ChannelFields(name_zh="英国网店", name_en="UK web shop", kind=ChannelKind.MARKETPLACE)
        await channels.create_channel(session, code="uci", fields=named)
    admin = await people.sign_in_as(services, brand.id, Role.HQ_ANALYST)
    headers = {**admin.headers, **HTML}
    days = {"from": FIRST.isoformat(), "to": LAST.isoformat()}
    page = await client.get("/hq/sales", params={**days, "by": "province", "country": "CN"}, headers=headers)
    in_english = {**days, "by": "province", "lang": "en"}
    english = (await client.get("/hq/sales", params=in_english, headers=headers)).text
    assert ("Guangdong, China" in english, "广东省, " in english) == (True, False)
    client.cookies.set("locale", "zh_CN")
    assert page.status_code == 200, page.text
    assert "province=%E5%B9%BF%E4%B8%9C%E7%9C%81" in page.text

    narrow = {**days, "country": "CN", "province": "广东省", "currency": "CNY", "kind": "sale"}
    file = await client.get("/hq/sales/documents/csv", params=narrow, headers=headers)
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))[1:]
    expected = [
        one
        for one in known.documents
        if known.place(one) == ("CN", "广东省") and one.currency == "CNY" and one.kind == "sale"
        if FIRST <= known.day(one) <= LAST
    ]
    assert sorted(row[0] for row in rows) == sorted(one.number for one in expected)
    assert sum(round(float(row[-1]) * 100) for row in rows) == sum(one.accrual_minor for one in expected)
    screen = await client.get("/hq/sales/documents", params=narrow, headers=headers)
    assert all(f"/hq/orders/{one.order_id}" in screen.text for one in expected)
    by_channel = await client.get("/hq/sales", params={**days, "by": "channel"}, headers=headers)
    assert "英国网店" in by_channel.text
    for address in ("documents/xlsx", "reconcile/csv", "reconcile/xlsx", "members/xlsx"):
        assert (await client.get(f"/hq/sales/{address}", params=days, headers=headers)).status_code == 200


async def test_money_that_never_came_through_here_is_no_difference(
    services: Services, world: tuple[BrandView, World]
) -> None:
    brand, known = world
    async with services.database.unit_of_work(brand.id) as session:
        days = await reading.reconcile(session, first=FIRST, last=LAST)
    assert all(one.is_equal for one in days)
    inside = [
        one
        for one in known.documents
        if one.cash_at is not None and FIRST <= clock.business_day(one.cash_at, "Asia/Shanghai") <= LAST
    ]
    assert sum(one.elsewhere_minor for one in days) == sum(one.cash_minor for one in inside if one.kind == "sale")
    assert sum(one.elsewhere_refunds_minor for one in days) == sum(
        one.cash_minor for one in inside if one.kind == "refund"
    )


async def test_recency_frequency_and_money_count_whole_days_of_the_brand_before_a_day(
    services: Services, world: tuple[BrandView, World], client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    brand, known = world
    as_of = dt.date(2026, 3, 15)
    # A refund of an order that nobody told, of somebody who never bought.
    stranger = new_id()
    lonely = sale(START, 5_00, kind="refund", document_type="return", member_id=stranger)
    await staged(services, brand.id, [lonely])

    everything = [*known.documents, lonely]
    expected = _by_hand(everything, as_of)
    assert expected[(str(stranger), "CNY")] == (None, 0, 0, -5_00)
    async with services.database.unit_of_work(brand.id) as session:
        # On each of some days, so that sales of California's evenings lie around midnight of Shanghai.
        for day in (
            START.date(),
            FIRST,
            *(as_of + dt.timedelta(days=n) for n in range(-4, 5)),
            dt.date(2026, 6, 1),
        ):
            found = await reading.members(session, as_of=day, limit=None)
            assert {(str(one.member_id), one.currency): _money(one) for one in found} == _by_hand(everything, day)

    settings = services.settings
    for name in ("database_url", "redis_url", "database_owner_url"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    monkeypatch.setenv("YUNDIAN_VAR_DIR", str(settings.var_dir))
    command = ["members", "--as-of", as_of.isoformat(), "--brand", brand.code]
    told = json.loads(await _run([*command, "--json"]))["members"]
    assert {(one["member_id"], one["currency"]): _money(MemberRow(**one)) for one in told} == expected
    written = await _run([*command, "--csv"])
    admin = await people.sign_in_as(services, brand.id, Role.HQ_ADMIN)
    query, headers = {"as-of": as_of.isoformat()}, {**admin.headers, **HTML}
    assert (await client.get("/hq/sales/members/csv", params=query, headers=headers)).content == written.encode()
    page = await client.get("/hq/sales/members", params=query, headers=headers)
    assert all(f"/hq/members/{member}" in page.text for member, _currency in expected)


def _by_hand(documents: list[Staged], as_of: dt.date) -> dict[tuple[str, str], tuple[int | None, int, int, int]]:
    """Recency, frequency, gross and net of each member and currency before a day."""
    found: dict[tuple[str, str], list[tuple[dt.date, Staged]]] = {}
    for one in documents:
        assert one.accrual_at is not None
        day = clock.business_day(one.accrual_at, "Asia/Shanghai")
        if one.member_id is not None and day < as_of:
            found.setdefault((str(one.member_id), one.currency), []).append((day, one))
    rows = {}
    for key, some in found.items():
        sales = [(day, one.accrual_minor) for day, one in some if one.kind == "sale"]
        gross = sum(amount for _, amount in sales)
        back = sum(one.accrual_minor for _, one in some if one.kind == "refund")
        last = max((day for day, _ in sales), default=None)
        rows[key] = ((as_of - last).days if last else None, len(sales), gross, gross - back)
    return rows


def _money(one: MemberRow) -> tuple[int | None, int, int, int]:
    return one.recency_days, one.frequency, one.gross_minor, one.net_minor


def _figures(one: Any) -> tuple[int, ...]:
    return one.orders, one.buyers, one.gross_minor, one.refunds, one.refunds_minor


async def _run(arguments: list[str]) -> str:
    done = await to_thread.run_sync(lambda: CliRunner().invoke(REPORT, arguments))
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout_bytes.decode()
