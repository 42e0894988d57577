"""Two brands, two shops, the people of the matrix, and a way to see whether anything changed."""

import uuid

import asyncpg

from tests.architecture.matrix.cells import Actor, Caller, World
from tests.members.makers import make_customer
from tests.people import Person, give_session, make_person
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.auth import api_keys
from yundian.platform.auth.sign_in import sign_out
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

_ROLES = {
    Actor.REVOKED: Role.HQ_ADMIN,
    Actor.HQ_ADMIN: Role.HQ_ADMIN,
    Actor.HQ_ANALYST: Role.HQ_ANALYST,
    Actor.OWNER: Role.SHOP_OWNER,
    Actor.STAFF: Role.SHOP_STAFF,
    Actor.OTHER_OWNER: Role.SHOP_OWNER,
    Actor.OTHER_STAFF: Role.SHOP_STAFF,
    Actor.OTHER_BRAND: Role.HQ_ADMIN,
}
_OTHER = (Actor.OTHER_OWNER, Actor.OTHER_STAFF)

# What reading may change: the time of a key's last use.
_CHANGES_BY_READING = "last_used_at"


async def make_world(services: Services, brand: BrandView, other_brand: BrandView) -> World:
    shop = await make_shop(services, brand, fields=shop_fields("MATRIX-1"))
    other_shop = await make_shop(services, brand, fields=shop_fields("MATRIX-2"))
    async with services.database.unit_of_work(brand.id) as session:
        key = await api_keys.create_key(
            session, keyring=services.keyring, brand_id=brand.id, name="No scope", scopes=[], actor_id=None
        )
    world = World(services, brand, other_brand, shop.id, other_shop.id, {}, key.key)
    for actor in _ROLES:
        world.people[actor] = await make_account(world, actor)
    return world


async def make_account(world: World, actor: Actor) -> Person:
    """An account with the actor's role."""
    brand_id = world.other_brand.id if actor is Actor.OTHER_BRAND else world.brand.id
    shop_id = world.other_shop_id if actor in _OTHER else world.shop_id
    return await make_person(world.services, brand_id, _ROLES[actor], shop_id=shop_id)


async def make_caller(world: World, actor: Actor, *, own_account: bool) -> Caller:
    """The actor with a fresh session."""
    if actor is Actor.NOBODY:
        return Caller(actor, {})
    if actor is Actor.API_KEY:
        return Caller(actor, {"Authorization": f"Bearer {world.api_key}"})
    if actor is Actor.CUSTOMER:
        customer = await make_customer(world.services, world.brand)
        return Caller(actor, customer.headers, member_id=customer.id)
    person = await make_account(world, actor) if own_account else world.people[actor]
    person = await give_session(world.services, person)
    if actor is Actor.REVOKED:
        await sign_out(world.services.database, token=person.token)
    return Caller(actor, person.headers, person)


async def next_writer(owner: "asyncpg.Connection[asyncpg.Record]") -> str:
    """The number of the next transaction that writes: the same as before if none of the whole cluster wrote."""
    return str(await owner.fetchval("SELECT pg_snapshot_xmax(pg_current_snapshot())::text"))


async def fingerprint(owner: "asyncpg.Connection[asyncpg.Record]", *brands: uuid.UUID) -> dict[str, str]:
    """What every table holds of these brands, read as the owner: how many rows, and a sum over their versions.

    PostgreSQL writes a row anew for every change, even one to the same values: a version is where it lies and the
    transaction that wrote it. Only a table that reading may change is compared by its values.
    """
    names = await owner.fetch(
        "SELECT table_name, bool_or(column_name = $1) AS is_read FROM information_schema.columns"
        " WHERE table_schema = 'public' GROUP BY 1 HAVING bool_or(column_name = 'brand_id') ORDER BY 1",
        _CHANGES_BY_READING,
    )
    by_version = "hashtextextended(ctid::text || xmin::text, 0)"
    by_value = f"hashtextextended((to_jsonb(t) - '{_CHANGES_BY_READING}')::text, 0)"
    one = "SELECT '{0}', count(*) || ' ' || coalesce(sum({1}), 0) FROM {0} t WHERE brand_id = ANY($1)"
    query = " UNION ALL ".join(
        one.format(row["table_name"], by_value if row["is_read"] else by_version) for row in names
    )
    return {str(row[0]): str(row[1]) for row in await owner.fetch(query, list(brands))}
