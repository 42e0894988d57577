"""Makes orders for tests, through the room's own api, and moves them as payments and clerks would."""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from stores import api as stores
from stores.types import ShopView, StockLine
from tests.members.makers import Customer, make_customer
from tests.stores.makers import make_shop, make_skus, receive, shop_fields
from yundian.brands.types import BrandView
from yundian.orders import api
from yundian.orders.handlers import apply_capture, apply_close, apply_refund, expire
from yundian.orders.service import handing_over
from yundian.orders.states import ActorKind
from yundian.orders.types import SUBJECT, Actor, NewLine, NewOrder, OrderView
from yundian.payments import api as payments
from yundian.payments.events import PaymentCaptured, PaymentClosed, PaymentRefunded
from yundian.payments.types import PaymentView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.money import Money
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered, DueTimer, Event

_CAPTURE = """
WITH paid AS (UPDATE payments_payment SET state = 'succeeded', captured_minor = amount_minor, paid_at = now()
    WHERE brand_id = $1 AND id = $2)
INSERT INTO payments_attempt (brand_id, id, created_at, payment_id, account_id, provider, kind, out_trade_no,
    state, failure, provider_ref, expires_at, polls)
VALUES ($1, $3, now(), $2, $4, 'wechat', 'native', $5, 'succeeded', '', '', now(), 0)
"""
_ACCOUNT = """
INSERT INTO payments_account (brand_id, id, created_at, provider, label, app_id, merchant_id, sealed, status)
VALUES ($1, $2, now(), 'wechat', $3, $3, $3, ''::bytea, 'retired')
"""
_ARRIVE = """
WITH done AS (UPDATE payments_refund SET state = 'succeeded', refunded_at = now(), next_poll_at = NULL
    WHERE brand_id = $1 AND state = 'approved' RETURNING id, payment_id, amount_minor, currency, refunded_at),
booked AS (UPDATE payments_payment p SET refunded_minor = p.refunded_minor + s.amount
    FROM (SELECT payment_id, sum(amount_minor) AS amount FROM done GROUP BY 1) s
    WHERE p.brand_id = $1 AND p.id = s.payment_id RETURNING p.id, p.subject_id, p.refunded_minor)
SELECT d.*, b.subject_id, b.refunded_minor FROM done d JOIN booked b ON b.id = d.payment_id ORDER BY d.id
"""


def line(unit_minor: int = 12_900, quantity: int = 1, **changes: Any) -> NewLine:
    values: dict[str, Any] = {
        "sku_id": new_id(),
        "sku_code": "LIP-01-A",
        "name": "云雾丝绒唇釉 Velvet Lip",
        "shade_name": "枫叶红",
        "quantity": quantity,
        "unit_minor": unit_minor,
    }
    return NewLine(**(values | changes))


def new_order(**changes: Any) -> NewOrder:
    """An order of a group-buy, unless something else is said."""
    now = clock.now()
    values: dict[str, Any] = {
        "number": api.new_number(at=now),
        "channel": "groupbuy",
        "currency": "CNY",
        "lines": (line(), line(5_900, 2, discount_minor=1_000)),
        "origin_type": "groupbuy.seat",
        "origin_id": new_id(),
        "placed_at": now,
    }
    return NewOrder(**(values | changes))


