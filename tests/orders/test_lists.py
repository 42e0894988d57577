"""Lists of orders: one statement a page, served by its index under the row policies, each order once."""

import json
from typing import Any

import asyncpg
import pytest

from tests.orders.makers import Desk, new_order
from yundian.orders import api
from yundian.orders.repository import reading
from yundian.orders.service import lists
from yundian.orders.states import OrderState
from yundian.orders.types import OrderFilter
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.counting import counted
from yundian.platform.db.database import Tx, operator_unit_of_work
from yundian.platform.db.paging import Page

pytestmark = pytest.mark.anyio

COUNT = 6_000
# Every twentieth is of the desk's customer and shop; of ten of these one is unpaid, one waits, two are ready.
_MANY = """
WITH placed AS (
    INSERT INTO orders_order (brand_id, id, created_at, number, channel, external_shop, external_id, source_state,
        origin_type, member_id, state, close_reason, attributed_shop_id, fulfil_shop_id, campaign_id,
        stock_reference, currency, goods_minor, discount_minor, shipping_minor, total_minor, paid_minor,
        refunded_minor, placed_at, handed_over_at, closed_at, note)
    SELECT $1, gen_random_uuid(), now(), 'N-' || n, 'groupbuy', '', '', '', '',
        CASE WHEN n % 20 = 0 THEN $2::uuid END, s.state, '', s.shop, s.shop, CASE WHEN n % 3 = 0 THEN $4::uuid END,
        '', 'CNY', 100, 0, 0, 100, 0, 0, now() - n / 3 * interval '1 minute',
        CASE WHEN s.state = 'collected' THEN now() - n * interval '7 seconds' END,
        CASE WHEN s.state = 'closed' THEN now() END, ''
    FROM generate_series(1, $6::int) AS n, LATERAL (SELECT
        (ARRAY['created', 'waiting', 'ready', 'ready', 'collected', 'collected', 'collected', 'closed', 'closed',
            'closed'])[n / 20 % 10 + 1] AS state,
        CASE WHEN n % 20 = 0 THEN $3::uuid ELSE ($5::uuid[])[n % 50 + 1] END AS shop) AS s
    RETURNING id
)
INSERT INTO orders_line (brand_id, order_id, line_no, sku_code, name, shade_name, quantity, currency, unit_minor,
    discount_minor, total_minor, refunded_minor, refunded_quantity)
SELECT $1, id, n, 'LIP', '唇釉', '', 1, 'CNY', 50, 0, 50, 0, 0 FROM placed, generate_series(1, 2) AS n
"""
# A few that are cancelled, and a few that the desk's shop did not sell: it hands them over, or is their home.
_FEW = """
UPDATE orders_order SET
    state = CASE WHEN number = ANY($3::text[]) THEN 'cancelled' ELSE state END,
    closed_at = CASE WHEN number = ANY($3::text[]) THEN now() ELSE closed_at END,
    fulfil_shop_id = CASE WHEN number = ANY($4::text[]) THEN $2::uuid ELSE fulfil_shop_id END,
    home_shop_id = CASE WHEN number = ANY($5::text[]) THEN $2::uuid ELSE home_shop_id END
WHERE brand_id = $1 AND number = ANY($3::text[] || $4::text[] || $5::text[])
"""
CANCELLED, HANDED_BY_US = ["N-21", "N-501", "N-5901"], ["N-141", "N-5741"]
OUR_PEOPLE = ["N-181", "N-501", "N-5701"]


@pytest.fixture
async def busy(desk: Desk) -> Desk:
    """A brand with more orders than anybody wants to read whole."""
    campaign = new_id()
    async with desk.services.database.connection(desk.brand.id) as tx:
        shops = [new_id() for _ in range(50)]
        await tx.execute(_MANY, desk.brand.id, desk.customer.id, desk.shop.id, campaign, shops, COUNT)
        await tx.execute(_FEW, desk.brand.id, desk.shop.id, CANCELLED, HANDED_BY_US, OUR_PEOPLE)
    async with operator_unit_of_work(desk.services.settings, None) as session:
        await (await session.connection()).exec_driver_sql("ANALYZE orders_order, orders_line")
    return desk


async def plan(tx: Tx, sql: str, *args: object) -> list[dict[str, Any]]:
    """Every node of the plan that PostgreSQL chooses for the application's role."""
    todo = [json.loads(await tx.fetchval(f"EXPLAIN (FORMAT JSON) {sql}", *args))[0]["Plan"]]
    nodes = []
    while todo:
        nodes.append(node := todo.pop())
        todo += node.get("Plans", [])
    return nodes


class _Explained(Tx):
    """Keeps the plan of what is fetched."""

    nodes: list[dict[str, Any]]

    async def fetch(self, sql: str, *args: object) -> list[asyncpg.Record]:
        self.nodes = await plan(self, sql, *args)
        return []


