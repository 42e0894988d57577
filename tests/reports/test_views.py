"""The screen, the table, the files, the API and the command line say the same; and what they say is right."""

import csv
import datetime as dt
import io
import json
import re
import zipfile
from collections.abc import Sequence
from typing import Any

import httpx
import pytest
from anyio import to_thread
from typer.testing import CliRunner

from tests import people
from tests.reports.makers import NOON, Refund, Story, tell
from tests.stores.makers import make_shop, shop_fields
from yundian.attribution.events import Transferred
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.reports import api
from yundian.reports.commands import REPORT
from yundian.reports.pages import documents
from yundian.reports.repository import facts
from yundian.reports.service import checking, reading
from yundian.reports.types import Basis, By, FactKind, Figures, SalesQuery

pytestmark = pytest.mark.anyio

HTML = {"Accept": "text/html"}
MARCH = {"from": "2026-03-09", "to": "2026-03-12"}


async def report(services: Services, brand: BrandView, by: By, basis: Basis = Basis.ACCRUAL, **more: Any) -> Any:
    wanted = SalesQuery(by=by, basis=basis, first=dt.date(2026, 3, 9), last=dt.date(2026, 3, 12), **more)
    async with services.database.unit_of_work(brand.id) as session:
        return await api.sales(session, wanted=wanted)


def figures(found: Any) -> dict[str, tuple[int, int, int, int]]:
    return {
        row.key: (row.figures.orders, row.figures.buyers, row.figures.gross_minor, row.figures.refunds_minor)
        for row in found.rows
    }