@dataclass(kw_only=True)
class Desk:
    """A brand with a shop that hands over, a customer, and a payment provider that does what the test says."""

    services: Services
    brand: BrandView
    shop: ShopView
    customer: Customer
    clerk: Actor = field(default_factory=lambda: Actor(kind=ActorKind.STAFF, id=new_id()))
    account_id: uuid.UUID | None = None

    async def place(self, **changes: Any) -> OrderView:
        """An order of the customer, to be collected in the shop, with its payment open."""
        order = new_order(
            **({"member_id": self.customer.id, "fulfil_shop_id": self.shop.id} | changes),
        )
        async with self.services.database.connection(self.brand.id) as tx:
            await api.place(tx, order=order)
            await payments.start_payment(
                tx,
                keyring=self.services.keyring,
                subject_type=SUBJECT,
                subject_id=order.id,
                amount=Money(order.total_minor, order.currency),
                description=f"订单 {order.number}",
                expires_at=clock.now() + dt.timedelta(minutes=15),
            )
        return await self.see(order.id)

    async def pay(self, order: OrderView) -> PaymentCaptured:
        """The customer paid, and orders was told."""
        event = await self.capture(order)
        await self.tell(event)
        return event

    async def capture(self, order: OrderView) -> PaymentCaptured:
        """The customer paid, and nobody was told yet."""
        payment = await self.payment(order)
        account_id = self.account_id = self.account_id or await _account(self)
        async with self.services.database.connection(self.brand.id) as tx:
            await tx.execute(_CAPTURE, self.brand.id, payment.id, new_id(), account_id, readable_code(20))
        return PaymentCaptured(
            payment_id=payment.id,
            subject_type=SUBJECT,
            subject_id=order.id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            provider="wechat",
            paid_at=clock.now(),
        )

    async def ready(self, **changes: Any) -> OrderView:
        """An order that waits in the shop."""
        order = await self.place(**changes)
        await self.pay(order)
        async with self.services.database.connection(self.brand.id) as tx:
            assert await api.release(tx, order_ids=[order.id], at=clock.now()) == [order.id]
        return await self.see(order.id)

    async def stocked(self, pieces: int = 5) -> dict[str, Any]:
        """What makes an order hold ``pieces`` of a SKU of which the shop has ten."""
        [sku] = await make_skus(self.services, self.brand)
        await receive(self.services, self.brand, self.shop, sku, 10)
        order_id = new_id()
        async with self.services.database.connection(self.brand.id) as tx:
            await stores.reserve_stock(
                tx,
                shop_id=self.shop.id,
                lines=[StockLine(sku, pieces)],
                reference=f"order:{order_id}",
                now=clock.now(),
            )
        lines = (line(1_000, pieces, sku_id=sku),)
        return {"id": order_id, "lines": lines, "stock_reference": f"order:{order_id}"}

    async def arrive(self) -> list[PaymentRefunded]:
        """Every refund that was asked for arrived at the payer, and nobody was told yet."""
        async with self.services.database.connection(self.brand.id) as tx:
            rows = await tx.fetch(_ARRIVE, self.brand.id)
        return [
            PaymentRefunded(
                refund_id=row["id"],
                payment_id=row["payment_id"],
                subject_type=SUBJECT,
                subject_id=row["subject_id"],
                amount_minor=row["amount_minor"],
                refunded_minor=row["refunded_minor"],
                currency=row["currency"],
                refunded_at=row["refunded_at"],
            )
            for row in rows
        ]

    async def tell(self, *events: Event) -> None:
        """What the courier does: one kind after the other, each in one transaction."""
        for subscriber in (apply_capture, apply_close, apply_refund):
            mine = [Delivered(new_id(), event) for event in events if isinstance(event, subscriber.event)]
            if mine:
                async with self.services.database.connection(self.brand.id) as tx:
                    await subscriber.handle(tx, mine)

    async def expire(self, order_id: uuid.UUID) -> None:
        """The order's time is up."""
        timer = DueTimer(self.brand.id, expire.name, str(order_id), {})
        async with self.services.database.unit_of_work(self.brand.id) as session:
            await expire.handle(session, timer)

    async def payment(self, order: OrderView) -> PaymentView:
        async with self.services.database.connection(self.brand.id) as tx:
            found = await payments.find_payment(tx, subject_type=SUBJECT, subject_id=order.id)
        assert found is not None
        return found

    async def see(self, order_id: uuid.UUID) -> OrderView:
        async with self.services.database.connection(self.brand.id) as tx:
            return await api.get_order(tx, order_id=order_id)

    async def told(self, name: str) -> list[dict[str, Any]]:
        """The events of a kind, in the order they were recorded."""
        async with self.services.database.connection(self.brand.id) as tx:
            rows: Sequence[Any] = await tx.fetch(
                "SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag = $2 ORDER BY id",
                self.brand.id,
                f"orders.{name}.v1",
            )
        return [json.loads(row["payload"]) for row in rows]


def closed(order: OrderView) -> PaymentClosed:
    return PaymentClosed(payment_id=new_id(), subject_type=SUBJECT, subject_id=order.id)


async def code_of(desk: Desk, order: OrderView) -> str:
    """What the customer sees on her order's page."""
    async with desk.services.database.connection(desk.brand.id) as tx:
        found = await handing_over.pick_up_code(tx, keyring=desk.services.keyring, order=await desk.see(order.id))
    assert found is not None
    return found.digits


async def hand_over(desk: Desk, text: str, *, shop_id: uuid.UUID | None = None) -> OrderView:
    """As the clerk does, in the desk's shop unless another is named."""
    shops = frozenset({shop_id or desk.shop.id})
    async with desk.services.database.unit_of_work(desk.brand.id) as session:
        return await handing_over.confirm(
            session, keyring=desk.services.keyring, shop_ids=shops, text=text, actor=desk.clerk
        )


async def open_desk(services: Services, brand: BrandView) -> Desk:
    shop = await make_shop(services, brand, fields=shop_fields(f"S-{readable_code(8)}"))
    return Desk(services=services, brand=brand, shop=shop, customer=await make_customer(services, brand))


async def _account(desk: Desk) -> uuid.UUID:
    """A merchant's account that takes nothing new: only refunds go through it."""
    account_id = new_id()
    async with desk.services.database.connection(desk.brand.id) as tx:
        await tx.execute(_ACCOUNT, desk.brand.id, account_id, readable_code(10))
    return account_id
