"""Every operation of the app, called by everybody: who gets in, who must sign in, to whom a thing is unknown.

The operations come from the app's own routes, so that a new one without a row fails; the rows are in ``matrix/``.
"""

import itertools
import re
from collections.abc import AsyncIterator, Iterator
from functools import lru_cache

import asyncpg
import httpx
import pytest
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from tests import factories
from tests.architecture.matrix.cells import Actor, Answer, Call, Caller, Row, World
from tests.architecture.matrix.rows import ROWS
from tests.architecture.matrix.world import fingerprint, make_caller, make_world, next_writer
from tests.helpers import make_client
from yundian.app.asgi import create_app
from yundian.platform.auth.guards import Access, access_guards
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_ROLE_OF = {
    Actor.HQ_ADMIN: Role.HQ_ADMIN,
    Actor.HQ_ANALYST: Role.HQ_ANALYST,
    Actor.OWNER: Role.SHOP_OWNER,
    Actor.STAFF: Role.SHOP_STAFF,
    Actor.OTHER_OWNER: Role.SHOP_OWNER,
    Actor.OTHER_STAFF: Role.SHOP_STAFF,
    Actor.OTHER_BRAND: Role.HQ_ADMIN,
}


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    """Every handler with the name of its row: the operation id, else the page's name, else the path."""
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            # Litestar answers OPTIONS and HEAD by itself, from the handlers beside them.
            if handler.http_methods <= {"OPTIONS", "HEAD"}:
                continue
            page = handler.name if handler.name and "." in handler.name else None
            yield str(handler.operation_id or page or route.path), handler


_ADDRESSES = itertools.cycle(range(1, 255))


@lru_cache
def operations() -> dict[str, HTTPRouteHandler]:
    return dict(handlers(create_app(Settings(environment=Environment.TEST))))


@pytest.fixture(scope="module")
async def world(services: Services) -> World:
    brand, other = [await factories.make_brand(services.settings) for _ in range(2)]
    return await make_world(services, brand, other)


@pytest.fixture(scope="module")
async def owner(services: Services) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
    connection = await asyncpg.connect(services.settings.database_owner_url)
    yield connection
    await connection.close()


