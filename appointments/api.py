"""What upper rooms and the composition root ask of appointments."""

import datetime as dt
import uuid
from collections.abc import Sequence

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import history
from appointments.repository import setup as offered
from appointments.repository.history import PastBooking, Views
from appointments.service import chronicle, planned, purchases, setup
from appointments.types import PlanLine, ServiceFields, ServiceView, StaffFields, StaffView
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door

__all__ = ["PastBooking", "Views"]


async def take_history(
    tx: Tx, *, bookings: Sequence[PastBooking], views: Sequence[Views], now: dt.datetime
) -> None:
    """What was booked and looked at before, with what became of it: written as it is, told to nobody.

    What their customers bought soon after follows their appointments. People are taken to have worked by the plan
    of now since the first of them.
    """
    await history.put(tx, bookings=bookings)
    if bookings:
        shop_ids = {one.shop_id for one in bookings}
        await planned.suppose(tx, shop_ids=shop_ids, first=min(one.local_day for one in bookings))
    await history.put_views(tx, views=views, now=now)
    await chronicle.keep(tx, booking_ids=[one.id for one in bookings if one.member_id is not None])
    members = [one.member_id for one in bookings if one.member_id is not None and one.arrived_at is not None]
    await purchases.follow_members(tx, member_ids=members, now=now)


async def offers(door: Door) -> list[ServiceView]:
    """What can be booked anywhere."""
    return await offered.offered(door, shop_id=None)


async def create_service(session: AsyncSession, *, fields: ServiceFields) -> ServiceView:
    """Something that can be booked."""
    return await setup.save_service(session, service_id=None, version=None, fields=fields)


async def create_staff(session: AsyncSession, *, fields: StaffFields, week: list[PlanLine]) -> StaffView:
    """Somebody who serves, with her week."""
    made = await setup.save_staff(session, staff_id=None, version=None, fields=fields)
    await setup.put_plan(session, staff_id=made.id, lines=week)
    return made


async def create_chair(session: AsyncSession, *, shop_id: uuid.UUID, kind: str, name: str) -> uuid.UUID:
    """A chair or a room of a shop."""
    return (await setup.add_resource(session, shop_id=shop_id, kind=kind, name=name)).id
