"""What a shop's board is drawn on, and one appointment as the shop sees it, by JSON."""

import datetime as dt
import uuid
from typing import Annotated, Any

from litestar import Controller, Request, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import (
    BookingUnknown,
    CapReached,
    NotNow,
    NotOffered,
    OutsideHours,
    OwnOverlap,
    SlotTaken,
    TooFar,
)
from appointments.repository import bookings, waits
from appointments.repository import setup as repository
from appointments.schemas.forms import utc
from appointments.schemas.shops import (
    BoardDay,
    ChairLane,
    HoursRead,
    LaneKind,
    LanePlaces,
    OpenDay,
    OwnShopRead,
    PeopleWish,
    PlaceWish,
    ShareWish,
    SheetRead,
    lanes,
)
from appointments.schemas.wire import BoardEntry, ServiceRead, TriedRead
from appointments.service import (
    dropping,
    life,
    moving,
    planning,
    prepaid,
    setup,
    sharing,
    sheets,
    shifts,
    trying,
    undoing,
)
from stores import api as stores
from stores.errors import ShopUnknown
from yundian.attribution.types import LinkRead
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.db.services import Services
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

OwnShop = Annotated[uuid.UUID, QueryParameter(description="One of the caller's shops")]
Day = Annotated[dt.date | None, QueryParameter(description="Of the shop's calendar; today without one")]
_NONE = refusals(BookingUnknown)
_PLACE = refusals(
    BookingUnknown, NotNow, VersionConflict, SlotTaken, CapReached, OutsideHours, NotOffered, TooFar, OwnOverlap
)


