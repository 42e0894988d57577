"""The staff of a shop, as a panel beside the shop: on HQ's page of it and on the owner's phone."""

import uuid
from typing import Any

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import service
from yundian.platform.auth.guards import requires
from yundian.platform.auth.ports import ShopNames
from yundian.platform.auth.schemas import GrantInput, ShopPersonCreate
from yundian.platform.auth.screen import SHOP_NAMES, check_shop
from yundian.platform.auth.types import NewPassword
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import fragment

shop_managers = requires(Role.HQ_ADMIN, Role.SHOP_OWNER)


class ShopPeoplePages(Controller):
    """The panel of a shop's people, on HQ's page of the shop and on the owner's phone."""

    path = "/shop-people"
    include_in_schema = False
    guards = [shop_managers]  # noqa: RUF012  Litestar's way to guard a controller
    dependencies = SHOP_NAMES

    @get("/{shop_id:uuid}", name="auth.shop_people")
    async def people(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Template:
        await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=Role.SHOP_STAFF)
        return await _shop_panel(session, services, principal, shop_id, Form.of(), None)

    @post("/{shop_id:uuid}", name="auth.shop_people.add", status_code=200)
    @idempotent
    async def add(
        self,
        shop_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Template:
        """Add somebody; a new account's temporary password is shown once, in the panel."""
        form = await Form.read(request)
        made: NewPassword | None = None
        await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=Role.SHOP_STAFF)
        async with form.attempt(session):
            values = form.parse(ShopPersonCreate)
            await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=values.role)
            made = await service.add_shop_person(
                session,
                keyring=services.keyring,
                brand_id=principal.brand,
                shop_id=shop_id,
                login=values.login,
                display_name=values.display_name,
                role=values.role,
                actor_id=principal.id,
            )
        return await _shop_panel(session, services, principal, shop_id, form, made)

    @post("/{shop_id:uuid}/{account_id:uuid}/remove", name="auth.shop_people.remove", status_code=200)
    @idempotent
    async def remove(
        self,
        shop_id: FromPath[uuid.UUID],
        account_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        shop_names: NamedDependency[ShopNames],
    ) -> Template:
        """Take a role of the shop away."""
        form = await Form.read(request)
        await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=Role.SHOP_STAFF)
        async with form.attempt(session):
            role = form.parse(GrantInput).role
            await check_shop(session, shops=shop_names, principal=principal, shop_id=shop_id, role=role)
            await service.remove_role(
                session,
                brand_id=principal.brand,
                account_id=account_id,
                grant=GrantInput(role=role, shop_id=shop_id).grant(),
                actor_id=principal.id,
            )
        return await _shop_panel(session, services, principal, shop_id, form, None)


async def _shop_panel(
    session: AsyncSession,
    services: Services,
    principal: Principal,
    shop_id: uuid.UUID,
    form: Form,
    made: NewPassword | None,
) -> Template:
    people = await service.list_shop_people(
        session, keyring=services.keyring, brand_id=principal.brand, shop_id=shop_id
    )
    return fragment(
        "auth/_shop_people.html",
        people=people,
        shop_id=shop_id,
        form=form,
        made=made,
        may_name_owners=principal.shops(Role.HQ_ADMIN) is None,
        status_code=form.status,
    )
