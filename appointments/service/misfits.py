"""Appointments that nobody can keep any more: plans, skills or hours were changed after they were made."""

import datetime as dt
import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import bookings
from appointments.repository import setup as repository
from appointments.service import shifts
from appointments.states import MOVABLE
from appointments.types import BookingView
from yundian.platform.core import clock

# Of so many it is looked whether they fit; the next ones are seen when these are settled.
MOST = 500
_AROUND = dt.timedelta(days=1)


async def misfits(
    session: AsyncSession, *, staff_id: uuid.UUID | None = None, shop_id: uuid.UUID | None = None
) -> list[BookingView]:
    """What is to come of somebody, or in a shop, outside the hours, outside her work, or not performed by her."""
    coming = await bookings.coming(
        session, staff_id=staff_id, shop_id=shop_id, since=clock.now(), states=MOVABLE, limit=MOST
    )
    if not coming:
        return []
    days = [one.local_day for one in coming]
    worked = await shifts.of_shops(
        session,
        shop_ids={one.shop_id for one in coming},
        first=min(days) - _AROUND,
        last=max(days) + _AROUND,
    )
    staff_ids = {one.staff_id for one in coming}
    skills = {(one.staff_id, one.service_id) for one in await repository.skills_of(session, staff_ids=staff_ids)}
    return [
        one
        for one in coming
        if not one.is_day_only
        and not ((one.staff_id, one.service_id) in skills and worked[one.shop_id].covers(one))
    ]