async def test_every_view_of_one_number_says_the_same_and_each_basis_its_own(
    services: Services, brand: BrandView, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shanghai = await make_shop(services, brand, fields=shop_fields("SH", name="=cmd()|上海店"))
    # Ten in the evening there, the next afternoon in Shanghai.
    california = await make_shop(
        services, brand, fields=shop_fields("CA", name="California", time_zone="America/Los_Angeles")
    )
    anna, campaign = new_id(), new_id()
    late = dt.datetime(2026, 3, 11, 5, 0, tzinfo=dt.UTC)
    back = Refund(lines=(4_00,), after_h=50, was_released=True)
    stories = [
        Story(shop_id=shanghai.id, member_id=anna, campaign_id=campaign, lines=(10_00, 5_00), shipping_minor=2_00),
        Story(shop_id=shanghai.id, member_id=anna, campaign_id=campaign, lines=(20_00,), refunds=(back,)),
        Story(shop_id=california.id, member_id=anna, lines=(30_00,), paid_at=late),
        # Its group failed: money came and went, nothing was sold.
        Story(
            shop_id=shanghai.id,
            lines=(9_00,),
            released_after_h=None,
            refunds=(Refund(lines=(9_00,), after_h=24, was_released=False),),
        ),
        Story(shop_id=shanghai.id, currency="GBP", member_id=new_id(), lines=(7_00,)),
        Story(lines=(50_00,), released_after_h=48),
    ]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    async with services.database.connection(brand.id) as tx:
        await api.name_campaign(tx, campaign_id=campaign, code="SPRING", name="春日口红团")

    by_day = await report(services, brand, By.DAY)
    yuan = {row.key: row.figures for row in by_day.rows if row.figures.currency == "CNY"}
    assert list(yuan) == ["2026-03-09", "2026-03-10", "2026-03-11", "2026-03-12"]
    assert yuan["2026-03-09"] == Figures(currency="CNY")
    # California's evening of the tenth.
    assert (yuan["2026-03-10"].orders, yuan["2026-03-10"].buyers, yuan["2026-03-10"].gross_minor) == (3, 1, 67_00)
    assert (yuan["2026-03-12"].orders, yuan["2026-03-12"].gross_minor) == (1, 50_00)
    assert (yuan["2026-03-12"].refunds, yuan["2026-03-12"].refunds_minor, yuan["2026-03-12"].net_minor) == (
        1, 4_00, 46_00,
    )  # fmt: skip
    assert [(one.currency, one.orders, one.buyers, one.net_minor) for one in by_day.totals] == [
        ("CNY", 4, 1, 113_00),
        ("GBP", 1, 1, 7_00),
    ]
    cash = await report(services, brand, By.DAY, Basis.CASH)
    assert [(one.currency, one.orders, one.gross_minor, one.refunds_minor) for one in cash.totals] == [
        ("CNY", 5, 126_00, 13_00),
        ("GBP", 1, 7_00, 0),
    ]
    by_campaign = await report(services, brand, By.CAMPAIGN, shop_ids=frozenset({shanghai.id}))
    assert by_campaign.rows[0].label == "春日口红团"

    admin = await people.sign_in_as(services, brand.id, Role.HQ_ANALYST)
    query = {**MARCH, "by": "shop"}
    answer = await client.get("/v1/reports/sales", params=query, headers=admin.headers)
    page = await client.get("/hq/sales", params=query, headers={**admin.headers, **HTML})
    file = await client.get("/hq/sales/csv", params=query, headers={**admin.headers, **HTML})
    book = await client.get("/hq/sales/xlsx", params=query, headers={**admin.headers, **HTML})
    assert (answer.status_code, page.status_code, file.status_code, book.status_code) == (200, 200, 200, 200)
    told = [
        (row["figures"]["currency"], row["figures"]["orders"], row["figures"]["gross_minor"])
        for row in answer.json()["rows"]
    ]
    assert told == [("CNY", 1, 50_00), ("CNY", 2, 37_00), ("CNY", 1, 30_00), ("GBP", 1, 7_00)]
    assert file.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [(row[1], int(row[2]), round(float(row[4]) * 100)) for row in rows[1:5]] == told
    assert [row[0] for row in rows[2:5]] == ["'=cmd()|上海店", "California", "'=cmd()|上海店"]
    assert [row[-1] for row in rows[5:]] == ["113.00", "7.00"]
    assert _numbers_of(book.content) == [str(value) for row in rows[1:] for value in _as_numbers(row)]
    chart = json.loads(_between(page.text, 'data-chart="', '"').replace("&#34;", '"'))
    assert chart["labels"] == [rows[1][0], "=cmd()|上海店", "California"]
    assert chart["series"][0]["values"] == [50.0, 33.0, 30.0]

    settings = services.settings
    for name in ("database_url", "redis_url", "database_owner_url"):
        monkeypatch.setenv(name.upper(), getattr(settings, name))
    monkeypatch.setenv("YUNDIAN_VAR_DIR", str(settings.var_dir))
    command = ["sales", "--by", "shop", "--from", MARCH["from"], "--to", MARCH["to"], "--brand", brand.code]
    done = await _run([*command, "--json"])
    assert json.loads(done) == answer.json()
    assert (await _run([*command, "--csv"])).encode() == file.content


async def test_a_shop_sees_its_own_credited_sales_and_no_others(
    services: Services, brand: BrandView, client: httpx.AsyncClient
) -> None:
    mine, theirs = [await make_shop(services, brand, fields=shop_fields(f"S{n}", name=f"店{n}")) for n in range(2)]
    now = clock.now() - dt.timedelta(hours=2)
    stories = [
        Story(shop_id=mine.id, paid_at=now, lines=(12_34,)),
        Story(shop_id=theirs.id, paid_at=now, lines=(77_77,)),
    ]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    owner = await people.sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=mine.id)

    panel = await client.get("/shop/panels/credited", headers={**owner.headers, **HTML})
    numbers = (await client.get("/v1/reports/sales", params={"by": "shop"}, headers=owner.headers)).json()
    others = await client.get(
        "/v1/reports/sales", params={"by": "shop", "shop": str(theirs.id)}, headers=owner.headers
    )
    assert "12.34" in panel.text
    assert "77.77" not in panel.text
    assert [row["key"] for row in numbers["rows"]] == [str(mine.id)]
    assert others.json()["rows"] == []


