"""Shop lists come in by a mapping: broken lines are placed, the rest goes in, twice is the same as once."""

import asyncio
import csv
import dataclasses
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from stores.service.imports import MAPPINGS, SHOPS
from stores.states import ShopStatus
from tests.catalog.makers import events_of
from tests.stores.data import starbucks_cn
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core.errors import NotFound
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake import quarantine, service
from yundian.platform.intake.errors import AlreadySettled, BadMapping, RunTaken, UnusableFile
from yundian.platform.intake.types import Applied, ImportKind, Origin, RunSummary

pytestmark = pytest.mark.anyio

COLUMNS = (
    "code,name,country,province,city,district,address,postcode,phone,"
    "latitude,longitude,datum,time_zone,status,hours"
)


def line(code: str, **changes: str) -> str:
    values = dict.fromkeys(COLUMNS.split(","), "")
    values |= {
        "code": code,
        "name": f"{code}店",
        "latitude": "31.2",
        "longitude": "121.4",
        "datum": "wgs84",
    } | changes
    return ",".join(f'"{value}"' for value in values.values())


def file_of(tmp_path: Path, *lines: str, name: str = "shops.csv") -> Path:
    file = tmp_path / name
    file.write_text("\n".join([COLUMNS, *lines]) + "\n")
    return file


async def load(services: Services, brand: BrandView, file: Path, **kwargs: Any) -> RunSummary:
    mapping = mappings.load(MAPPINGS / kwargs.pop("map", "demo.toml"))
    kwargs.setdefault("kind", SHOPS)
    return await service.run_import(services.database, brand=brand.id, file=file, mapping=mapping, **kwargs)


def counts(summary: RunSummary) -> tuple[int, int, int, int]:
    return summary.read, summary.applied, summary.unchanged, summary.quarantined


async def rows(services: Services, brand: BrandView, sql: str) -> list[tuple[Any, ...]]:
    async with services.database.connection(brand.id) as tx:
        return [tuple(row) for row in await tx.fetch(sql)]


async def test_a_list_in_two_languages_brings_the_english_names_and_one_in_one_leaves_them(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    both = tmp_path / "both.csv"
    both.write_text(f"{COLUMNS},name_en,address_en\n{line('A')},The Bund,1 East Road\n{line('B')},,\n")

    first = await load(services, brand, both, map="bilingual.toml")
    again = await load(services, brand, file_of(tmp_path, line("A", name="新名"), line("B")))

    assert (first.applied, again.applied) == (2, 1)
    names = await rows(services, brand, "SELECT name, name_en, address_en FROM stores_shop ORDER BY code")
    assert names == [("新名", "The Bund", "1 East Road"), ("B店", "", "")]


SHOP_ROWS = "SELECT code, name, latitude, longitude, status, version, updated_at FROM stores_shop ORDER BY code"


async def test_twice_is_the_same_as_once(services: Services, brand: BrandView, tmp_path: Path) -> None:
    file = file_of(
        tmp_path, line("A", hours="Mo-Fr 10:00-22:00"), line("B"), "not,a,shop", line("C", latitude="x")
    )

    first = await load(services, brand, file)
    state = await rows(services, brand, SHOP_ROWS)
    events = await events_of(services, brand)
    second = await load(services, brand, file)

    assert counts(first) == (4, 2, 0, 2)
    assert counts(second) == (4, 0, 2, 2)
    assert await rows(services, brand, SHOP_ROWS) == state
    assert await events_of(services, brand) == events
    held = await rows(services, brand, "SELECT line, column_name, code FROM intake_quarantine ORDER BY line")
    assert held == [(4, "", "intake.wrong_number_of_columns"), (5, "latitude", "intake.not_a_number")]
    assert await rows(services, brand, "SELECT 1 FROM intake_key") == []


async def test_a_file_updates_what_it_maps_and_leaves_the_rest(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    shop = await make_shop(services, brand, fields=shop_fields("A"), status=ShopStatus.CLOSED)
    mapping = tmp_path / "names.toml"
    mapping.write_text(
        'kind = "stores.shops"\nname = "names"\n[fields.code]\ncolumn = "code"\n[fields.name]\ncolumn = "name"\n'
        '[fields.time_zone]\nconstant = "Asia/Shanghai"\n[fields.status]\nconstant = "open"\n'
    )

    summary = await load(services, brand, file_of(tmp_path, line("A", name="新名")), map=mapping)

    assert counts(summary) == (1, 1, 0, 0)
    found = await rows(services, brand, "SELECT name, address, status, version, latitude FROM stores_shop")
    assert found == [("新名", shop.address, "closed", shop.version + 1, shop.latitude)]
    assert (await events_of(services, brand))[-1] == "stores.shop_changed.v1"
    assert len(await rows(services, brand, "SELECT 1 FROM stores_opening_hours")) == 7


async def test_changed_hours_alone_are_a_change(services: Services, brand: BrandView, tmp_path: Path) -> None:
    await load(services, brand, file_of(tmp_path, line("A", hours="24/7"), line("B", hours="24/7")))

    again = await load(
        services, brand, file_of(tmp_path, line("A", hours="Mo 10:00-22:00"), line("B", hours="24/7"))
    )

    assert counts(again) == (2, 1, 1, 0)
    assert await rows(services, brand, "SELECT code, version FROM stores_shop ORDER BY code") == [
        ("A", 2),
        ("B", 1),
    ]


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"time_zone": "GMT+08:00 Asia/Beijing"}, "time_zone"),
        ({"longitude": ""}, "longitude"),
        ({"latitude": "95"}, "latitude"),
        ({"phone": "call me"}, "phone"),
        ({"hours": "always"}, "hours"),
        ({"datum": "mars"}, "datum"),
        ({"name": ""}, "name"),
        ({"country": "China"}, "country"),
    ],
)
async def test_an_impossible_shop_is_quarantined_with_its_column(
    services: Services, brand: BrandView, tmp_path: Path, changes: dict[str, str], column: str
) -> None:
    summary = await load(services, brand, file_of(tmp_path, line("A"), line("B", **changes), line("C")))

    assert counts(summary) == (3, 2, 0, 1)
    assert [(p.file, p.line, p.column) for p in summary.problems] == [("shops.csv", 3, column)]


