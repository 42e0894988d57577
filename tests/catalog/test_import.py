import html
import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.catalog.makers import events_of
from yundian.brands.types import BrandView
from yundian.catalog.service import editing as service
from yundian.catalog.service.imports import PRODUCTS
from yundian.catalog.types import ProductFilter, ProductSummary
from yundian.platform.db.services import Services
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.service import run_import
from yundian.platform.intake.types import RunSummary

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
MAPPINGS = ROOT / "src/yundian/catalog/mappings"
HEADER = (
    "product_code,name,product_line,category,product_type,description,tags,status,"
    "sku_code,shade_name,shade_hex,option,barcode,position,price,currency"
)
LIP = "LIP,云雾唇釉,云系,lips,lip_gloss,,new|matte,on_sale,LIP-A,枫叶红,#A03020,3 g,,0,129.00,"


def _write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join((HEADER, *lines)) + "\n")
    return path


async def _import(services: Services, brand: BrandView, file: Path, mapping: str = "sku_list") -> RunSummary:
    return await run_import(
        services.database,
        brand=brand.id,
        kind=PRODUCTS,
        file=file,
        mapping=mappings.load(MAPPINGS / f"{mapping}.toml"),
    )


async def _all(services: Services, brand: BrandView) -> list[ProductSummary]:
    found: list[ProductSummary] = []
    cursor = None
    while True:
        async with services.database.unit_of_work(brand.id) as session:
            page = await service.list_products(session, wanted=ProductFilter(), cursor=cursor, limit=200)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return found


async def _snapshot(services: Services, brand: BrandView) -> list[tuple[Any, ...]]:
    """Every catalogue row of the brand, versions and times included."""
    rows: list[tuple[Any, ...]] = []
    async with services.database.connection(brand.id) as tx:
        for table in ("catalog_product", "catalog_product_tag", "catalog_product_term", "catalog_sku"):
            rows += [tuple(row) for row in await tx.fetch(f"SELECT * FROM {table} ORDER BY id")]
    return rows


