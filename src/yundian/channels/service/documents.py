"""The newest documents as rows for the room of orders. Pure: everything that is looked up is given."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import msgspec

from yundian.channels.rules import Entry, History, Key, number_of, paid_minor, sold_at
from yundian.channels.types import DocumentKind, DocumentLine, DocumentState, OrderDocument, RefundLine
from yundian.orders.types import StagedLines, StagedOrder, StagedReturn
from yundian.platform.core.ids import new_id

# The states of orders. They enter at what their source reports, and move as it says.
_STATES = {
    DocumentState.UNPAID: "created",
    DocumentState.PAID: "paid",
    DocumentState.COMPLETED: "completed",
    DocumentState.CLOSED: "closed",
    DocumentState.CANCELLED: "cancelled",
}
_OVER = (DocumentState.CLOSED, DocumentState.CANCELLED)
_NO_LINES = "[]"

Skus = Mapping[str, uuid.UUID]


@dataclass(slots=True)
class Rows:
    """What a batch comes to. ``current`` documents say it; the sums of the ``different`` ones do not fit."""

    orders: list[StagedOrder] = field(default_factory=list)
    lines: list[StagedLines] = field(default_factory=list)
    returns: list[StagedReturn] = field(default_factory=list)
    gone_orders: list[uuid.UUID] = field(default_factory=list)
    gone_returns: list[uuid.UUID] = field(default_factory=list)
    members_of_orders: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    members_of_returns: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)
    current: set[uuid.UUID] = field(default_factory=set)
    different: set[uuid.UUID] = field(default_factory=set)
    superseded: list[uuid.UUID] = field(default_factory=list)


def rows_of(histories: Mapping[Key, History], skus: Skus) -> Rows:
    """The newest version of each document as rows; and whose the others are, where that changed."""
    rows = Rows()
    for history in histories.values():
        if history.winner is None:
            _reassign(rows, history)
        else:
            _replace(rows, history, history.winner, skus)
    return rows


def _reassign(rows: Rows, history: History) -> None:
    member_id = history.member_id
    if member_id is None:
        return
    if order_id := history.subject_of(DocumentKind.SALE):
        rows.members_of_orders[order_id] = member_id
    if return_id := history.subject_of(DocumentKind.REFUND):
        rows.members_of_returns[return_id] = member_id


def _replace(rows: Rows, history: History, winner: Entry, skus: Skus) -> None:
    rows.current.add(winner.id)
    if history.head is not None:
        rows.superseded.append(history.head.document_id)
    order_id = history.subject_of(DocumentKind.SALE)
    return_id = history.subject_of(DocumentKind.REFUND)
    kind = winner.document.kind
    if kind is DocumentKind.SALE:
        winner.subject_id = order_id or new_id()
        _add_sale(rows, winner, history.member_id, skus, is_known=order_id is not None)
    elif order_id is not None:
        rows.gone_orders.append(order_id)
    if kind is DocumentKind.REFUND:
        winner.subject_id = return_id or new_id()
        rows.returns.append(_own_return(winner, history.member_id, skus, is_known=return_id is not None))
    elif return_id is not None:
        rows.gone_returns.append(return_id)


def _add_sale(rows: Rows, entry: Entry, member_id: uuid.UUID | None, skus: Skus, *, is_known: bool) -> None:
    document, lines, order_id = entry.document, entry.document.lines, entry.subject_id
    assert order_id is not None
    order = _order(entry, order_id, member_id, is_known=is_known)
    rows.orders.append(order)
    if order.difference_minor:
        rows.different.add(entry.id)
    currency = document.currency
    if lines:
        rows.lines.append(StagedLines(order_id, currency, lines))
    channel, shop, external_id = entry.key
    for refund in document.refunds:
        rows.returns.append(
            StagedReturn(
                return_id=new_id(),
                is_own=False,
                has_before=is_known,
                channel=channel,
                external_shop=shop,
                external_id=refund.refund_id,
                order_external_id=external_id,
                order_id=order_id,
                member_id=None,
                shop_id=entry.shop_id,
                number=order.number,
                amount_minor=refund.amount_minor,
                currency=currency,
                refunded_at=refund.at,
                is_estimated=refund.is_estimated,
                country="",
                province="",
                lines=_refund_lines(refund.lines, lines, skus),
            )
        )


def _order(entry: Entry, order_id: uuid.UUID, member_id: uuid.UUID | None, *, is_known: bool) -> StagedOrder:
    document, lines, ready = entry.document, entry.document.lines, entry.ready
    discount = document.discount_minor + ready.discounts
    # A document without lines says nothing that its total could differ from.
    goods = ready.totals + ready.discounts if lines else document.total_minor + discount - document.shipping_minor
    at = sold_at(document)
    state = document.state
    return StagedOrder(
        order_id=order_id,
        is_known=is_known,
        number=number_of(*entry.key),
        channel=entry.key[0],
        external_shop=entry.key[1],
        external_id=entry.key[2],
        source_state=document.source_state,
        state=_STATES[state],
        close_reason="",
        member_id=member_id,
        shop_id=entry.shop_id,
        currency=document.currency,
        goods_minor=goods,
        discount_minor=discount,
        shipping_minor=document.shipping_minor,
        total_minor=document.total_minor,
        difference_minor=document.total_minor - (goods - discount + document.shipping_minor),
        paid_minor=paid_minor(document),
        placed_at=document.placed_at,
        paid_at=at or document.paid_at,
        released_at=at,
        completed_at=(document.updated_at or at) if state is DocumentState.COMPLETED else None,
        closed_at=(document.updated_at or document.placed_at) if state in _OVER else None,
        country=document.country,
        province=document.province,
        is_backfill=document.backfill,
        first_name=lines[0].name if lines else "",
        pieces=ready.pieces,
    )


def _own_return(entry: Entry, member_id: uuid.UUID | None, skus: Skus, *, is_known: bool) -> StagedReturn:
    document = entry.document
    channel, shop, external_id = entry.key
    assert entry.subject_id is not None
    return StagedReturn(
        return_id=entry.subject_id,
        is_own=True,
        has_before=is_known,
        channel=channel,
        external_shop=shop,
        external_id=external_id,
        order_external_id=document.refund_of,
        order_id=None,
        member_id=member_id,
        shop_id=entry.shop_id,
        number=number_of(channel, shop, external_id),
        amount_minor=document.total_minor,
        currency=document.currency,
        refunded_at=document.paid_at or document.placed_at,
        is_estimated=False,
        country=document.country,
        province=document.province,
        lines=_encoded(
            _line(skus, line.sku, line.name, line.quantity, line.total_minor) for line in document.lines
        ),
    )


def _refund_lines(refunded: Iterable[RefundLine], lines: tuple[DocumentLine, ...], skus: Skus) -> str:
    """Named as the sale names them."""
    if not refunded:
        return _NO_LINES
    by_id = {line.line_id: line for line in lines if line.line_id}
    found = ((one, by_id.get(one.line_id)) for one in refunded)
    return _encoded(
        _line(
            skus, one.sku or (line.sku if line else ""), line.name if line else "", one.quantity, one.amount_minor
        )
        for one, line in found
    )


def _line(skus: Skus, sku: str, name: str, quantity: int, amount_minor: int) -> dict[str, object]:
    return {
        "sku_id": skus.get(sku),
        "sku_code": sku,
        "name": name,
        "quantity": quantity,
        "amount_minor": amount_minor,
    }


def _encoded(lines: Iterable[dict[str, object]]) -> str:
    return msgspec.json.encode(list(lines)).decode()


def skus_of(documents: Iterable[OrderDocument]) -> set[str]:
    """The codes that are looked up."""
    found: set[str] = set()
    for document in documents:
        found.update(line.sku for line in document.lines)
        for refund in document.refunds:
            found.update(line.sku for line in refund.lines)
    found.discard("")
    return found
