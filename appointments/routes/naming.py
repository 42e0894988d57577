"""What a shop's people are called in English, by JSON: its owner says it."""

import uuid
from typing import Annotated

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import StaffUnknown
from appointments.schemas.naming import NamesWish
from appointments.service import naming
from appointments.service.naming import NamedPerson
from stores.errors import ShopUnknown
from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

OwnShop = Annotated[uuid.UUID, QueryParameter(description="One of the caller's shops")]


class NamesController(Controller):
    path = "/shop-appointments/people"
    guards = [requires(Role.SHOP_OWNER)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="appointments_list_shop_people", responses=refusals(ShopUnknown))
    async def people(
        self, shop_id: OwnShop, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> list[NamedPerson]:
        """List who serves and has one's own shop as home, by own and English names."""
        if shop_id not in (principal.shops(Role.SHOP_OWNER) or ()):
            raise ShopUnknown
        return await naming.at_home(session, shop_ids={shop_id})

    @put(
        "/english",
        operation_id="appointments_put_english_names",
        responses=refusals(StaffUnknown, VersionConflict),
    )
    @idempotent
    async def put_english(
        self,
        data: JSONBody[NamesWish],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> list[NamedPerson]:
        """Say in English what people of one's own shops are called: all of them are saved, or none."""
        mine = principal.shops(Role.SHOP_OWNER) or frozenset()
        wanted = {one.id for one in data.people}
        return [one for one in await naming.put(session, shop_ids=mine, names=data.people) if one.id in wanted]
