"""An order, its lines, its first history entry and its event, as parts of a larger statement."""

import uuid
from typing import Any

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


def place_parts(cte: Cte, *, brand_id: uuid.UUID, order: NewOrder, given: str | None, name: str) -> None:
    """The parts ``name``, ``name_lines``, ``name_history`` and ``name_told``; nothing is written without a row of
    ``given``."""
    brand = f"{cte.value(brand_id)}::uuid"
    values = {column: f"{cte.value(getattr(order, column))}::{kind}" for column, kind in _ORDER.items()}
    gate = f" WHERE EXISTS (SELECT FROM {given})" if given else ""
    cte.part(
        name,
        f"INSERT INTO orders_order (brand_id, created_at, {', '.join(_ORDER)}, state, close_reason, paid_minor,"
        f" refunded_minor) SELECT {brand}, now(), {', '.join(values.values())}, 'created', '', 0, 0{gate}"
        " RETURNING id, number",
    )
    _lines_part(cte, brand=brand, order=order, name=name)
    cte.part(
        f"{name}_history",
        "INSERT INTO orders_event (brand_id, order_id, id, at, kind, actor_kind, actor_id, facts)"  # noqa: S608
        f" SELECT {brand}, o.id, {cte.value(new_id())}::uuid, {cte.value(order.placed_at)}::timestamptz,"
        f" '{EventKind.PLACED}', {cte.value(_actor_kind(order))}::varchar,"
        f" {cte.value(order.member_id)}::uuid, '{{}}'::jsonb FROM {name} o",
    )
    first = cte.values(outbox.arguments([OrderPlaced(order=facts_of_new(order))]))
    cte.part(f"{name}_told", outbox.fragment(brand=brand, first=first) + f" WHERE EXISTS (SELECT FROM {name})")
    cte.records_events()


def _lines_part(cte: Cte, *, brand: str, order: NewOrder, name: str) -> None:
    columns: dict[str, list[Any]] = {column: [getattr(line, column) for line in order.lines] for column in _LINE}
    arrays = ", ".join(f"{cte.value(columns[column])}::{kind}[]" for column, kind in _LINE.items())
    cte.part(
        f"{name}_lines",
        f"INSERT INTO orders_line (brand_id, order_id, line_no, currency, refunded_minor, refunded_quantity,"  # noqa: S608
        f" {', '.join(_LINE)})"
        f" SELECT {brand}, o.id, l.line_no, {cte.value(order.currency)}::bpchar, 0, 0,"
        f" {', '.join(f'l.{column}' for column in _LINE)}"
        f" FROM {name} o, unnest({arrays}) WITH ORDINALITY AS l ({', '.join(_LINE)}, line_no)",
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
