"""What upper rooms and the composition root ask of appointments."""

import datetime as dt
import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import bookings
from appointments.repository import setup as offered
from appointments.service import booking, life, planning, setup, trying
from appointments.service.booking import Booked, Wish
from appointments.states import Source
from appointments.types import BookingView, PlanLine, ServiceFields, ServiceView, StaffFields, StaffView, Stretch
from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Database
from yundian.platform.outbox.door import Door

__all__ = ["BY_SHOP", "Booked", "Wish"]

BY_SHOP = Source.SHOP


async def free_times(
    door: Door,
    *,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    first: dt.date,
    last: dt.date,
    now: dt.datetime,
    staff_id: uuid.UUID | None = None,
    member_id: uuid.UUID | None = None,
) -> list[dt.datetime]:
    """The times that can be had over local days of the shop, both included, in order. Two statements."""
    asked = await planning.ask(
        door,
        shop_id=shop_id,
        service_id=service_id,
        stretch=Stretch(first, last),
        now=now,
        member_id=member_id,
    )
    return asked.openings.starts(staff_id)


async def book(database: Database, *, keyring: Keyring, brand_id: uuid.UUID, wish: Wish) -> Booked:
    """Book a time in a transaction of its own, or set it aside until its deposit is paid. Repeating books once.

    Records ``appointments.held.v1``, ``requested.v1`` or ``confirmed.v1``; raises what is in the way.
    """
    return await booking.book(database, keyring=keyring, brand_id=brand_id, wish=wish)


async def get_booking(door: Door, *, booking_id: uuid.UUID) -> BookingView:
    """One appointment as it stands, or ``BookingUnknown``."""
    return await life.see(door, booking_id=booking_id)


async def bookings_of_member(
    door: Door, *, member_id: uuid.UUID, since: dt.datetime, limit: int = 50
) -> list[BookingView]:
    """Her appointments that end after a moment, the earliest first; what was moved away is left out."""
    return await bookings.of_member(door, member_id=member_id, since=since, until=None, limit=limit)


async def tried_in(session: AsyncSession, *, booking_id: uuid.UUID) -> list[uuid.UUID]:
    """The SKUs that were tried in an appointment, as they were noted."""
    return [one.sku_id for one in await trying.tried_in(session, booking_id=booking_id)]


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