async def test_a_number_leads_to_the_documents_that_it_is_the_sum_of(
    services: Services, brand: BrandView, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields("SH"))
    refund = Refund(lines=(1_00, 50), after_h=3, was_released=True)
    stories = [
        *(Story(shop_id=shop.id, lines=(n * 100, 50)) for n in range(1, 8)),
        Story(shop_id=shop.id, lines=(9_00, 9_00), refunds=(refund,)),
        Story(lines=(99_00,)),
    ]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    wanted = SalesQuery(
        by=By.DAY,
        basis=Basis.ACCRUAL,
        first=dt.date(2026, 3, 10),
        last=dt.date(2026, 3, 10),
        shop_ids=frozenset({shop.id}),
    )
    async with services.database.unit_of_work(brand.id) as session:
        (total,) = (await reading.sales(session, wanted=wanted)).totals
        found, cursor = [], None
        while True:
            part = await reading.documents(session, wanted=wanted, cursor=cursor, limit=3)
            found += part.items
            cursor = part.next_cursor
            if cursor is None:
                break
    sales = [one for one in found if one.kind is FactKind.SALE]
    assert len(sales) == total.orders == 8
    assert sum(one.amount_minor for one in sales) == total.gross_minor
    assert [one.amount_minor for one in found if one.kind is FactKind.REFUND] == [total.refunds_minor] == [1_50]

    admin = await people.sign_in_as(services, brand.id, Role.HQ_ADMIN)
    query = {"from": "2026-03-10", "to": "2026-03-10", "shop": str(shop.id)}
    page = await client.get("/hq/sales/documents", params=query, headers={**admin.headers, **HTML})
    assert f'href="/hq/orders/{stories[0].order_id}"' in page.text
    assert stories[-1].number not in page.text
    # A file is sent part by part, to the end.
    monkeypatch.setattr(documents, "AT_ONCE", 2)
    file = await client.get("/hq/sales/documents/csv", params=query, headers={**admin.headers, **HTML})
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert [row[0] for row in rows[1:]] == [one.number for one in found]
    assert sum(round(float(row[-1]) * 100) for row in rows[1:]) == total.net_minor
    late = await client.get(
        "/hq/sales/documents/csv?from=2026-03-10&to=2026-03-01", headers={**admin.headers, **HTML}
    )
    assert late.status_code == 400
    wrong = await client.get("/hq/sales?from=2026-03-10&to=2026-03-01", headers={**admin.headers, **HTML})
    assert wrong.status_code == 400
    assert 'role="alert"' in wrong.text


async def test_a_moved_credit_takes_what_was_and_what_comes_to_the_other_shop(
    services: Services, brand: BrandView
) -> None:
    old = await make_shop(services, brand, fields=shop_fields("SH"))
    new = await make_shop(services, brand, fields=shop_fields("CA", time_zone="America/Los_Angeles"))
    story = Story(
        shop_id=old.id,
        member_id=new_id(),
        paid_at=dt.datetime(2026, 3, 11, 2, 0, tzinfo=dt.UTC),
        lines=(8_00,),
        refunds=(Refund(lines=(3_00,), after_h=2, was_released=True),),
    )
    paid, released, refunded = story.events()

    def move(shop_id: Any, at: dt.datetime) -> Transferred:
        return Transferred(
            credit_id=new_id(), transfer_id=new_id(), subject_type="order", subject_id=story.order_id,
            from_shop_id=old.id, to_shop_id=shop_id, staff_id=None, state="final", amount_minor=8_00,
            currency="CNY", transferred_at=at,
        )  # fmt: skip

    await tell(services, brand.id, [paid, released])
    await tell(services, brand.id, [move(new.id, NOON + dt.timedelta(days=9))])
    # An older move that comes late changes nothing; a refund that comes late knows the old shop.
    await tell(services, brand.id, [move(old.id, NOON), refunded, released])

    assert figures(await report(services, brand, By.SHOP)) == {str(new.id): (1, 1, 8_00, 3_00)}
    days = figures(await report(services, brand, By.DAY, Basis.CASH))
    assert days["2026-03-10"] == (1, 1, 8_00, 3_00)
    assert days["2026-03-11"] == (0, 0, 0, 0)
    async with services.database.connection(brand.id) as tx:
        assert await checking.check(tx) == []
        assert await tx.fetchval("SELECT count(*) FROM reports_member_day") == 2


