"""Shops run their day by JSON."""

import datetime as dt
import uuid
from typing import Annotated, Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import (
    BookingUnknown,
    CapReached,
    KeyReused,
    NeedsDeposit,
    NotNow,
    NotOffered,
    OffGrid,
    OutsideHours,
    OwnOverlap,
    PaidBack,
    ServiceUnknown,
    SkuUnknown,
    SlotPassed,
    SlotTaken,
    TimeGone,
    TooEarly,
    TooFar,
    TooLateToUndo,
    TooSoon,
)
from appointments.repository import bookings
from appointments.schemas.forms import utc
from appointments.schemas.wire import (
    BoardEntry,
    CodeWish,
    ShopMoveWish,
    StepWish,
    TriedRead,
    TriedWish,
    UndoWish,
    WalkInWish,
)
from appointments.service import life, moving, planning, steps, trying, undoing
from appointments.service.booking import Wish, soon
from appointments.service.moving import NewTime
from appointments.service.steps import By
from appointments.service.walking_in import walk_in
from appointments.states import Source
from appointments.types import Actor
from stores.errors import ShopUnknown
from yundian.orders.errors import RefundOpen
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import HEADER
from yundian.platform.web.openapi import refusals

AnyRequest = Request[Any, Any, Any]
shop_people = requires(Role.SHOP_OWNER, Role.SHOP_STAFF)
_TIME = (
    ServiceUnknown,
    ShopUnknown,
    NotOffered,
    SlotTaken,
    OutsideHours,
    OffGrid,
    TooSoon,
    TooFar,
    CapReached,
    NeedsDeposit,
    OwnOverlap,
)

Day = Annotated[dt.date | None, QueryParameter()]


