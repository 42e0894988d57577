"""What a customer tried in her appointment, noted by whoever served her."""

import datetime as dt
import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import NotNow, SkuUnknown
from appointments.events import ProductTried
from appointments.repository import tried as repository
from appointments.repository.tried import TriedView
from appointments.service import facts
from appointments.states import BookingState
from appointments.types import BookingView
from yundian.catalog import api as catalog
from yundian.catalog.types import NamedSku
from yundian.platform.outbox import outbox

_SERVED = (BookingState.ARRIVED, BookingState.IN_SERVICE, BookingState.COMPLETED)


async def note(
    session: AsyncSession,
    booking: BookingView,
    *,
    sku_code: str,
    remark: str,
    account_id: uuid.UUID | None,
    now: dt.datetime,
) -> None:
    """A product was tried. Records ``ProductTried``. Raises ``SkuUnknown``; ``NotNow`` before she has come."""
    if booking.state not in _SERVED:
        raise NotNow(state=booking.state.value)
    code = sku_code.strip()
    sku = (await catalog.find_skus(session, codes=[code])).get(code)
    if sku is None:
        raise SkuUnknown
    await repository.add(
        session, booking_id=booking.id, sku_id=sku.id, note=remark.strip(), noted_by=account_id, now=now
    )
    told = ProductTried(
        booking=facts.of(booking), sku_id=sku.id, sku_code=sku.code, name=_name_of(sku), tried_at=now
    )
    await outbox.record(session, told)


async def forget(session: AsyncSession, booking: BookingView, *, sku_id: uuid.UUID) -> None:
    """It was noted by mistake."""
    await repository.remove(session, booking_id=booking.id, sku_id=sku_id)


async def tried_in(session: AsyncSession, *, booking_id: uuid.UUID) -> list[TriedView]:
    """What was tried, in the order it was noted."""
    noted = await repository.of_booking(session, booking_id=booking_id)
    skus = await catalog.get_skus(session, ids=[sku_id for sku_id, _note in noted])
    return [
        TriedView(
            sku_id=sku_id,
            sku_code=skus[sku_id].code,
            name=_name_of(skus[sku_id]),
            note=remark,
        )
        for sku_id, remark in noted
        if sku_id in skus
    ]


def _name_of(sku: NamedSku) -> str:
    return " ".join(part for part in (sku.product_name, sku.shade_name) if part)