async def test_what_is_wrong_with_a_rollup_is_told_and_repaired(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    stories = [Story(member_id=new_id(), paid_at=NOON + dt.timedelta(days=n)) for n in range(3)]
    await tell(services, brand.id, [event for story in stories for event in story.events()])
    before = await report(services, brand, By.DAY)
    async with services.database.connection(brand.id) as tx:
        await tx.execute("UPDATE reports_day SET gross_minor = 1, orders = 7 WHERE business_date = '2026-03-10'")
        await tx.execute("DELETE FROM reports_month")
        await tx.execute("UPDATE reports_member_day SET orders = 2 WHERE business_date = '2026-03-11'")
        await tx.execute(
            "UPDATE reports_buyer SET days = days || date '2026-03-20' WHERE first_day = '2026-03-12'"
        )
        found = await checking.check(tx)
    assert {one.table for one in found} == {
        "reports_day",
        "reports_month",
        "reports_member_day",
        "reports_buyer",
    }
    assert next(one for one in found if one.table == "reports_day").columns == {
        "orders": (7, 1),
        "gross_minor": (1, 10_00),
    }

    for name in ("database_url", "redis_url", "database_owner_url"):
        monkeypatch.setenv(name.upper(), getattr(services.settings, name))
    monkeypatch.setenv("YUNDIAN_VAR_DIR", str(services.settings.var_dir))
    assert "reports_month" in await _run(["check", "--brand", brand.code], code=1)
    await _run(["check", "--brand", brand.code, "--repair"])
    assert json.loads(await _run(["check", "--brand", brand.code, "--json"])) == {
        "facts": 6,
        "mismatches": [],
        "repaired": 0,
    }
    assert await report(services, brand, By.DAY) == before


async def test_cash_facts_stand_beside_the_books_of_payments(
    services: Services, brand: BrandView, client: httpx.AsyncClient
) -> None:
    story, unheard = Story(lines=(10_00,)), Story(lines=(3_00,))
    await tell(services, brand.id, story.events())
    async with services.database.connection(brand.id) as tx:
        for one in (story, unheard):
            await tx.execute(_PAID, brand.id, new_id(), one.order_id, one.total_minor, one.paid_at)
    admin = await people.sign_in_as(services, brand.id, Role.HQ_ADMIN)

    async with services.database.unit_of_work(brand.id) as session:
        days = await reading.reconcile(session, first=dt.date(2026, 3, 9), last=dt.date(2026, 3, 11))
    page = await client.get("/hq/sales/reconcile", params=MARCH, headers={**admin.headers, **HTML})
    assert [(one.day.day, one.captured_minor, one.sold_minor, one.captured_difference_minor) for one in days] == [
        (11, 0, 0, 0),
        (10, 13_00, 10_00, 3_00),
        (9, 0, 0, 0),
    ]
    assert "¥3.00" in page.text
    file = await client.get("/hq/sales/reconcile/csv", params=MARCH, headers={**admin.headers, **HTML})
    rows = list(csv.reader(io.StringIO(file.content.decode("utf-8-sig"))))[1:]
    assert [[row[0], *row[2:5]] for row in rows if row[0] != "2026-03-12"] == [
        ["2026-03-11", "0.00", "0.00", "0.00"],
        ["2026-03-10", "13.00", "10.00", "3.00"],
        ["2026-03-09", "0.00", "0.00", "0.00"],
    ]
    # The event arrives.
    await tell(services, brand.id, unheard.events())
    async with services.database.unit_of_work(brand.id) as session:
        days = await reading.reconcile(session, first=dt.date(2026, 3, 9), last=dt.date(2026, 3, 11))
    assert all(one.is_equal for one in days)


async def test_a_dashboard_reads_rollups_only(services: Services, brand: BrandView) -> None:
    """Not one number of a chart is summed up from the facts."""
    await tell(services, brand.id, Story(member_id=new_id()).events())
    async with services.database.connection(brand.id) as tx:
        # Facts gone, rollups left: the numbers stand.
        await tx.execute("DELETE FROM reports_fact")
    for by in By:
        found = await report(services, brand, by)
        assert (found.totals[0].orders, found.totals[0].buyers, found.totals[0].gross_minor) == (1, 1, 10_00)
    async with services.database.connection(brand.id) as tx:
        assert len(await checking.check(tx)) == 10
        await facts.lock(tx)


_PAID = """
INSERT INTO payments_payment (brand_id, id, created_at, subject_type, subject_id, description, return_path,
    amount_minor, currency, state, captured_minor, reserved_minor, refunded_minor, expires_at, paid_at)
VALUES ($1, $2, now(), 'order', $3, '', '/', $4, 'CNY', 'succeeded', $4, 0, 0, now(), $5)
"""


def _numbers_of(book: bytes) -> list[str]:
    """The numbers of a workbook's only sheet, in order."""
    with zipfile.ZipFile(io.BytesIO(book)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    return [str(float(value)) for value in re.findall(r'<c r="[A-Z]+\d+"(?: s="\d+")?><v>([^<]+)</v>', sheet)]


def _as_numbers(row: Sequence[str]) -> list[float]:
    return [float(value) for value in row[2:]]


def _between(text: str, begin: str, end: str) -> str:
    return text.partition(begin)[2].partition(end)[0]


async def _run(arguments: list[str], *, code: int = 0) -> str:
    """The command's output; it has an event loop of its own."""

    done = await to_thread.run_sync(lambda: CliRunner().invoke(REPORT, arguments))
    assert done.exit_code == code, (done.output, done.exception)
    # As written: the text has other line ends.
    return done.stdout_bytes.decode()