class BoardController(Controller):
    """A shop's day."""

    path = "/shop-appointments"
    guards = [shop_people]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="appointments_list_board", responses=refusals(ShopUnknown))
    async def board(
        self,
        shop_id: FromQuery[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        day: Day = None,
    ) -> list[BoardEntry]:
        """List a day of one of one's own shops, in order; today without a day."""
        if shop_id not in principal.own_shops:
            raise ShopUnknown
        async with services.database.connection(principal.brand) as tx:
            on = await planning.local_day(tx, shop_id=shop_id, day=day, now=clock.house())
            found = await bookings.of_day(tx, shop_id=shop_id, day=on)
        return [BoardEntry.of(one) for one in found]

    @post(
        "/check-in",
        operation_id="appointments_check_in",
        status_code=200,
        responses=refusals(
            BookingUnknown, NeedsDeposit, NotNow, TooEarly, SlotPassed, TimeGone, PaidBack, RefundOpen
        ),
    )
    async def check_in(
        self,
        data: JSONBody[CodeWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Check a customer in by the code she shows, at one of one's own shops."""
        booking_id = await steps.check_in(
            services.database, brand_id=principal.brand, code=data.code, by=_by(principal)
        )
        return await _shown(services, principal, booking_id)

    @post(
        "/walk-ins",
        operation_id="appointments_walk_in",
        responses=refusals(*_TIME, KeyReused),
        opt={"rate_limit": "40/minute"},
    )
    async def serve_now(
        self,
        data: JSONBody[WalkInWish],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Serve somebody who stands in the shop, at once, by whoever is free.

        ``Idempotency-Key`` is honoured: the same key of the same person takes one time.
        """
        key = request.headers.get(HEADER)
        if data.shop_id not in principal.own_shops:
            raise ShopUnknown
        wish = Wish(
            shop_id=data.shop_id,
            service_id=data.service_id,
            start=soon(clock.house()),
            staff_id=data.staff_id,
            source=Source.WALK_IN,
            request_key=f"{principal.id}:{key}" if key else None,
        )
        booked = await walk_in(
            services.database, keyring=services.keyring, brand_id=principal.brand, wish=wish, phone=data.phone
        )
        return await _shown(services, principal, booked.booking_id)

    @post(
        "/{booking_id:uuid}/steps",
        operation_id="appointments_take_step",
        status_code=200,
        responses=refusals(
            BookingUnknown, NeedsDeposit, NotNow, TooEarly, SlotPassed, TimeGone, PaidBack, RefundOpen
        ),
    )
    async def step(
        self,
        booking_id: FromPath[uuid.UUID],
        data: JSONBody[StepWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Approve, decline, check in, start, complete, note a no-show, forgive it, cancel."""
        await steps.take(
            services.database,
            brand_id=principal.brand,
            booking_id=booking_id,
            step=data.step,
            by=_by(principal, data.reason),
        )
        return await _shown(services, principal, booking_id)

    @post(
        "/{booking_id:uuid}/move",
        operation_id="appointments_move_in_shop",
        status_code=200,
        responses=refusals(BookingUnknown, NotNow, VersionConflict, *_TIME),
    )
    async def move(
        self,
        booking_id: FromPath[uuid.UUID],
        data: JSONBody[ShopMoveWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Move an appointment to another time; it lives on under the id and the code in the answer.

        For a minute that can be undone; then the customer is told. Repeating is harmless.
        """
        to = NewTime(
            start=utc(data.start),
            staff_id=data.staff_id,
            by=Actor.SHOP,
            actor_id=principal.id,
            sequence=data.sequence,
        )
        moved = await moving.reschedule(
            services.database,
            brand_id=principal.brand,
            booking_id=booking_id,
            to=to,
            shops=principal.own_shops,
        )
        return await _shown(services, principal, moved.id)

    @post(
        "/{booking_id:uuid}/undo",
        operation_id="appointments_undo_move",
        status_code=200,
        responses=refusals(BookingUnknown, TooLateToUndo, VersionConflict, SlotTaken, CapReached),
    )
    async def undo(
        self,
        booking_id: FromPath[uuid.UUID],
        data: JSONBody[UndoWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Take the last move of a shop back, within a minute: the appointment is as before, and nobody was told.

        It can be undone once: repeating is refused, and changes nothing.
        """
        back = await undoing.undo(
            services.database,
            brand_id=principal.brand,
            booking_id=booking_id,
            shops=principal.own_shops,
            actor_id=principal.id,
            sequence=data.sequence,
        )
        return await _shown(services, principal, back.id)

    @get("/{booking_id:uuid}/tried", operation_id="appointments_list_tried", responses=refusals(BookingUnknown))
    async def tried(
        self,
        booking_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> list[TriedRead]:
        """List what was tried in an appointment."""
        await life.see(session, booking_id=booking_id, shops=principal.own_shops)
        return [TriedRead.of(one) for one in await trying.tried_in(session, booking_id=booking_id)]

    @post(
        "/{booking_id:uuid}/tried",
        operation_id="appointments_note_tried",
        status_code=200,
        responses=refusals(BookingUnknown, SkuUnknown, NotNow),
    )
    async def note_tried(
        self,
        booking_id: FromPath[uuid.UUID],
        data: JSONBody[TriedWish],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> list[TriedRead]:
        """Note what was tried, by its SKU's code. Repeating changes the note."""
        booking = await life.see(session, booking_id=booking_id, shops=principal.own_shops)
        await trying.note(
            session,
            booking,
            sku_code=data.sku_code,
            remark=data.note,
            account_id=principal.id,
            now=clock.house(),
        )
        return [TriedRead.of(one) for one in await trying.tried_in(session, booking_id=booking_id)]


def _by(principal: Principal, reason: str = "") -> By:
    return By(principal.id, principal.own_shops, reason.strip())


async def _shown(services: Services, principal: Principal, booking_id: uuid.UUID) -> BoardEntry:
    async with services.database.connection(principal.brand) as tx:
        return BoardEntry.of(await life.see(tx, booking_id=booking_id, shops=principal.own_shops))
