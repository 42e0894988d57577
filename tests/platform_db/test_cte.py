"""One statement of many parts."""

import pytest

from tests.courier_room import Noted
from yundian.brands.types import BrandView
from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte
from yundian.platform.db.services import Services
from yundian.platform.outbox import outbox

pytestmark = pytest.mark.anyio

_COUNT = "SELECT count(*) FROM outbox_event WHERE payload ->> 'number' = '4711'"


async def test_parts_of_several_rooms_run_as_one_statement_that_is_poked_for(
    services: Services, brand: BrandView
) -> None:
    async with services.database.connection(brand.id) as tx:
        cte = Cte()
        own = cte.value(brand.id)
        cte.part("chosen", f"SELECT {own}::uuid AS brand_id WHERE {cte.value(7)}::int > 3")
        first = cte.values(outbox.arguments([Noted(number=4711)]))
        cte.part(
            "told", outbox.fragment(brand=own, first=first) + " WHERE EXISTS (SELECT FROM chosen) RETURNING id"
        )
        cte.records_events()
        row = await cte.fetchrow(tx, "SELECT chosen.brand_id, told.id FROM chosen, told")

        assert row is not None
        assert row["brand_id"] == brand.id
        assert tx.is_outbox_dirty
        assert await tx.fetchval(_COUNT) == 1


async def test_a_gate_without_rows_lets_nothing_be_written(services: Services, brand: BrandView) -> None:
    async with services.database.connection(brand.id) as tx:
        cte = Cte()
        own = cte.value(brand.id)
        cte.part("chosen", f"SELECT {own}::uuid AS brand_id WHERE {cte.value(2)}::int > 3")
        first = cte.values(outbox.arguments([Noted(number=4711)]))
        cte.part(
            "told", outbox.fragment(brand=own, first=first) + " WHERE EXISTS (SELECT FROM chosen) RETURNING id"
        )
        row = await cte.fetchrow(tx, "SELECT FROM told")

        assert row is None
        assert await tx.fetchval(_COUNT) == 0


def test_equal_calls_give_equal_text_and_a_name_is_used_once() -> None:
    one, other = Cte(), Cte()
    for cte in (one, other):
        cte.part("a", f"SELECT {cte.value(new_id())}::uuid AS id")

    assert one.text("SELECT id FROM a") == other.text("SELECT id FROM a")
    assert one.arguments != other.arguments
    with pytest.raises(ValueError, match="two parts named a"):
        one.part("a", "SELECT 1")