async def test_lines_of_one_product_become_one_product_with_its_skus(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    second = LIP.replace("LIP-A,枫叶红,#A03020,3 g,,0,129.00", "LIP-B,樱花粉,#f0a0b0,3 g,6901234567892,1,139.5")

    summary = await _import(services, brand, _write(tmp_path / "list.csv", LIP, second))

    assert (summary.read, summary.applied, summary.quarantined) == (2, 2, 0)
    (product,) = await _all(services, brand)
    assert (product.name, product.sku_count) == ("云雾唇釉", 2)
    assert (product.price_from_minor, product.price_to_minor, product.currency) == (12_900, 13_950, "CNY")
    assert product.swatches == ("#a03020", "#f0a0b0")
    async with services.database.unit_of_work(brand.id) as session:
        view = await service.get_product(session, product_id=product.id)
        found = await service.list_products(session, wanted=ProductFilter(search="樱花"))
    assert view.tags == ("matte", "new")
    assert [item.code for item in found.items] == ["LIP"]
    assert await events_of(services, brand) == ["catalog.product_put_on_sale.v1"]


async def test_broken_lines_are_quarantined_with_a_reason_and_the_rest_goes_in(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    lines = (
        LIP,
        LIP.replace("LIP-A", "LIP-B").replace("129.00", ""),
        LIP.replace("LIP-A", "LIP-C").replace("129.00", "0.00"),
        LIP.replace("LIP-A", "LIP-D").replace("129.00", "12.345"),
        LIP.replace("LIP-A", "LIP-E").replace("#A03020", "rouge"),
        LIP.replace("LIP-A", "LIP-F").replace("3 g,,", "3 g,6901234567890,"),
        LIP.replace("LIP-A", "LIP-G").replace("云雾唇釉", "Another name"),
        LIP.replace("LIP-A", "LIP-H").replace("129.00,", "129.00,QQQ"),
    )

    summary = await _import(services, brand, _write(tmp_path / "list.csv", *lines))

    assert (summary.read, summary.applied, summary.quarantined) == (8, 1, 7)
    reasons = {problem.line: problem.code for problem in summary.problems}
    assert reasons.pop(5).startswith("intake.")
    assert reasons == {
        3: "catalog.no_usable_price",
        4: "catalog.no_usable_price",
        6: "catalog.bad_shade_hex",
        7: "catalog.bad_barcode",
        8: "catalog.product_contradicts",
        9: "catalog.bad_currency",
    }
    assert [product.sku_count for product in await _all(services, brand)] == [1]


async def test_a_new_price_list_changes_prices_and_tells_so(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    await _import(services, brand, _write(tmp_path / "first.csv", LIP))

    summary = await _import(services, brand, _write(tmp_path / "second.csv", LIP.replace("129.00", "99.00")))

    assert (summary.applied, summary.unchanged) == (1, 0)
    assert [product.price_from_minor for product in await _all(services, brand)] == [9_900]
    assert await events_of(services, brand) == ["catalog.product_put_on_sale.v1", "catalog.price_changed.v1"]


async def test_a_list_imported_twice_leaves_the_same_state(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    file = _write(tmp_path / "list.csv", LIP)
    await _import(services, brand, file)
    before = await _snapshot(services, brand)

    again = await _import(services, brand, file)

    assert (again.read, again.applied, again.unchanged) == (1, 0, 1)
    assert await _snapshot(services, brand) == before


async def test_a_sku_does_not_move_to_another_product(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    await _import(services, brand, _write(tmp_path / "first.csv", LIP))
    moved = LIP.replace("LIP,云雾唇釉", "OTHER,别的")

    summary = await _import(services, brand, _write(tmp_path / "second.csv", moved))

    assert [problem.code for problem in summary.problems] == ["catalog.sku_code_taken"]
    assert [product.code for product in await _all(services, brand)] == ["LIP"]


async def test_two_brands_import_the_same_list_side_by_side(
    services: Services, brand: BrandView, other_brand: BrandView, tmp_path: Path
) -> None:
    file = _write(tmp_path / "list.csv", LIP)

    for owner in (brand, other_brand):
        await _import(services, owner, file)

    assert [len(await _all(services, owner)) for owner in (brand, other_brand)] == [1, 1]


def _shared(name: str) -> Path:
    folder = Path(os.environ.get("YUNDIAN_SHARED_DATA", ROOT.parent / "shared/data"))
    if not (folder / name).exists():
        pytest.skip(f"the public data set {name} is not on this machine (YUNDIAN_SHARED_DATA)")
    return folder / name


async def test_the_public_makeup_list_comes_in_whole_and_twice_is_the_same(
    services: Services, brand: BrandView
) -> None:
    file = _shared("makeup_api/makeup.json")
    source = json.loads(file.read_text())
    priced = [p for p in source if p["price"] not in (None, "", "0.0")]
    skus = sum(
        len({((c["hex_value"] or "").strip().lower(), _plain(c["colour_name"])) for c in p["product_colors"]}) or 1
        for p in priced
    )

    summary = await _import(services, brand, file, "makeup_api")

    assert (summary.read, summary.applied) == (len(source), len(priced))
    assert summary.quarantined == len(source) - len(priced) == 54
    assert {problem.code for problem in summary.problems} == {"catalog.no_usable_price"}
    products = await _all(services, brand)
    assert {p.code: p.name for p in products} == {str(p["id"]): _plain(p["name"]) for p in priced}
    assert sum(p.sku_count for p in products) == skus
    cents = {str(p["id"]): (round(float(p["price"]) * 100), p["currency"] or "USD") for p in priced}
    assert {p.code: (p.price_from_minor, p.currency) for p in products} == cents
    assert [p for p in products if p.price_from_minor != p.price_to_minor] == []

    before = await _snapshot(services, brand)
    again = await _import(services, brand, file, "makeup_api")
    assert (again.applied, again.unchanged, again.quarantined) == (0, len(priced), 54)
    assert await _snapshot(services, brand) == before


def _plain(text: str | None) -> str:
    return " ".join(html.unescape(text or "").split())
