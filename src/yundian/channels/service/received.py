"""What was received, for the screens: a document beside the order it became, and every version of it."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.models import Document
from yundian.channels.repository import counts as repository
from yundian.channels.service.receiving import RAW
from yundian.channels.types import DocumentKind
from yundian.orders import api as orders
from yundian.orders.errors import OrderUnknown
from yundian.orders.types import OrderView
from yundian.platform.core.errors import NotFound
from yundian.platform.db.keys import keyring_of
from yundian.platform.outbox.door import brand_of

SHOWN = 20
MAX_VERSIONS = 100


@dataclass(frozen=True, slots=True)
class ReceivedView:
    """A document, its text, the order that it became or gives back of, and all that came under its key."""

    document: Document
    raw: str
    order: OrderView | None
    versions: Sequence[Document]


async def newest(
    session: AsyncSession, *, brand_id: uuid.UUID, channel: str, kind: DocumentKind
) -> Sequence[Document]:
    """The newest received of a kind, whatever became of them."""
    return await repository.newest_documents(session, brand_id=brand_id, channel=channel, kind=kind, limit=SHOWN)


async def get(session: AsyncSession, *, brand_id: uuid.UUID, document_id: uuid.UUID) -> ReceivedView:
    """One document; ``NotFound``."""
    document = await repository.get_document(session, brand_id=brand_id, document_id=document_id)
    if document is None:
        raise NotFound(document_id=str(document_id))
    return ReceivedView(
        document=document,
        raw=keyring_of(session).unseal(RAW, document.raw_sealed),
        order=await _order_of(session, document),
        versions=await repository.versions_of(session, document=document, limit=MAX_VERSIONS),
    )


async def of_order(session: AsyncSession, *, order_id: uuid.UUID) -> Sequence[Document]:
    """What says now how an order stands: its sale, and refunds under numbers of their own. Of the house's: none.

    Raises:
        OrderUnknown
    """
    order = await orders.get_order(session, order_id=order_id)
    if not order.is_foreign:
        return []
    returns = await orders.returns_of(session, order_id=order_id)
    numbers = {order.external_id, *(one.external_id for one in returns if one.is_own)}
    return await repository.current_documents(
        session, brand_id=brand_of(session), channel=order.channel, shop=order.external_shop, numbers=numbers
    )


async def _order_of(session: AsyncSession, document: Document) -> OrderView | None:
    if document.subject_id is None:
        return None
    if document.kind is DocumentKind.REFUND:
        return await orders.order_of_return(session, return_id=document.subject_id)
    try:
        return await orders.get_order(session, order_id=document.subject_id)
    except OrderUnknown:
        return None
