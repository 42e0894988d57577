"""Orders as people look for them: each list is one statement, by keyset, with the lines in the same rows."""

import datetime as dt
import itertools
import uuid
from collections.abc import Mapping, Sequence

from yundian.orders.repository.rows import HISTORY, ORDER, history_of, order_of
from yundian.orders.states import OWN_CHANNELS, OrderState
from yundian.orders.types import HistoryView, OrderFilter, OrderView
from yundian.platform.outbox.door import Door, brand_of, fetch

# The sort key of a list: when it was placed (or handed over), then the id.
Key = tuple[dt.datetime, uuid.UUID]

_LOCK = "SELECT 1 FROM orders_order WHERE brand_id = $1 AND id = ANY($2::uuid[]) ORDER BY id FOR UPDATE"


async def by_ids(door: Door, *, order_ids: Sequence[uuid.UUID], lock: bool = False) -> list[OrderView]:
    """By id; with ``lock`` they stay as they are until the transaction ends."""
    if lock:
        # Before the reading: rows of the same statement would show the lines as they were when it began to wait.
        await fetch(door, _LOCK, brand_of(door), list(order_ids))
    sql = f"SELECT {ORDER} FROM orders_order o WHERE o.brand_id = $1 AND o.id = ANY($2::uuid[]) ORDER BY o.id"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), list(order_ids))
    return [order_of(tuple(row)) for row in rows]


async def by_number(door: Door, *, number: str) -> OrderView | None:
    sql = f"SELECT {ORDER} FROM orders_order o WHERE o.brand_id = $1 AND o.number = $2"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), number)
    return order_of(tuple(rows[0])) if rows else None


async def history(door: Door, *, order_id: uuid.UUID) -> list[HistoryView]:
    """Oldest first."""
    sql = (
        f"SELECT {HISTORY} FROM orders_event e WHERE e.brand_id = $1 AND e.order_id = $2"  # noqa: S608
        " ORDER BY e.at, e.id"
    )
    return [history_of(tuple(row)) for row in await fetch(door, sql, brand_of(door), order_id)]


_NEWEST = "ORDER BY o.placed_at DESC, o.id DESC LIMIT"
OF_MEMBER = f"""
SELECT {ORDER} FROM orders_order o WHERE o.brand_id = $1 AND o.member_id = $2
AND (o.placed_at, o.id) < ($3::timestamptz, $4::uuid) {_NEWEST} $5
"""  # noqa: S608
OPEN_AT_SHOP = f"""
SELECT {ORDER} FROM orders_order o WHERE o.brand_id = $1 AND o.fulfil_shop_id = $2
AND o.handed_over_at IS NULL AND o.closed_at IS NULL AND o.external_id = '' AND o.state = ANY($6::varchar[])
AND (o.placed_at, o.id) < ($3::timestamptz, $4::uuid) {_NEWEST} $5
"""  # noqa: S608
HANDED_OVER_AT_SHOP = f"""
SELECT {ORDER} FROM orders_order o WHERE o.brand_id = $1 AND o.fulfil_shop_id = $2
AND o.handed_over_at IS NOT NULL AND o.external_id = '' AND (o.handed_over_at, o.id) < ($3::timestamptz, $4::uuid)
ORDER BY o.handed_over_at DESC, o.id DESC LIMIT $5
"""  # noqa: S608
# Later than everything: where the first page starts.
FIRST: Key = (dt.datetime(9999, 1, 1, tzinfo=dt.UTC), uuid.UUID(int=2**128 - 1))


async def of_member(door: Door, *, member_id: uuid.UUID, before: Key = FIRST, limit: int) -> list[OrderView]:
    """Newest first."""
    rows = await fetch(door, OF_MEMBER, brand_of(door), member_id, *before, limit)
    return [order_of(tuple(row)) for row in rows]


async def open_at_shop(
    door: Door, *, shop_id: uuid.UUID, states: Sequence[OrderState], before: Key = FIRST, limit: int
) -> list[OrderView]:
    """What a shop still has to do, of these states; newest first."""
    wanted = [state.value for state in states]
    rows = await fetch(door, OPEN_AT_SHOP, brand_of(door), shop_id, *before, limit, wanted)
    return [order_of(tuple(row)) for row in rows]


async def handed_over_at_shop(
    door: Door, *, shop_id: uuid.UUID, before: Key = FIRST, limit: int
) -> list[OrderView]:
    """Handed over, the last one first."""
    rows = await fetch(door, HANDED_OVER_AT_SHOP, brand_of(door), shop_id, *before, limit)
    return [order_of(tuple(row)) for row in rows]


async def found(door: Door, *, wanted: OrderFilter, before: Key = FIRST, limit: int) -> list[OrderView]:
    """Newest first."""
    conditions, values = _conditions(wanted)
    where = f"o.brand_id = $1 AND (o.placed_at, o.id) < ($2::timestamptz, $3::uuid){''.join(conditions)}"
    if wanted.channel and wanted.channel not in OWN_CHANNELS:
        where += " AND o.external_id <> ''"
    roles, parts = _roles(wanted, values), _parts(wanted)
    sql = f"SELECT {ORDER} FROM orders_order o WHERE {where} {_NEWEST} $4"  # noqa: S608
    if roles or parts:
        # One index for each part, in the order of the list.
        each = (_part(where, role, part) for role, part in itertools.product(roles or ("",), parts or ("true",)))
        sql = f"SELECT {ORDER} FROM ({' UNION ALL '.join(each)}) o {_NEWEST} $4"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door), *before, limit, *values)
    return [order_of(tuple(row)) for row in rows]


