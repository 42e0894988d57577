"""Values at the ends of their kinds, where converting fails: years 1 and 9999, long digits, what is no number."""

import uuid
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from litestar import Litestar

from tests.architecture.matrix.cells import Actor, World
from tests.architecture.matrix.rows import ROWS
from tests.architecture.matrix.world import make_caller
from tests.helpers import make_client
from yundian.platform.db.paging import encode_cursor

pytestmark = pytest.mark.anyio

FIRST, LAST = "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"
LONG = "9" * 5_000
SOME = str(uuid.UUID(int=7))


def cursor(*key: object) -> str:
    return quote(encode_cursor(key))


# The row of the matrix that is right, and what is changed in it: a part of its address, or its fields.
QUERIES = [
    ("orders.orders", "from=0001-01-01"),
    ("orders.orders", "to=9999-12-31"),
    ("messaging.messages", "since=0001-01-01"),
    ("messaging.messages", "until=9999-12-31"),
    *(
        ("orders_list_orders", f"{name}={quote(value)}")
        for name in ("placed_from", "placed_before")
        for value in (FIRST, LAST, "2026-11-22T00:00:00", "0001-01-01")
    ),
    *(
        ("orders_list_orders", f"cursor={cursor(value, SOME)}")
        for value in (FIRST, LAST, "2026-11-22T00:00:00", "0001-01-01T00:00:00Z")
    ),
    *(
        ("reports.documents", f"cursor={cursor(*key)}")
        for key in (("0001-01-01", SOME, "x"), ("9999-12-31", SOME, ""))
    ),
    ("groupbuy_list_campaigns", f"cursor={cursor(SOME)}"),
    ("members.members", f"cursor={cursor(FIRST, SOME)}"),
    ("members.members", f"cursor={cursor(SOME)}"),
]
FIELDS: list[tuple[str, dict[str, Any]]] = [
    ("orders_refund_order", {"pieces": {LONG: 1}, "amount_minor": None}),
    ("orders_refund_order", {"pieces": {"²": 1, "١": 1}, "amount_minor": None}),
    ("orders.order.refund", {"what": "pieces", "pieces": LONG}),
    ("orders.order.refund", {"what": "pieces", "pieces": "²"}),
    *(("groupbuy_create_campaign", {name: value}) for name in ("starts_at", "ends_at") for value in (FIRST, LAST)),
    ("groupbuy_create_campaign", {"starts_at": FIRST, "ends_at": LAST}),
    ("groupbuy_create_campaign", {"short_fill_size": 2**63}),
    *(
        (name, {"version": value})
        for name in ("groupbuy.campaign.save", "groupbuy.campaign.publish", "groupbuy.campaign.close")
        for value in ("²", LONG, "-1", "٣")
    ),
    *(
        ("groupbuy.campaign.save", {name: value})
        for name, value in (
            ("price", "1e999999"),
            ("price", "sNaN"),
            ("price", LONG),
            ("quota", LONG),
            ("quota", "²"),
            ("group_hours", "nan"),
            ("group_hours", "1e-320"),
            ("starts_at", "0001-01-01T00:00"),
            ("ends_at", "9999-12-31T23:59+00:00"),
            ("short_fill_size", LONG),
        )
    ),
]


@pytest.fixture
async def client(app: Litestar) -> Any:
    async with make_client(app) as client:
        yield client


async def test_values_at_the_ends_of_their_kinds_are_refused_or_taken(
    client: httpx.AsyncClient, world: World
) -> None:
    caller = await make_caller(world, Actor.HQ_ADMIN, own_account=True)
    wrong = []
    for name, query in QUERIES:
        call = await ROWS[name].call(world, caller)
        client.cookies.clear()
        answer = await client.get(f"{call.path.partition('?')[0]}?{query}", headers=caller.headers)
        wrong += [(name, query[:80], answer.text[:80])] if answer.status_code >= 500 else []
    for name, changes in FIELDS:
        call = await ROWS[name].call(world, caller)
        body = (
            {"json": {**call.json, **changes}}
            if call.json is not None
            else {"data": {**(call.form or {}), **changes}}
        )
        headers = {**caller.headers, "Accept": "text/html"} if ROWS[name].is_page else caller.headers
        client.cookies.clear()
        answer = await client.request(call.method, call.path, headers=headers, **body)
        wrong += [(name, str(changes)[:80], answer.text[:80])] if answer.status_code >= 500 else []
    assert wrong == []
