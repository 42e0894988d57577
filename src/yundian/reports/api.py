"""What rooms above ask of the numbers."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door
from yundian.reports.repository import names
from yundian.reports.service import booking, reading
from yundian.reports.types import Document, SalesQuery, SalesReport


async def sales(session: AsyncSession, *, wanted: SalesQuery) -> SalesReport:
    """The numbers as every screen and file shows them."""
    return await reading.sales(session, wanted=wanted)


async def name_campaign(door: Door, *, campaign_id: uuid.UUID, code: str, name: str) -> None:
    """What a campaign is called in the numbers, from now on. Telling again changes it."""
    await names.put(door, campaign_id=campaign_id, code=code, name=name)


async def replace_document(tx: Tx, *, document: Document) -> None:
    """A newer version of an imported sale or refund takes the place of the older one, in all numbers at once."""
    await booking.replace_document(tx, document=document)
