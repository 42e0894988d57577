import json
from typing import Any

import pytest

from tests import factories
from yundian.brands.types import BrandView
from yundian.catalog.service import editing
from yundian.catalog.service.imports import apply
from yundian.catalog.types import ProductFilter, ProductRecord
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.db.counting import counted
from yundian.platform.db.database import Tx, operator_unit_of_work
from yundian.platform.db.services import Services
from yundian.platform.intake.types import Origin

pytestmark = pytest.mark.anyio

PRODUCTS = 2_000
FIELDS = frozenset({"code", "name", "category", "price_minor", "sku_code"})
SHADES = "枫糖山茶莓果烟熏玫瑰暮色砖红柿子奶咖乌梅樱粉正红荔枝蜜桃树莓红茶葡萄琥珀透明西柚"


@pytest.fixture(scope="module")
async def large(services: Services) -> BrandView:
    """A brand with a catalogue that is not worth reading whole."""
    brand = await factories.make_brand(services.settings)
    records = [
        ProductRecord(
            code=f"P{number:05d}",
            name=f"{SHADES[number % 36 :]}{SHADES[: number % 36]}{number}号",
            category=f"c{number % 40}",
            price_minor=100,
        )
        for number in range(PRODUCTS)
    ]
    origin = Origin(run_id=new_id(), mapping="test", fields=FIELDS)
    async with services.database.connection(brand.id) as tx:
        await apply(tx, origin, records)
    async with operator_unit_of_work(services.settings, None) as session:
        connection = await session.connection()
        for table in ("catalog_product", "catalog_product_term"):
            await connection.exec_driver_sql(f"ANALYZE {table}")
    return brand


async def _plan(tx: Tx, sql: str) -> list[dict[str, Any]]:
    """Every node of the plan that PostgreSQL chooses for the connected role."""
    top = json.loads(await tx.fetchval(f"EXPLAIN (FORMAT JSON) {sql}"))[0]["Plan"]
    nodes, todo = [], [top]
    while todo:
        node = todo.pop()
        nodes.append(node)
        todo += node.get("Plans", [])
    return nodes


async def test_a_search_reads_an_index_range_and_not_the_brand(services: Services, large: BrandView) -> None:
    async with services.database.unit_of_work(large.id) as session:
        with counted() as statements:
            found = await editing.list_products(session, wanted=ProductFilter(search="1234"))
    sql = statements[0]
    for value in ("1234", "1234\U0010ffff"):
        sql = _fill_next(sql, f"'{value}'", kind="VARCHAR")
    sql = _fill_next(sql, "51", kind="INTEGER")

    async with services.database.connection(large.id) as tx:
        nodes = await _plan(tx, sql)

    assert [product.code for product in found.items] == ["P01234"]
    terms = [node for node in nodes if node.get("Relation Name") == "catalog_product_term"]
    assert [node.get("Index Name") for node in terms] == ["uq_catalog_product_term_brand_id_term_product_id"]
    assert all(part in terms[0]["Index Cond"] for part in ("term >=", "term <"))
    assert [node["Node Type"] for node in nodes if "Seq Scan" in node["Node Type"]] == []


def _fill_next(sql: str, value: str, *, kind: str) -> str:
    """Put a value in the place of the next parameter, as the driver's prepared statement would."""
    start = sql.index("$")
    end = start + len(sql[start:].split("::", 1)[0])
    assert sql[end:].startswith(f"::{kind}"), sql[start:]
    return sql[:start] + value + sql[end:]


async def test_a_filtered_list_comes_in_order_from_its_index(services: Services, large: BrandView) -> None:
    async with services.database.connection(large.id) as tx:
        nodes = await _plan(tx, "SELECT * FROM catalog_product WHERE category = 'c7' ORDER BY code LIMIT 51")

    assert [node.get("Index Name") for node in nodes if "Index Name" in node] == [
        "ix_catalog_product_brand_id_category_code"
    ]
    assert not any("Sort" in node["Node Type"] for node in nodes)


@pytest.mark.parametrize("table", ["catalog_product", "catalog_sku"])
async def test_the_primary_key_is_the_youngest_index_of_what_foreign_keys_point_to(
    migrated: Settings, table: str
) -> None:
    """Before the first ANALYZE the planner takes the youngest of equals, for every check of a foreign key."""
    async with operator_unit_of_work(migrated, None) as session:
        connection = await session.connection()
        rows = await connection.exec_driver_sql(
            "SELECT i.indexrelid::regclass::text FROM pg_index i WHERE indrelid = $1::text::regclass"
            " ORDER BY i.indexrelid DESC LIMIT 1",
            (table,),
        )
        youngest = rows.scalar_one()

    assert youngest == f"pk_{table}"