async def test_each_list_is_one_statement_by_its_own_index(busy: Desk) -> None:
    brand, first = busy.brand.id, reading.FIRST
    async with busy.services.database.connection(brand) as tx:
        for sql, args, index in (
            (reading.OF_MEMBER, (busy.customer.id, *first, 21), "ix_orders_order_member"),
            (reading.OPEN_AT_SHOP, (busy.shop.id, *first, 21, ["ready"]), "ix_orders_order_open_at_shop"),
            (reading.HANDED_OVER_AT_SHOP, (busy.shop.id, *first, 21), "ix_orders_order_handed_over"),
        ):
            nodes = await plan(tx, sql, brand, *args)
            assert {node.get("Index Name") for node in nodes} - {None} == {index, "pk_orders_line"}
            assert not [node for node in nodes if node["Node Type"] in ("Seq Scan", "Sort")]
        with counted() as statements:
            await api.list_of_member(tx, member_id=busy.customer.id)
            await api.list_of_shop(tx, shop_id=busy.shop.id, states=[OrderState.READY])
            await lists.handed_over_by_shop(tx, shop_id=busy.shop.id, cursor=None, limit=50)
            await lists.find_orders(tx, wanted=OrderFilter(), cursor=None, limit=50)
            await lists.open_counts(tx, shop_ids=[busy.shop.id])
        assert len(statements) == 5
        nodes = await plan(tx, statements[3].replace("$4", "51"), brand, *first)
        assert {node.get("Index Name") for node in nodes} >= {"ix_orders_order_brand_id_placed_at_id"}

    # Few among many: each has an index that knows them.
    shop = busy.shop.id
    for wanted, known in (
        (OrderFilter(states=frozenset({OrderState.CANCELLED})), {"cancelled"}),
        (OrderFilter(shop_id=shop), {"attributed", "fulfilled_elsewhere", "home_elsewhere"}),
        (OrderFilter(shop_ids=frozenset({shop})), {"attributed", "fulfilled_elsewhere"}),
        (OrderFilter(channel="pos:none"), {"channel"}),
    ):
        async with busy.services.database.connection(busy.brand.id) as tx:
            explained = _Explained(tx.conn, tx.brand)
            await reading.found(explained, wanted=wanted, limit=51)
        indexes = {node["Index Name"] for node in explained.nodes if "Index Name" in node}
        assert indexes - {"pk_orders_line"} == {f"ix_orders_order_{name}" for name in known}
        assert not [node for node in explained.nodes if node["Node Type"] == "Seq Scan"]


async def test_pages_show_every_order_once_newest_first_and_filters_hold_together(busy: Desk) -> None:
    async with busy.services.database.connection(busy.brand.id) as tx:
        seen = [
            order
            async for page in _pages(
                lambda at: api.list_of_member(tx, member_id=busy.customer.id, cursor=at, limit=70)
            )
            for order in page.items
        ]
        assert len({order.id for order in seen}) == len(seen) == COUNT // 20
        keys = [(order.placed_at, order.id) for order in seen]
        assert keys == sorted(keys, reverse=True)
        assert all([line.line_no for line in order.lines] == [1, 2] for order in seen)

        done = [
            order
            async for page in _pages(
                lambda at: lists.handed_over_by_shop(tx, shop_id=busy.shop.id, cursor=at, limit=40)
            )
            for order in page.items
        ]
        assert {order.state for order in done} == {OrderState.COLLECTED}
        at = [order.handed_over_at for order in done if order.handed_over_at]
        assert len(at) == len(set(at)) == COUNT // 20 * 3 // 10
        assert at == sorted(at, reverse=True)
        counts = await lists.open_counts(tx, shop_ids=[busy.shop.id])
    assert counts == {busy.shop.id: {"ready": 60, "waiting": 30}}

    async with busy.services.database.connection(busy.brand.id) as tx:

        async def count(**wanted: Any) -> int:
            pages = _pages(lambda at: lists.find_orders(tx, wanted=OrderFilter(**wanted), cursor=at, limit=200))
            return sum([len(page.items) async for page in pages])

        shop, ready = busy.shop.id, frozenset({OrderState.READY})
        assert await count() == COUNT
        ours = COUNT // 20 + len(HANDED_BY_US)
        assert await count(shop_ids=frozenset({shop})) == ours
        assert await count(shop_id=shop) == ours + len(OUR_PEOPLE)
        assert await count(shop_id=shop, shop_ids=frozenset({shop})) == ours
        cancelled = frozenset({OrderState.CANCELLED})
        assert await count(states=cancelled) == await count(states=cancelled, channel="groupbuy") == 3
        assert await count(states=cancelled, shop_id=shop) == 1
        assert await count(states=cancelled, shop_ids=frozenset({shop})) == 0
        over = frozenset({OrderState.CLOSED, OrderState.CANCELLED})
        closed = await count(states=frozenset({OrderState.CLOSED}))
        assert await count(states=over) == closed + 3
        assert await count(shop_id=shop, states=ready) == 60
        assert await count(member_id=busy.customer.id, states=ready) == 60
        assert await count(shop_ids=frozenset()) == 0
        assert await count(number="N-40") == 1
        assert await count(channel="pos:none") == 0
        middle = clock.now()
        assert await count(placed_before=middle) == COUNT
        assert await count(placed_from=middle) == 0


async def test_paying_and_releasing_rewrites_no_index_entry(desk: Desk) -> None:
    order = new_order(member_id=desk.customer.id, fulfil_shop_id=desk.shop.id)
    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.place(tx, order=order)
    async with desk.services.database.connection(desk.brand.id) as tx:
        before = await tx.fetchval("SELECT ctid::text FROM orders_order WHERE id = $1", order.id)
        await tx.execute("UPDATE orders_order SET state = 'paid', paid_at = now() WHERE id = $1", order.id)
        await tx.execute("UPDATE orders_order SET state = 'ready', released_at = now() WHERE id = $1", order.id)
        hot = await tx.fetchval("SELECT pg_stat_get_xact_tuples_hot_updated('orders_order'::regclass)")
        after = await tx.fetchval("SELECT ctid::text FROM orders_order WHERE id = $1", order.id)
    assert before != after
    assert hot == 2


async def _pages(read: Any) -> Any:
    cursor: str | None = None
    while True:
        page: Page[Any] = await read(cursor)
        yield page
        cursor = page.next_cursor
        if cursor is None:
            return
