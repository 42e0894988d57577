"""HQ sets up shops by JSON: chairs, holidays, dates with other hours; and sees what does not fit any more."""

import datetime as dt
import uuid

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import NameTaken, ResourceUnknown
from appointments.repository.setup import ResourceView
from appointments.schemas.hq import (
    ChairStatus,
    ChairWrite,
    HolidayRule,
    MisfitRead,
    Replaced,
    ShopDayRead,
    ShopDayWrite,
    ShopRead,
    ShopSetupRead,
)
from appointments.service import readiness, replacing, setup
from appointments.service.misfits import misfits
from stores import api as stores
from stores.errors import ShopUnknown
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)


class ShopSetupController(Controller):
    """Shops as far as appointments need them."""

    path = "/appointment-setup/shops"

    @get(operation_id="appointments_list_shop_setups", guards=[readers])
    async def list_shops(self, session: NamedDependency[AsyncSession]) -> list[ShopRead]:
        """List every shop by its code, with what keeps customers from booking there."""
        return [ShopRead.of(one) for one in await readiness.of_shops(session)]

    @get(
        "/{shop_id:uuid}",
        operation_id="appointments_get_shop_setup",
        guards=[readers],
        responses=refusals(ShopUnknown),
    )
    async def show(self, shop_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> ShopSetupRead:
        """Get a shop's chairs, how it treats holidays, and its dates to come with other hours."""
        return await _setup(session, shop_id)

    @put(
        "/{shop_id:uuid}/holidays",
        operation_id="appointments_put_holidays",
        guards=[writers],
        responses=refusals(ShopUnknown),
    )
    @idempotent
    async def put_rule(
        self, shop_id: FromPath[uuid.UUID], data: JSONBody[HolidayRule], session: NamedDependency[AsyncSession]
    ) -> ShopSetupRead:
        """Decide how the shop treats public holidays and the weekend days that make up for them."""
        await stores.get_shop(session, shop_id=shop_id)
        await setup.put_shop_rule(session, shop_id=shop_id, holidays=data.holidays, workdays=data.workdays)
        return await _setup(session, shop_id)

    @put(
        "/{shop_id:uuid}/days/{day:date}",
        operation_id="appointments_put_shop_day",
        guards=[writers],
        responses=refusals(ShopUnknown),
    )
    @idempotent
    async def put_day(
        self,
        shop_id: FromPath[uuid.UUID],
        day: FromPath[dt.date],
        data: JSONBody[ShopDayWrite],
        session: NamedDependency[AsyncSession],
    ) -> ShopSetupRead:
        """Close the shop on a date, or open it at other hours. What is booked then stays, and is a misfit."""
        await stores.get_shop(session, shop_id=shop_id)
        await setup.put_shop_day(session, shop_id=shop_id, day=data.view(day))
        return await _setup(session, shop_id)

    @delete(
        "/{shop_id:uuid}/days/{day:date}",
        operation_id="appointments_forget_shop_day",
        guards=[writers],
        status_code=200,
        responses=refusals(ShopUnknown),
    )
    @idempotent
    async def forget_day(
        self, shop_id: FromPath[uuid.UUID], day: FromPath[dt.date], session: NamedDependency[AsyncSession]
    ) -> ShopSetupRead:
        """Let the shop's week hold again on a date."""
        await stores.get_shop(session, shop_id=shop_id)
        await setup.put_shop_day(session, shop_id=shop_id, day=day)
        return await _setup(session, shop_id)

    @get(
        "/{shop_id:uuid}/misfits",
        operation_id="appointments_list_shop_misfits",
        guards=[readers],
        responses=refusals(ShopUnknown),
    )
    async def misfits(
        self, shop_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> list[MisfitRead]:
        """List what is to come outside the hours or somebody's work: what ``replace`` would give to others."""
        await stores.get_shop(session, shop_id=shop_id)
        return [MisfitRead.of(one) for one in await misfits(session, shop_id=shop_id)]

    @post(
        "/{shop_id:uuid}/replace",
        operation_id="appointments_replace_in_shop",
        guards=[writers],
        status_code=200,
        responses=refusals(ShopUnknown),
    )
    async def replace(
        self,
        shop_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Replaced:
        """Give what does not fit any more to whoever is free then, or ask its customers. Repeating is harmless."""
        begun = await replacing.replace_misfits(
            services.database, brand_id=principal.brand, shop_id=shop_id, actor_id=principal.id
        )
        return Replaced.of(begun)


class ChairController(Controller):
    """Chairs and rooms: one customer, or one session, at a time."""

    path = "/appointment-setup/shops/{shop_id:uuid}/chairs"

    @post(operation_id="appointments_add_chair", guards=[writers], responses=refusals(ShopUnknown, NameTaken))
    @idempotent
    async def add(
        self, shop_id: FromPath[uuid.UUID], data: JSONBody[ChairWrite], session: NamedDependency[AsyncSession]
    ) -> ResourceView:
        """Add a chair or a room to a shop."""
        return await setup.add_resource(session, shop_id=shop_id, kind=data.kind, name=data.name)

    @put(
        "/{chair_id:uuid}/status",
        operation_id="appointments_set_chair_status",
        guards=[writers],
        responses=refusals(ShopUnknown, ResourceUnknown),
    )
    @idempotent
    async def set_status(
        self,
        shop_id: FromPath[uuid.UUID],
        chair_id: FromPath[uuid.UUID],
        data: JSONBody[ChairStatus],
        session: NamedDependency[AsyncSession],
    ) -> ShopSetupRead:
        """Take a chair out of use, or use it again. What is booked on it stays and has to be moved."""
        await setup.set_resource_status(session, shop_id=shop_id, resource_id=chair_id, status=data.status)
        return await _setup(session, shop_id)


async def _setup(session: AsyncSession, shop_id: uuid.UUID) -> ShopSetupRead:
    shop = (await stores.get_shop(session, shop_id=shop_id)).shop
    today = clock.business_day(clock.house(), shop.time_zone)
    holidays, workdays, days = await setup.shop_days(session, shop_id=shop_id, since=today)
    return ShopSetupRead(
        shop_id=shop_id,
        chairs=await setup.resources_of(session, shop_id=shop_id),
        holidays=holidays,
        workdays=workdays,
        days=[ShopDayRead.of(one) for one in days],
        unknown_year=await setup.unknown_holidays(session, today=today),
    )
