"""Everything that is shown of one order on one page."""

import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from stores.types import ShopView
from yundian.orders.repository import abroad, reading, refunds
from yundian.orders.service import uncollected
from yundian.orders.states import OrderState, RefundStatus
from yundian.orders.types import SUBJECT, HistoryView, OrderView, RefundRow, ReturnRow, UncollectedView
from yundian.payments import api as payments
from yundian.payments.types import PaymentView


class Detail(msgspec.Struct, frozen=True, kw_only=True):
    """``shops`` are those of its three that exist, by id; ``returns`` are another system's refunds;
    ``coming_back_minor`` has not arrived yet."""

    order: OrderView
    history: list[HistoryView]
    refunds: list[RefundRow]
    returns: list[ReturnRow]
    payment: PaymentView | None
    uncollected: UncollectedView | None
    shops: dict[uuid.UUID, ShopView]

    @property
    def coming_back_minor(self) -> int:
        return self.payment.reserved_minor - self.payment.refunded_minor if self.payment else 0

    @property
    def is_payable(self) -> bool:
        is_open = self.payment is not None and self.payment.state == "pending"
        return is_open and self.order.state is OrderState.CREATED

    @property
    def refund_status(self) -> RefundStatus:
        if self.coming_back_minor:
            return RefundStatus.OPEN
        if self.order.refunded_minor == 0:
            return RefundStatus.NONE
        is_all = self.order.refunded_minor >= self.order.paid_minor
        return RefundStatus.ALL if is_all else RefundStatus.PARTIAL

    @property
    def fulfil_shop(self) -> ShopView | None:
        return self.shops.get(self.order.fulfil_shop_id) if self.order.fulfil_shop_id else None


async def detail_of(session: AsyncSession, *, order: OrderView) -> Detail:
    named = {order.attributed_shop_id, order.fulfil_shop_id, order.home_shop_id}
    is_waiting = order.state is OrderState.READY and not order.is_foreign
    return Detail(
        order=order,
        history=await reading.history(session, order_id=order.id),
        refunds=await refunds.of_order(session, order_id=order.id),
        returns=await abroad.returns_of(session, order_id=order.id) if order.is_foreign else [],
        payment=await payments.find_payment(session, subject_type=SUBJECT, subject_id=order.id),
        uncollected=await uncollected.announced(session, order_id=order.id) if is_waiting else None,
        shops=await stores.get_shops(session, ids={shop_id for shop_id in named if shop_id is not None}),
    )
