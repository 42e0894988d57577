"""What is done every few minutes for ever reads what is due, never all that a brand has."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import running_servers
from tests.factories import make_brand
from yundian.app.house import HOUSE
from yundian.app.rooms import rooms
from yundian.platform.core.settings import Settings
from yundian.platform.db import migrate
from yundian.platform.db.services import Services, open_services
from yundian.platform.jobs.declare import Cron

pytestmark = pytest.mark.anyio

CRONS: dict[str, Cron] = {one.name: one for one in chain.from_iterable(room.crons for room in (HOUSE, *rooms()))}
# A row or a few of a brand, and what leads to brands.
SMALL = {
    "brand", "brand_policy", "directory", "members_wechat_app", "messaging_policy", "messaging_template",
    "payments_account",
}  # fmt: skip
_READS = re.compile(r"\s*(WITH|SELECT|INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)
_TABLE = re.compile(r"\b(FROM|UPDATE|INTO)\s+(?!pg_)\w+", re.IGNORECASE)
_ALL_OF_A_BRAND = re.compile(r"\(*brand_id = [^()]*\)*")
_NUMBER = re.compile(r"\$(\d+)")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every statement that is sent while the test runs."""
    found: list[str] = []
    connection: Any = asyncpg.Connection
    execute, prepare = connection._execute, connection._prepare

    async def executed(self: Any, query: str, *args: Any, **options: Any) -> Any:
        found.append(query)
        return await execute(self, query, *args, **options)

    async def prepared(self: Any, query: str, **options: Any) -> Any:
        found.append(query)
        return await prepare(self, query, **options)

    monkeypatch.setattr(connection, "_execute", executed)
    monkeypatch.setattr(connection, "_prepare", prepared)
    return found


@pytest.fixture(scope="module")
async def house(migrated: Settings, scratch: Path) -> AsyncIterator[Services]:
    """A database without the rows and statistics of all other tests: plans follow them."""
    folder = scratch / "crons"
    folder.mkdir(mode=0o711)
    with running_servers(folder) as started:
        urls = {name: getattr(started, name) for name in ("database_url", "database_owner_url", "redis_url")}
        settings = migrated.model_copy(update=urls)
        await asyncio.to_thread(lambda: asyncio.run(migrate.upgrade(settings)))
        async with open_services(settings) as services:
            await make_brand(settings)
            yield services


@pytest.fixture
async def planner(house: Services) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    """Plans for any values, of tables so large that an index is used if there is one."""
    connection = await asyncpg.connect(house.settings.database_owner_url, statement_cache_size=0)
    await connection.execute("SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan")
    yield connection
    await connection.close()


@pytest.mark.parametrize("name", sorted(CRONS))
async def test_it_reads_by_an_index_of_what_is_due(
    name: str,
    house: Services,
    said: list[str],
    planner: "asyncpg.Connection[asyncpg.Record]",
) -> None:
    one = CRONS[name]
    await one.run(house.database)
    if one.end is not None:
        await one.end()
    statements = sorted({query for query in said if _READS.match(query) and _TABLE.search(query)})

    wrong = [f"{line}\n    in {query[:200]}" for query in statements for line in await scans(planner, query)]

    assert wrong == []


async def scans(planner: "asyncpg.Connection[asyncpg.Record]", query: str) -> list[str]:
    """Tables that the statement reads whole, or all of a brand's rows of them."""
    count = max((int(number) for number in _NUMBER.findall(query)), default=0)
    await planner.execute(f"PREPARE asked AS {query}")
    given = f"({', '.join(['NULL'] * count)})" if count else ""
    plan = await planner.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE asked{given}")
    await planner.execute("DEALLOCATE asked")
    of_table = {
        row["index"]: row["table"]
        for row in await planner.fetch(
            'SELECT indexrelid::regclass::text AS index, indrelid::regclass::text AS "table" FROM pg_index'
            " WHERE indpred IS NULL"
        )
    }
    return list(walked(json.loads(plan)[0]["Plan"], of_table))


def walked(
    node: dict[str, Any], of_table: dict[str, str], *, is_joined: bool = False, is_first: bool = False
) -> Iterator[str]:
    """What the plan's nodes read.

    Not what is joined: tables are empty here, and how that is done says nothing; nor the first few in an index's
    own order. An index of some rows only holds what is due.
    """
    kind = node["Node Type"]
    place = node.get("Parent Relationship")
    is_own = place == "InitPlan" or kind == "Subquery Scan"
    is_joined = "Join" in kind or kind == "Nested Loop" or place == "SubPlan" or (is_joined and not is_own)
    if kind == "Seq Scan" and node["Relation Name"] not in SMALL:
        yield f"{node['Relation Name']} is read whole"
    table = of_table.get(node.get("Index Name", ""), "")
    is_all = _ALL_OF_A_BRAND.fullmatch(node.get("Index Cond", "")) is not None and not is_joined
    if is_all and table and table not in SMALL and not (is_first and "Filter" not in node):
        yield f"{table} is read for a whole brand, then {node.get('Filter')}"
    for one in node.get("Plans", []):
        yield from walked(one, of_table, is_joined=is_joined, is_first=kind in ("Limit", "LockRows"))