@pytest.fixture
async def caller_client(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    """No cookies between the cells: whoever calls says so in a header. Nor one address, which asks too much."""
    async with make_client(app, peer=f"127.0.0.{next(_ADDRESSES)}") as client:
        yield client


def test_every_operation_has_a_row_and_every_row_an_operation() -> None:
    assert sorted(operations()) == sorted(ROWS)


@pytest.mark.parametrize("name", sorted(operations()))
def test_every_operation_has_exactly_one_access_guard(name: str) -> None:
    assert len(access_guards(operations()[name])) == 1


@pytest.mark.parametrize("name", sorted(set(ROWS) & set(operations())))
def test_the_rows_and_the_guards_say_the_same(name: str) -> None:
    """What the guard refuses, the row refuses; what the row allows, the guard allows."""
    (guard,), row = access_guards(operations()[name]), ROWS[name]

    for actor in Actor:
        role = _ROLE_OF.get(actor)
        passes = guard.access is Access.ANYONE or (
            role is not None and (guard.access is Access.SIGNED_IN or role in guard.roles)
        )
        passes |= guard.access is Access.CUSTOMER and actor is Actor.CUSTOMER
        assert passes is (row.expected(actor) in (Answer.OK, Answer.UNKNOWN)), actor


@pytest.mark.parametrize("name", sorted(set(ROWS) & set(operations())))
async def test_everybody_gets_what_the_row_says_and_a_refusal_changes_nothing(
    name: str,
    world: World,
    owner: "asyncpg.Connection[asyncpg.Record]",
    caller_client: httpx.AsyncClient,
) -> None:
    row = ROWS[name]
    refused = [actor for actor in Actor if row.expected(actor) is not Answer.OK]

    cells = await all_prepared(row, refused, world)
    first = await next_writer(owner)
    wrong = await all_tried(row, cells, caller_client)
    # Where no transaction wrote at all, nothing changed; else they are refused once more, under closer watch.
    changed = [] if await next_writer(owner) == first else await changes(row, refused, world, owner, caller_client)
    for actor in sorted(set(Actor) - set(refused)):
        wrong += await all_tried(row, await all_prepared(row, [actor], world), caller_client)

    assert wrong == []
    assert changed == [], "a refused request changed something"


async def test_every_write_is_seen_but_a_key_that_was_used(
    world: World, owner: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    async def changed_by(sql: str) -> list[str]:
        before, first = await fingerprint(owner, world.brand.id), await next_writer(owner)
        await owner.execute(f"{sql} WHERE brand_id = $1", world.brand.id)
        assert await next_writer(owner) != first
        after = await fingerprint(owner, world.brand.id)
        return [table for table, value in after.items() if before[table] != value]

    assert await changed_by("UPDATE auth_api_key SET last_used_at = now()") == []
    assert await changed_by("UPDATE auth_api_key SET name = 'Another'") == ["auth_api_key"]
    # Even to the values that it had.
    assert await changed_by("UPDATE stores_shop SET name = name") == ["stores_shop"]
    assert await changed_by("DELETE FROM auth_audit") == ["auth_audit"]


async def all_prepared(row: Row, actors: list[Actor], world: World) -> list[tuple[Caller, Call]]:
    """Who calls, and what: the same thing for all of them, unless it depends on who calls."""
    callers = [await make_caller(world, actor, own_account=row.own_account) for actor in actors]
    if row.is_same_for_all and callers:
        call = await row.call(world, callers[0])
        return [(caller, call) for caller in callers]
    return [(caller, await row.call(world, caller)) for caller in callers]


async def all_tried(row: Row, cells: list[tuple[Caller, Call]], client: httpx.AsyncClient) -> list[str]:
    return [problem for cell in cells for problem in await tried(row, *cell, client)]


async def changes(
    row: Row,
    refused: list[Actor],
    world: World,
    owner: "asyncpg.Connection[asyncpg.Record]",
    client: httpx.AsyncClient,
) -> list[str]:
    """The tables that look different after these were refused."""
    brands = (world.brand.id, world.other_brand.id)
    cells = await all_prepared(row, refused, world)
    before = await fingerprint(owner, *brands)
    await all_tried(row, cells, client)
    after = await fingerprint(owner, *brands)
    return [table for table, value in after.items() if before[table] != value]


async def tried(row: Row, caller: Caller, call: Call, client: httpx.AsyncClient) -> list[str]:
    """What is wrong with one cell."""
    actor = caller.actor
    client.cookies.clear()
    response = await ask(client, call, {**caller.headers, "Accept": "text/html" if row.is_page else "*/*"})

    expected, got = row.expected_text(actor), answer_of(response)
    problems = [] if got == expected else [f"{actor}: expected {expected}, got {got}: {response.text[:200]}"]
    is_foreign = row.expected(actor) is not Answer.OK or actor is Actor.OTHER_BRAND
    is_told = call.target not in f"{call.path} {call.json} {call.form}" and call.target in response.text
    if call.target and is_foreign and is_told:
        problems.append(f"{actor}: the answer tells of {call.target}")
    return problems


async def ask(client: httpx.AsyncClient, call: Call, headers: dict[str, str]) -> httpx.Response:
    if call.content is not None:
        more = {"Content-Type": call.content_type} if call.content_type else {}
        return await client.request(call.method, call.path, headers=headers | more, content=call.content)
    return await client.request(call.method, call.path, headers=headers, json=call.json, data=call.form)


def answer_of(response: httpx.Response) -> str:
    """The class of an answer; a browser's way to the sign-in page is a 401."""
    if re.match(r"(/m/[^/]+)?/sign-in\?next=", response.headers.get("location", "")):
        return Answer.SIGN_IN.value
    return Answer.OK.value if response.status_code < 400 else str(response.status_code)
