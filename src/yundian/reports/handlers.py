"""What happens to orders becomes facts, many at once."""

import datetime as dt
import uuid
from collections.abc import Sequence

from yundian.attribution.events import Transferred
from yundian.orders.events import OrderFacts, OrderPaid, OrderRefunded, OrderReleased
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Delivered, batch_subscriber
from yundian.reports.service import booking
from yundian.reports.types import Basis, Document, DocumentLine, FactKind

ORDER = "order"
REFUND = "refund"


@batch_subscriber(OrderPaid, name="reports.book_payments")
async def book_payments(tx: Tx, delivered: Sequence[Delivered[OrderPaid]]) -> None:
    """Money came: a sale on the cash basis."""
    await booking.book(
        tx,
        documents=[
            _document(
                one.event.order,
                kind=FactKind.SALE,
                document_id=one.event.order.order_id,
                occurred_at=one.event.paid_at,
                amount_minor=one.event.amount_minor,
                lines=(),
                bases=(Basis.CASH,),
            )
            for one in delivered
        ],
    )


@batch_subscriber(OrderReleased, name="reports.book_sales")
async def book_sales(tx: Tx, delivered: Sequence[Delivered[OrderReleased]]) -> None:
    """Nothing it waited for is missing: a sale on the accrual basis."""
    await booking.book(
        tx,
        documents=[
            _document(
                one.event.order,
                kind=FactKind.SALE,
                document_id=one.event.order.order_id,
                occurred_at=one.event.released_at,
                amount_minor=one.event.order.total_minor,
                lines=tuple(
                    DocumentLine(
                        line_no=line.line_no,
                        sku_id=line.sku_id,
                        quantity=line.quantity,
                        amount_minor=line.total_minor,
                    )
                    for line in one.event.order.lines
                ),
                bases=(Basis.ACCRUAL,),
            )
            for one in delivered
        ],
    )


@batch_subscriber(OrderRefunded, name="reports.book_refunds")
async def book_refunds(tx: Tx, delivered: Sequence[Delivered[OrderRefunded]]) -> None:
    """Money went back; of what was released already it is a return."""
    await booking.book(tx, documents=[_refund(one.event) for one in delivered])


@batch_subscriber(Transferred, name="reports.move_credits")
async def move_credits(tx: Tx, delivered: Sequence[Delivered[Transferred]]) -> None:
    """A credit was moved to another shop: the numbers move with it."""
    for one in delivered:
        event = one.event
        if event.subject_type == ORDER:
            await booking.move_credit(
                tx,
                order_id=event.subject_id,
                shop_id=event.to_shop_id,
                staff_id=event.staff_id,
                moved_at=event.transferred_at,
            )


def _refund(event: OrderRefunded) -> Document:
    skus = {line.line_no: line.sku_id for line in event.order.lines}
    return _document(
        event.order,
        kind=FactKind.REFUND,
        document_id=event.refund_id,
        occurred_at=event.refunded_at,
        amount_minor=event.amount_minor,
        lines=tuple(
            DocumentLine(
                line_no=line.line_no,
                sku_id=skus.get(line.line_no),
                quantity=line.quantity,
                amount_minor=line.amount_minor,
            )
            for line in event.lines
        ),
        bases=(Basis.CASH, Basis.ACCRUAL) if event.was_released else (Basis.CASH,),
    )


def _document(
    order: OrderFacts,
    *,
    kind: FactKind,
    document_id: uuid.UUID,
    occurred_at: dt.datetime,
    amount_minor: int,
    lines: tuple[DocumentLine, ...],
    bases: tuple[Basis, ...],
) -> Document:
    return Document(
        kind=kind,
        document_type=ORDER if kind is FactKind.SALE else REFUND,
        document_id=document_id,
        order_id=order.order_id,
        number=order.number,
        channel=order.channel,
        shop_id=order.attributed_shop_id,
        fulfil_shop_id=order.fulfil_shop_id,
        home_shop_id=order.home_shop_id,
        staff_id=order.staff_id,
        campaign_id=order.campaign_id,
        member_id=order.member_id,
        currency=order.currency,
        occurred_at=occurred_at,
        amount_minor=amount_minor,
        lines=lines,
        bases=bases,
    )


SUBSCRIBERS = (book_payments, book_sales, book_refunds, move_credits)