class ShopDayController(Controller):
    """What a shop needs to run its day."""

    path = "/shop-appointments"
    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/shops", operation_id="appointments_list_own_shops")
    async def shops(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> list[OwnShopRead]:
        """List one's own shops where one can book, by name."""
        found = await sharing.bookable(session, shops=principal.own_shops)
        return [OwnShopRead.of(one) for one in found]

    @get("/services", operation_id="appointments_list_shop_services", responses=refusals(ShopUnknown))
    async def services(
        self, shop_id: OwnShop, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> list[ServiceRead]:
        """List the services that somebody performs in one's own shop, by category and name."""
        _check_own(principal, shop_id)
        return [ServiceRead.of(one) for one in await repository.offered(session, shop_id=shop_id)]

    @get("/day", operation_id="appointments_get_shop_day", responses=refusals(ShopUnknown))
    async def day(
        self,
        shop_id: OwnShop,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        day: Day = None,
    ) -> BoardDay:
        """Get the hours, people and chairs of a day of one's own shop, and what waits for somebody's word."""
        _check_own(principal, shop_id)
        now = clock.house()
        shop = (await stores.get_shop(session, shop_id=shop_id)).shop
        today = clock.business_day(now, shop.time_zone)
        on = planning.near(day, today)
        worked = (await shifts.of_shops(session, shop_ids=[shop_id], first=on, last=on))[shop_id]
        open_days = await bookings.open_days(session, shop_id=shop_id, since=today, now=now)
        return BoardDay(
            shop_id=shop_id,
            day=on,
            time_zone=shop.time_zone,
            hours=[HoursRead(*each) for each in worked.hours()],
            people=lanes(await setup.list_staff(session, shop_id=shop_id), worked),
            chairs=[ChairLane.of(one) for one in await setup.resources_of(session, shop_id=shop_id)],
            waiting=len(await waits.of_day(session, shop_id=shop_id, day=on)),
            open_days=[OpenDay(*each) for each in open_days],
        )

    @post("/links", operation_id="appointments_make_shop_link", responses=refusals(ShopUnknown))
    @idempotent
    async def share(
        self,
        data: JSONBody[ShareWish],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> LinkRead:
        """Get the link by which one's own shop shares where one books with it: made once, then the same."""
        found = await sharing.bookable(session, shops=principal.own_shops)
        shop = next((one for one in found if one.id == data.shop_id), None)
        if shop is None:
            raise ShopUnknown
        title = _("Appointments at %(shop)s", shop=shop.name)
        link = await sharing.share(session, keyring=services.keyring, shop=shop, title=title)
        return LinkRead.of(link, base=services.settings.public_url or str(request.base_url))

    @get("/orders/{order_id:uuid}", operation_id="appointments_get_of_shop_order", responses=_NONE)
    async def of_order(
        self,
        order_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Get the appointment that an order of one's own shop paid for, where it stands now."""
        found = await prepaid.booking_in_shops(session, order_id=order_id, shops=principal.own_shops)
        if found is None:
            raise BookingUnknown
        return BoardEntry.of(found)


class SheetController(Controller):
    """One appointment, by the shop's own people."""

    path = "/shop-appointments/{booking_id:uuid}"
    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="appointments_get_sheet", responses=_NONE)
    async def show(
        self,
        booking_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> SheetRead:
        """Get all of one appointment: who comes, what happened, what was tried, and what it became."""
        async with services.database.connection(principal.brand) as tx:
            sheet = await sheets.read(
                tx, keyring=services.keyring, booking_id=booking_id, shops=principal.own_shops
            )
        async with services.database.unit_of_work(principal.brand) as session:
            tried = await trying.tried_in(session, booking_id=booking_id)
        return SheetRead.of(sheet, tried=[TriedRead.of(one) for one in tried])

    @get("/places", operation_id="appointments_list_places", responses=_NONE)
    async def places(
        self,
        booking_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        day: FromQuery[dt.date],
        by: Annotated[LaneKind, QueryParameter(description="Among people, or among chairs")] = LaneKind.STAFF,
    ) -> list[LanePlaces]:
        """List where on the board of a day it could go: when, and to whom or which chair."""
        async with services.database.connection(principal.brand) as tx:
            found = await dropping.places(
                tx,
                booking_id=booking_id,
                shops=principal.own_shops,
                day=day,
                is_by_chair=by is LaneKind.CHAIR,
            )
        return [LanePlaces(lane, starts) for lane, starts in found.items()]

    @post("/place", operation_id="appointments_place", status_code=200, responses=_PLACE)
    async def place(
        self,
        booking_id: FromPath[uuid.UUID],
        data: JSONBody[PlaceWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Put it somewhere else on the board: a group session goes as a whole, and keeps its seats.

        It lives on under the id and the code in the answer. For a minute that can be undone; then the customer is
        told.
        """
        moved = await dropping.drop(
            services.database,
            brand_id=principal.brand,
            booking_id=booking_id,
            to=dropping.Drop(
                start=utc(data.start),
                lane=data.lane_id,
                is_by_chair=data.by is LaneKind.CHAIR,
                sequence=data.sequence,
            ),
            shops=principal.own_shops,
            actor_id=principal.id,
        )
        return BoardEntry.of(moved)

    @post(
        "/people",
        operation_id="appointments_change_people",
        status_code=200,
        responses=refusals(
            BookingUnknown, NotNow, VersionConflict, SlotTaken, CapReached, OutsideHours, NotOffered
        ),
    )
    async def people(
        self,
        booking_id: FromPath[uuid.UUID],
        data: JSONBody[PeopleWish],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Give it to somebody else, or another chair, at the same time. For a minute that can be undone; then the
        customer is told."""
        given = await moving.reassign(
            services.database,
            brand_id=principal.brand,
            booking_id=booking_id,
            staff_id=data.staff_id,
            resource_id=data.chair_id,
            shops=principal.own_shops,
            actor_id=principal.id,
            sequence=data.sequence,
        )
        return BoardEntry.of(given)

    @post("/stand", operation_id="appointments_let_move_stand", status_code=200, responses=_NONE)
    async def stand(
        self,
        booking_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> BoardEntry:
        """Let a move stand before its minute is over: the time that is kept for it can be booked at once.

        The customer is told, and it cannot be undone any more. A group session stands as a whole. Repeating is
        harmless.
        """
        return BoardEntry.of(
            await undoing.stand(
                services.database, brand_id=principal.brand, booking_id=booking_id, shops=principal.own_shops
            )
        )

    @delete("/tried/{sku_id:uuid}", operation_id="appointments_remove_tried", responses=_NONE)
    async def remove_tried(
        self,
        booking_id: FromPath[uuid.UUID],
        sku_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> None:
        """Take off what was noted by mistake. Repeating is harmless."""
        booking = await life.see(session, booking_id=booking_id, shops=principal.own_shops)
        await trying.forget(session, booking, sku_id=sku_id)


def _check_own(principal: Principal, shop_id: uuid.UUID) -> None:
    if shop_id not in principal.own_shops:
        raise ShopUnknown
