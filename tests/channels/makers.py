"""Makes channels and documents, takes them in, and tells what the house knows afterwards."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import msgspec

from yundian.brands.types import BrandView
from yundian.channels.service import channels, receiving
from yundian.channels.states import ChannelKind
from yundian.channels.types import (
    Buyer,
    ChannelFields,
    DocumentIdentity,
    DocumentLine,
    DocumentRefund,
    IdentityType,
    OrderDocument,
    Received,
    TakenIn,
)
from yundian.platform.db.services import Services

POS = "pos"
AT = dt.datetime(2026, 3, 5, 4, 0, tzinfo=dt.UTC)


async def make_channel(
    services: Services, brand: BrandView, code: str = POS, *, kind: ChannelKind = ChannelKind.TILL, **more: Any
) -> str:
    """A committed channel; its code."""
    fields = ChannelFields(name_zh="门店收银", name_en="Till", kind=kind, **more)
    async with services.database.unit_of_work(brand.id) as session:
        return (await channels.create_channel(session, code=code, fields=fields)).code


def line(total_minor: int = 10_00, quantity: int = 1, **changes: Any) -> DocumentLine:
    values: dict[str, Any] = {"sku": "S1", "name": "唇釉", "unit_minor": total_minor // max(quantity, 1)}
    return DocumentLine(**({**values, "quantity": quantity, "total_minor": total_minor} | changes))


def document(external_id: str = "1001", **changes: Any) -> OrderDocument:
    """A completed sale of one line, unless said otherwise."""
    lines = changes.pop("lines", (line(),))
    values: dict[str, Any] = {
        "external_id": external_id,
        "placed_at": AT,
        "currency": "CNY",
        "lines": lines,
        "total_minor": sum(one.total_minor for one in lines),
    }
    # As if it had been received: checked, words as what they stand for.
    return msgspec.json.decode(msgspec.json.encode(OrderDocument(**(values | changes))), type=OrderDocument)


def refund(refund_id: str = "R1", amount_minor: int = 4_00, **changes: Any) -> DocumentRefund:
    at = AT + dt.timedelta(days=2)
    values: dict[str, Any] = {"refund_id": refund_id, "amount_minor": amount_minor, "at": at}
    return DocumentRefund(**(values | changes))


def phone(value: str, *, verified: bool = True) -> DocumentIdentity:
    return DocumentIdentity(type=IdentityType.PHONE, value=value, verified=verified)


def card(value: str, *, verified: bool = True, scope: str = "pos") -> DocumentIdentity:
    return DocumentIdentity(type=IdentityType.CARD, value=value, scope=scope, verified=verified)


def by(*identities: DocumentIdentity) -> Buyer:
    return Buyer(identities=identities)


def received(documents: Sequence[OrderDocument]) -> list[Received]:
    return [Received(document=one, raw=msgspec.json.encode(one).decode()) for one in documents]


async def take(services: Services, brand: BrandView, *documents: OrderDocument, channel: str = POS) -> TakenIn:
    """One committed batch."""
    async with services.database.connection(brand.id) as tx:
        return await receiving.take_in(tx, keyring=services.keyring, channel=channel, received=received(documents))


_STATE = {
    "orders": """
        SELECT o.number, o.channel, o.external_shop, o.external_id, o.source_state, o.state,
            (SELECT code FROM stores_shop s WHERE s.brand_id = $1 AND s.id = o.attributed_shop_id),
            o.attributed_shop_id IS NOT DISTINCT FROM o.fulfil_shop_id, o.currency, o.goods_minor,
            o.discount_minor, o.shipping_minor, o.total_minor,
            o.difference_minor, o.paid_minor, o.refunded_minor, o.placed_at, o.paid_at, o.released_at,
            o.completed_at, o.closed_at, o.country, o.province, o.member_id
        FROM orders_order o WHERE o.brand_id = $1""",
    "lines": """
        SELECT o.number, l.line_no, l.sku_code, l.name, l.quantity, l.unit_minor, l.discount_minor, l.total_minor,
            l.external_id, l.refunded_minor
        FROM orders_line l JOIN orders_order o ON o.brand_id = l.brand_id AND o.id = l.order_id
        WHERE l.brand_id = $1""",
    "returns": """
        SELECT r.channel, r.external_shop, r.order_external_id, r.external_id, r.is_own, r.is_counted, r.number,
            r.amount_minor, r.currency, r.refunded_at, r.lines::text, p.number AS of_order
        FROM orders_return r LEFT JOIN orders_order p ON p.brand_id = r.brand_id AND p.id = r.order_id
        WHERE r.brand_id = $1""",
    "totals": """
        SELECT o.channel, o.currency, o.orders, o.sales, o.paid_minor, o.refunds, o.refunded_minor, o.first_at,
            o.last_at, o.member_id
        FROM members_totals o WHERE o.brand_id = $1 AND (o.orders, o.sales, o.refunds) <> (0, 0, 0)""",
    "timeline": """
        SELECT o.kind, o.ref_type, o.number, o.channel, o.amount_minor, o.currency, o.at, o.facts::text,
            o.member_id
        FROM members_timeline o WHERE o.brand_id = $1""",
    "facts": """
        SELECT o.number, o.basis, o.kind, o.document_type, o.line_no, o.business_date, o.occurred_at, o.channel,
            o.quantity, o.amount_minor, o.currency, o.country, o.province, o.order_id = o.document_id, o.member_id
        FROM reports_fact o WHERE o.brand_id = $1""",
    "days": """
        SELECT basis, business_date, channel, currency, orders, lines, quantity, gross_minor, refunds,
            refunds_minor
        FROM reports_day WHERE brand_id = $1""",
    "people": """
        SELECT o.basis, o.business_date, o.channel, o.currency, o.orders, o.member_id
        FROM reports_member_day o WHERE o.brand_id = $1""",
}  # fmt: skip
# Members have other ids in every run: by what they are known by, looked up once and not for each row.
_MEMBERS = """
    SELECT member_id, string_agg(kind || encode(value_hash, 'hex'), ',' ORDER BY kind, value_hash) AS known_by
    FROM members_identity WHERE brand_id = $1 GROUP BY member_id"""
# No request reads all there is of half a million lines: its limits are not for that.
_NO_LIMITS = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"


async def state_of(services: Services, brand: BrandView) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that documents may change, without the ids that differ from run to run."""
    async with services.database.connection(brand.id) as tx:
        await tx.execute(_NO_LIMITS)
        known_by = {row["member_id"]: row["known_by"] for row in await tx.fetch(_MEMBERS, brand.id)}
        return {
            name: sorted([_told(row, known_by) for row in await tx.fetch(sql, brand.id)], key=repr)
            for name, sql in _STATE.items()
        }


def _told(row: asyncpg.Record, known_by: Mapping[uuid.UUID, str]) -> tuple[Any, ...]:
    return tuple([known_by.get(value) if name == "member_id" else value for name, value in row.items()])


async def rows(services: Services, brand: BrandView, sql: str, *values: object) -> list[dict[str, Any]]:
    """What a statement finds, with the brand as ``$1``."""
    async with services.database.connection(brand.id) as tx:
        return [dict(row) for row in await tx.fetch(sql, brand.id, *values)]
