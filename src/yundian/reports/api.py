"""What rooms above ask of the numbers."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door
from yundian.reports.repository import names, staging
from yundian.reports.service import booking, reading
from yundian.reports.types import SalesQuery, SalesReport


async def sales(session: AsyncSession, *, wanted: SalesQuery) -> SalesReport:
    """The numbers as every screen and file shows them."""
    return await reading.sales(session, wanted=wanted)


async def name_campaign(door: Door, *, campaign_id: uuid.UUID, code: str, name: str) -> None:
    """What a campaign is called in the numbers, from now on. Telling again changes it."""
    await names.put(door, campaign_id=campaign_id, code=code, name=name)


async def open_staging(tx: Tx) -> None:
    """Two temporary tables for documents from outside, empty; what is in them goes with the transaction.

    ``reports_staged``: ``document_id uuid``, ``document_type`` (``order``, or ``return`` for a refund under an id
    of its own), ``kind`` (``sale`` or ``refund``), ``order_id uuid`` (of a return whose order was never seen: its
    own id), ``number``, ``channel``, ``shop_id``, ``fulfil_shop_id``, ``home_shop_id``, ``staff_id``,
    ``campaign_id``, ``member_id``, ``country``, ``province`` (where the buyer is; else the shop's), ``currency``,
    ``accrual_at``, ``accrual_minor``, ``cash_at``, ``cash_minor`` (no instant: not, or not any more, on that
    basis), ``has_before`` (facts of an older version may exist; false promises that there are none), ``time_zone``
    (of the business day where there is no shop; else the brand's).

    ``reports_staged_line``: ``document_id``, ``line_no`` (from 1), ``sku_id``, ``quantity``, ``amount_minor``; on
    the accrual basis. What they leave of ``accrual_minor`` becomes line 0.
    """
    await staging.open_tables(tx)


async def replace_staged(tx: Tx) -> int:
    """Facts and rollups say what is staged, in the transaction of the caller; how many facts that are.

    The caller takes no other lock afterwards: writers of a brand's numbers come one at a time.
    """
    return await booking.replace_staged(tx)
