"""Customers wait for a day that is full, and take what is offered to them then, by JSON."""

import datetime as dt
import uuid

from litestar import Controller, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import (
    AlreadyWaiting,
    BookingUnknown,
    NotOffered,
    NotWaiting,
    NoWaitlist,
    ServiceUnknown,
    WaitUnknown,
)
from appointments.repository import waits
from appointments.routes.customers import own_read
from appointments.schemas.customers import WaitRead, WaitWish
from appointments.schemas.wire import AppointmentRead
from appointments.service import life, waiting
from appointments.service.booking import decided
from appointments.types import BookingView, WaitView
from stores.errors import ShopUnknown
from yundian.platform.auth.guards import customer
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.outbox.door import Door
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

_ONE_DAY = dt.timedelta(days=1)


class WaitController(Controller):
    """A customer's places on waiting lists."""

    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/appointment-waits", operation_id="appointments_list_waits")
    async def own(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> list[WaitRead]:
        """List where one waits and what is offered, by day."""
        return [await _read(session, one) for one in await _own(session, principal)]

    @post(
        "/appointment-waits",
        operation_id="appointments_join_wait",
        responses=refusals(ServiceUnknown, ShopUnknown, NotOffered, NoWaitlist, AlreadyWaiting),
    )
    @idempotent
    async def join(
        self,
        data: JSONBody[WaitWish],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> WaitRead:
        """Wait for a time on a day that is full: one place for each shop, service and day."""
        await waiting.join(
            session,
            member_id=principal.own_id,
            shop_id=data.shop_id,
            service_id=data.service_id,
            staff_id=data.staff_id,
            day=data.day,
            now=clock.house(),
        )
        wanted = (data.shop_id, data.service_id, data.day)
        own = await _own(session, principal)
        return WaitRead.of(next(one for one in own if (one.shop_id, one.service_id, one.day) == wanted))

    @delete(
        "/appointment-waits/{wait_id:uuid}",
        operation_id="appointments_leave_wait",
        responses=refusals(WaitUnknown),
    )
    async def leave(
        self,
        wait_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> None:
        """Wait no more; what was held for one goes to the next. Repeating is harmless."""
        async with services.database.connection(principal.brand) as tx:
            await waiting.leave(tx, wait_id=wait_id, member_id=principal.own_id)

    @post(
        "/appointments/{code:str}/accept",
        operation_id="appointments_accept_offer",
        status_code=200,
        responses=refusals(BookingUnknown, NotWaiting),
    )
    async def accept(
        self,
        code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> AppointmentRead:
        """Take what the waiting list holds for one; a deposit is paid at ``pay_path``. Repeating is harmless.

        To decline an offer, cancel it.
        """
        here = f"/m/{principal.brand_code}/appointments/{code}"

        async def attempt(tx: Tx) -> BookingView:
            found = await life.see_code(tx, code=code, member_id=principal.own_id)
            booking = await life.see(tx, booking_id=found.id, is_locked=True)
            await waiting.accept(tx, booking, keyring=services.keyring, return_path=here, now=booking.seen_at)
            return await life.see(tx, booking_id=booking.id)

        return own_read(services, principal, await decided(services.database, principal.brand, attempt))


async def _own(session: AsyncSession, principal: Principal) -> list[WaitView]:
    yesterday = (clock.house() - _ONE_DAY).date()
    return await waits.of_member(session, member_id=principal.own_id, since=yesterday)


async def _read(door: Door, wait: WaitView) -> WaitRead:
    held = await life.see(door, booking_id=wait.booking_id) if wait.booking_id is not None else None
    return WaitRead.of(wait, appointment_code=held.code if held is not None else "")