# No index looks at an order's status (paying and releasing would rewrite it): these look at what goes with it.
_OPEN_HERE = "o.handed_over_at IS NULL AND o.closed_at IS NULL AND o.external_id = ''"
_OPEN_ABROAD = "o.external_id <> '' AND o.completed_at IS NULL AND o.closed_at IS NULL"
_GOES_WITH: Mapping[OrderState, tuple[str, ...]] = {
    OrderState.CREATED: (_OPEN_HERE, _OPEN_ABROAD),
    OrderState.PAID: (_OPEN_HERE, _OPEN_ABROAD),
    # Orders of other systems are never among these: they wait for nobody in this house.
    OrderState.WAITING: (_OPEN_HERE,),
    OrderState.READY: (_OPEN_HERE,),
    OrderState.COLLECTED: ("o.handed_over_at IS NOT NULL AND o.completed_at IS NULL",),
    OrderState.CLOSED: ("o.closed_at IS NOT NULL AND NOT o.is_cancelled",),
    OrderState.CANCELLED: ("o.is_cancelled",),
}
# What a shop is to an order: sold it, else hands it over, else is her home. No order is in two.
_ELSEWHERE = "o.{role}_shop_id IS NOT NULL AND o.{role}_shop_id IS DISTINCT FROM o.attributed_shop_id"
_SOLD = "o.attributed_shop_id = s.shop_id"
_HANDS_OVER = (
    f"o.fulfil_shop_id = s.shop_id AND {_ELSEWHERE.format(role='fulfil')}"
    " AND (o.attributed_shop_id IS NULL OR o.attributed_shop_id <> ALL ({shops}))"
)
_IS_HOME = (
    f"o.home_shop_id = s.shop_id AND {_ELSEWHERE.format(role='home')}"
    " AND (o.attributed_shop_id IS NULL OR o.attributed_shop_id <> ALL ({shops}))"
    " AND (o.fulfil_shop_id IS NULL OR o.fulfil_shop_id <> ALL ({shops}))"
)


def _parts(wanted: OrderFilter) -> tuple[str, ...]:
    """Conditions under one of which every order of these states is, and no order under two; none: any order."""
    if not wanted.states <= _GOES_WITH.keys():
        return ()
    return tuple(dict.fromkeys(part for state in sorted(wanted.states) for part in _GOES_WITH[state]))


def _roles(wanted: OrderFilter, values: list[object]) -> tuple[str, ...]:
    """The same of the shops asked for: ``s`` is each of them by itself; none: of any shop."""
    roles = [_SOLD, _HANDS_OVER]
    shops = wanted.shop_ids
    if wanted.shop_id is not None:
        roles, shops = [*roles, _IS_HOME], frozenset({wanted.shop_id})
    if shops is None:
        return ()
    values.append(list(shops))
    given = f"${len(values) + 4}::uuid[]"
    source = f"unnest({given}) AS s (shop_id) CROSS JOIN LATERAL (SELECT * FROM orders_order o WHERE"  # noqa: S608
    return tuple(f"{source} {role.format(shops=given)} AND" for role in roles)


def _part(where: str, role: str, part: str) -> str:
    """The newest of one part, of each shop by itself."""
    rows = f"{where} AND {part} {_NEWEST} $4"
    if role:
        return f"(SELECT o.* FROM {role} {rows}) AS o)"  # noqa: S608
    return f"(SELECT * FROM orders_order o WHERE {rows})"  # noqa: S608


def _conditions(wanted: OrderFilter) -> tuple[list[str], list[object]]:
    own = "(o.attributed_shop_id = ANY({0}::uuid[]) OR o.fulfil_shop_id = ANY({0}::uuid[]))"
    is_within = wanted.shop_id is not None and wanted.shop_ids is not None
    given: list[tuple[str, object]] = [
        ("o.state = ANY({0}::varchar[])", [state.value for state in wanted.states] or None),
        (own, list(wanted.shop_ids or ()) if is_within else None),
        ("o.campaign_id = {0}", wanted.campaign_id),
        ("o.member_id = {0}", wanted.member_id),
        ("o.channel = {0}", wanted.channel or None),
        ("o.placed_at >= {0}", wanted.placed_from),
        ("o.placed_at < {0}", wanted.placed_before),
        ("o.id = ANY({0}::uuid[])", None if wanted.ids is None else list(wanted.ids)),
    ]
    conditions, values = list[str](), list[object]()
    for text, value in given:
        if value is None:
            continue
        values.append(value)
        conditions.append(" AND " + text.replace("{0}", f"${len(values) + 4}"))
    return conditions, values


async def open_counts(door: Door, *, shop_ids: Sequence[uuid.UUID]) -> list[tuple[uuid.UUID, str, int]]:
    """Shop, state, how many; by the index of what is open."""
    sql = (
        "SELECT o.fulfil_shop_id, o.state, count(*) FROM orders_order o WHERE o.brand_id = $1"
        " AND o.fulfil_shop_id = ANY($2::uuid[]) AND o.handed_over_at IS NULL AND o.closed_at IS NULL"
        " AND o.external_id = '' AND o.state <> 'created' GROUP BY 1, 2"
    )
    return [tuple(row) for row in await fetch(door, sql, brand_of(door), list(shop_ids))]
