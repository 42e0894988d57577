"""The primary key of a table that others refer to is its youngest index (ADR 0003).

Every index begins with ``brand_id``. Before the first ANALYZE the planner holds them for equal under
``brand_id = and id =`` and takes the youngest; PostgreSQL keeps that plan for the checks of foreign keys, so
that the wrong one makes a bulk insert quadratic.
"""

import pytest

from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_REFERRED_TO_WITH_YOUNGER_INDEX = """
SELECT DISTINCT referred.relname
FROM pg_constraint foreign_key
JOIN pg_class referred ON referred.oid = foreign_key.confrelid
JOIN pg_index own ON own.indrelid = referred.oid AND own.indisprimary
JOIN pg_index other ON other.indrelid = referred.oid AND other.indexrelid > own.indexrelid
    -- A partial one serves no check of a foreign key.
    AND other.indpred IS NULL
WHERE foreign_key.contype = 'f' ORDER BY 1
"""


async def test_the_primary_key_of_a_referred_table_is_its_youngest_index(services: Services) -> None:
    async with services.database.connection(None) as tx:
        found = [row["relname"] for row in await tx.fetch(_REFERRED_TO_WITH_YOUNGER_INDEX)]

    assert found == [], "create the primary key last: see the top of this file"
