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

SHOWN = 20
MAX_VERSIONS = 100


@dataclass(frozen=True, slots=True)
class ReceivedView:
    """A document, its text, its order if it became one, and all that came under its key in the order it came."""

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
    order: OrderView | None = None
    if document.kind is DocumentKind.SALE and document.subject_id is not None:
        try:
            order = await orders.get_order(session, order_id=document.subject_id)
        except OrderUnknown:
            order = None
    return ReceivedView(
        document=document,
        raw=keyring_of(session).unseal(RAW, document.raw_sealed),
        order=order,
        versions=await repository.versions_of(session, document=document, limit=MAX_VERSIONS),
    )
