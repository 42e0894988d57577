"""An order, its lines, its first history entry and its event, as parts of a larger statement."""

import uuid
from functools import cache
from operator import attrgetter

from yundian.orders.events import OrderPlaced
from yundian.orders.rules import facts_of_new
from yundian.orders.states import ActorKind, EventKind
from yundian.orders.types import NewOrder, Placed
from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door, brand_of, fetch, mark_dirty

_ORDER = {
    "id": "uuid",
    "number": "varchar",
    "channel": "varchar",
    "external_shop": "varchar",
    "external_id": "varchar",
    "source_state": "varchar",
    "origin_type": "varchar",
    "origin_id": "uuid",
    "member_id": "uuid",
    "attributed_shop_id": "uuid",
    "fulfil_shop_id": "uuid",
    "home_shop_id": "uuid",
    "staff_id": "uuid",
    "campaign_id": "uuid",
    "stock_reference": "varchar",
    "currency": "bpchar",
    "goods_minor": "bigint",
    "discount_minor": "bigint",
    "shipping_minor": "bigint",
    "total_minor": "bigint",
    "placed_at": "timestamptz",
    "expires_at": "timestamptz",
    "note": "varchar",
    "handed_by": "varchar",
}
_LINE = {
    "sku_id": "uuid",
    "sku_code": "varchar",
    "name": "varchar",
    "shade_name": "varchar",
    "quantity": "int",
    "unit_minor": "bigint",
    "discount_minor": "bigint",
    "total_minor": "bigint",
}


# The columns in the order of their parameters: $1 is the brand.
_values_of = attrgetter(*_ORDER)
_line_values = attrgetter(*_LINE)
_MARKS = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_ORDER.values(), start=2))
_ARRAYS = ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(_LINE.values(), start=3))


def place_parts(cte: Cte, *, brand_id: uuid.UUID, order: NewOrder, given: str | None, name: str) -> None:
    """The parts ``name``, ``name_lines``, ``name_history`` and ``name_told``; nothing is written without a row of
    ``given``."""
    placed, lines, history, told = _sql(name, given)
    cte.add(name, placed, brand_id, *_values_of(order))
    columns = (list(column) for column in zip(*map(_line_values, order.lines), strict=True))
    cte.add(f"{name}_lines", lines, brand_id, order.currency, *columns)
    cte.add(f"{name}_history", history, brand_id, new_id(), order.placed_at, _actor_kind(order), order.member_id)
    cte.add(f"{name}_told", told, brand_id, *outbox.arguments([OrderPlaced(order=facts_of_new(order))]))
    cte.records_events()


@cache
def _sql(name: str, given: str | None) -> tuple[str, str, str, str]:
    gate = f" WHERE EXISTS (SELECT FROM {given})" if given else ""
    return (
        f"INSERT INTO orders_order (brand_id, created_at, {', '.join(_ORDER)}, state, close_reason, paid_minor,"
        f" refunded_minor) SELECT $1::uuid, now(), {_MARKS}, 'created', '', 0, 0{gate} RETURNING id, number",
        f"INSERT INTO orders_line (brand_id, order_id, line_no, currency, refunded_minor, refunded_quantity,"  # noqa: S608
        f" {', '.join(_LINE)})"
        f" SELECT $1::uuid, o.id, l.line_no, $2::bpchar, 0, 0, {', '.join(f'l.{column}' for column in _LINE)}"
        f" FROM {name} o, unnest({_ARRAYS}) WITH ORDINALITY AS l ({', '.join(_LINE)}, line_no)",
        "INSERT INTO orders_event (brand_id, order_id, id, at, kind, actor_kind, actor_id, facts)"  # noqa: S608
        f" SELECT $1::uuid, o.id, $2::uuid, $3::timestamptz, '{EventKind.PLACED}', $4::varchar, $5::uuid,"
        f" '{{}}'::jsonb FROM {name} o",
        outbox.fragment(brand="$1", first=2) + f" WHERE EXISTS (SELECT FROM {name})",
    )


def _actor_kind(order: NewOrder) -> str:
    return (ActorKind.CUSTOMER if order.member_id else ActorKind.HOUSE).value


async def place(door: Door, *, order: NewOrder) -> Placed:
    """The same parts by themselves."""
    cte = Cte()
    place_parts(cte, brand_id=brand_of(door), order=order, given=None, name="placed")
    rows = await fetch(door, cte.text("SELECT id, number FROM placed"), *cte.arguments)
    mark_dirty(door)
    order_id, number = rows[0]
    return Placed(order_id=order_id, number=number)