async def test_a_code_that_stands_twice_is_refused_unless_the_lines_are_equal(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    file = file_of(tmp_path, line("A"), line("A"), line("B"), line("A", name="other"))

    for batch in (1_000, 1):
        summary = await load(services, brand, file, batch=batch)
        assert (summary.read, summary.quarantined) == (4, 1)
        assert summary.problems[0].code == "intake.double_key"
    assert await rows(services, brand, "SELECT name FROM stores_shop WHERE code = 'A'") == [("A店",)]


async def test_a_quarantined_line_is_corrected_and_replayed(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    file = file_of(tmp_path, line("A", latitude="x"), line("B", latitude="y"))
    await load(services, brand, file)
    async with services.database.unit_of_work(brand.id) as session:
        page = await quarantine.list_quarantine(session, brand_id=brand.id, kind=SHOPS.name)
    second, first = page.items

    async def replay(correction: str) -> str | None:
        async with services.database.connection(brand.id) as tx:
            problem = await quarantine.replay(
                tx, kind=SHOPS, quarantine_id=first.id, corrections={"latitude": correction}
            )
        return problem.code if problem is not None else None

    assert await replay("95") == "intake.invalid_value"
    assert await replay("31.5") is None
    with pytest.raises(AlreadySettled):
        await replay("31.6")
    async with services.database.connection(brand.id) as tx:
        await quarantine.discard(tx, kind=SHOPS.name, quarantine_id=second.id)

    assert await rows(services, brand, "SELECT code, latitude FROM stores_shop") == [("A", 31.5)]
    assert counts(await load(services, brand, file)) == (2, 0, 2, 0)


async def test_a_better_mapping_empties_the_quarantine(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    file = file_of(tmp_path, line("A", time_zone="Asia/Beijing"))
    better = tmp_path / "better.toml"
    text = (MAPPINGS / "demo.toml").read_text().replace('column = "time_zone"', 'constant = "Asia/Shanghai"')
    better.write_text(
        text.replace('constant = "Asia/Shanghai"\ndefault = "Asia/Shanghai"', 'constant = "Asia/Shanghai"')
    )
    await load(services, brand, file)

    await load(services, brand, file, map=better)

    assert await rows(services, brand, "SELECT state FROM intake_quarantine") == [("replayed",)]


async def test_anothers_quarantine_is_unknown(
    services: Services, brand: BrandView, other_brand: BrandView, tmp_path: Path
) -> None:
    await load(services, other_brand, file_of(tmp_path, "broken"))
    [(held,)] = await rows(services, other_brand, "SELECT id FROM intake_quarantine")

    with pytest.raises(NotFound):
        async with services.database.connection(brand.id) as tx:
            await quarantine.replay(tx, kind=SHOPS, quarantine_id=held, corrections={})
    with pytest.raises(NotFound):
        async with services.database.connection(brand.id) as tx:
            await quarantine.discard(tx, kind=SHOPS.name, quarantine_id=held)
    assert await rows(services, other_brand, "SELECT state FROM intake_quarantine") == [("open",)]


def failing(after: int) -> ImportKind[Any]:
    """The shops' import, whose database goes away after some batches."""
    calls = 0

    async def apply(tx: Tx, origin: Origin, records: Any) -> Applied:
        nonlocal calls
        calls += 1
        if calls > after:
            raise asyncpg.InterfaceError("gone")
        return await SHOPS.apply(tx, origin, records)

    return dataclasses.replace(SHOPS, apply=apply)


async def test_an_import_that_failed_goes_on_where_it_stopped(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    file = file_of(tmp_path, *(line(f"S{number:02d}") for number in range(10)), "broken")
    with pytest.raises(asyncpg.InterfaceError):
        await load(services, brand, file, kind=failing(after=2), batch=3)
    assert await rows(services, brand, "SELECT state, records_read FROM intake_run") == [("failed", 6)]

    summary = await load(services, brand, file, batch=3)

    assert summary.is_resumed
    assert counts(summary) == (11, 10, 0, 1)
    assert len(await rows(services, brand, "SELECT 1 FROM stores_shop")) == 10
    assert await rows(services, brand, "SELECT state, applied FROM intake_run") == [("finished", 10)]


async def test_two_processes_with_the_same_file_bring_each_line_in_once(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    file = file_of(tmp_path, *(line(f"S{number:03d}") for number in range(200)))

    outcomes = await asyncio.gather(
        *(load(services, brand, file, batch=20) for _ in range(2)), return_exceptions=True
    )

    assert [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, RunTaken)] == []
    assert await rows(services, brand, "SELECT count(*), max(version) FROM stores_shop") == [(200, 1)]
    assert (await events_of(services, brand)).count("stores.shop_added.v1") == 200


async def test_a_row_that_the_database_refuses_is_found_by_halving(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    async def apply(tx: Tx, origin: Origin, records: Any) -> Applied:
        if any(record.code == "S07" for record in records):
            await tx.execute("SELECT 1 / 0")
        return await SHOPS.apply(tx, origin, records)

    file = file_of(tmp_path, *(line(f"S{number:02d}") for number in range(20)))

    summary = await load(services, brand, file, kind=dataclasses.replace(SHOPS, apply=apply))

    assert counts(summary) == (20, 19, 0, 1)
    assert (summary.problems[0].line, summary.problems[0].code) == (9, "intake.refused_by_database")


async def test_what_cannot_be_used_at_all_is_refused(services: Services, brand: BrandView, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("a,b\n1,2\n")

    with pytest.raises(UnusableFile):
        await load(services, brand, wrong)
    with pytest.raises(UnusableFile):
        await load(services, brand, tmp_path / "absent.csv")
    with pytest.raises(BadMapping):
        await load(services, brand, wrong, map=tmp_path / "absent.toml")
    assert [row[0] for row in await rows(services, brand, "SELECT state FROM intake_run")] == ["failed"]


async def test_the_real_list_of_chinese_shops(services: Services, brand: BrandView) -> None:
    file = starbucks_cn()
    with file.open(newline="", encoding="utf-8") as stream:
        expected = list(csv.DictReader(stream))

    first = await load(services, brand, file, map="starbucks_cn.toml")
    state = await rows(services, brand, SHOP_ROWS)
    second = await load(services, brand, file, map="starbucks_cn.toml")

    assert counts(first) == (len(expected), len(expected), 0, 0) == (2734, 2734, 0, 0)
    assert counts(second) == (2734, 0, 2734, 0)
    assert await rows(services, brand, SHOP_ROWS) == state

    def number(sql: str) -> Any:
        return rows(services, brand, f"SELECT count(*) FROM stores_shop WHERE {sql}")

    shanghai = {"上海市", "shanghai", "Shanghai", "ShangHai"}
    assert await number("city = '上海市'") == [(sum(row["City"] in shanghai for row in expected),)]
    assert await number("postcode = ''") == [(sum(not row["Postcode"].strip() for row in expected),)]
    assert await number("phone = ''") == [(sum(not row["Phone Number"].strip() for row in expected),)]
    assert await number("time_zone = 'Asia/Macau'") == [(sum("Macau" in row["Timezone"] for row in expected),)]
    assert await number("province = '广东省'") == [(sum(row["State/Province"] == "44" for row in expected),)]
    found = await rows(services, brand, "SELECT code, name, latitude, longitude FROM stores_shop ORDER BY code")
    assert found == sorted(
        (row["Store Number"], row["Store Name"].strip(), float(row["Latitude"]), float(row["Longitude"]))
        for row in expected
    )
