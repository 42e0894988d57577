"""A brand that came after the last ANALYZE, beside a large one: ADR 0023."""

import asyncpg
import pytest

from tests.conftest import Servers
from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings

pytestmark = pytest.mark.anyio

# How many changed rows of a table of a million it takes until PostgreSQL counts anew by itself.
_UNCOUNTED = """
SELECT c.relname::text,
    (SELECT o.option_value::float8 FROM pg_options_to_table(c.reloptions) o
     WHERE o.option_name = 'autovacuum_analyze_threshold')
    + 1e6 * (SELECT o.option_value::float8 FROM pg_options_to_table(c.reloptions) o
     WHERE o.option_name = 'autovacuum_analyze_scale_factor')
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND c.relname = ANY($1::text[])
"""
GROWING = ("appointments_booking", "groupbuy_seat", "messaging_message", "payments_payment", "reports_fact")


async def test_a_new_brand_is_counted_after_some_thousand_rows(migrated: Settings) -> None:
    owner = await asyncpg.connect(migrated.database_owner_url)
    try:
        uncounted = {row[0]: row[1] for row in await owner.fetch(_UNCOUNTED, list(GROWING))}
    finally:
        await owner.close()

    assert uncounted == dict.fromkeys(GROWING, 12_000)


async def test_whatever_is_planned_for_any_brand_finds_a_new_ones_rows_by_their_key(servers: Servers) -> None:
    """What is planned for one brand alone does once it was counted, and not surely before."""
    urls = servers.postgres.create_database(f"unknown_{new_id().hex[-12:]}")
    owner = await asyncpg.connect(urls.owner)
    try:
        await owner.execute(
            "CREATE TABLE things (brand_id uuid, id uuid, fact uuid, words text, PRIMARY KEY (brand_id, id));"
            " CREATE INDEX ON things (brand_id, fact);"
            " ALTER TABLE things SET (autovacuum_enabled = off)"
        )
        big, new = new_id(), new_id()
        row = "$1, uuidv7(), gen_random_uuid(), repeat('x', 80)"
        fill = f"INSERT INTO things SELECT {row} FROM generate_series(1, $2)"
        await owner.execute(fill, big, 20_000)
        await owner.execute("ANALYZE things")
        await owner.execute(fill, new, 5_000)
        await owner.execute("PREPARE asked (uuid, uuid) AS SELECT * FROM things WHERE brand_id = $1 AND fact = $2")

        async def reads(mode: str, brand: object) -> int:
            await owner.execute(f"SET plan_cache_mode = {mode}")
            plan = await owner.fetch(f"EXPLAIN (ANALYZE, BUFFERS) EXECUTE asked ('{brand}', '{new_id()}')")
            removed = [row[0] for row in plan if "Rows Removed by Filter" in row[0]]
            return int(removed[0].rpartition(" ")[2]) if removed else 0

        anybody = [await reads("force_generic_plan", brand) for brand in (big, new)]
        await owner.execute("ANALYZE things")
        counted = await reads("force_custom_plan", new)
    finally:
        await owner.close()
        servers.postgres.drop_database(urls.owner.rpartition("/")[2].partition("?")[0])

    assert (anybody, counted) == ([0, 0], 0)
