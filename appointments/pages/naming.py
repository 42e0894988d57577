"""On the owner's page of English names: the shop's people who serve."""

import uuid

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.schemas.naming import NamesForm
from appointments.service import naming
from stores.errors import ShopUnknown
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, fragment


class NamesPanel(Controller):
    path = "/shop/panels/english"
    include_in_schema = False
    guards = [requires(Role.SHOP_OWNER)]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/{shop_id:uuid}", name="appointments.english")
    async def show(
        self,
        shop_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Who has my shop as home; nothing where nobody serves."""
        return await _panel(session, principal, shop_id, Form.of())

    @post("/{shop_id:uuid}", name="appointments.english.save", status_code=200)
    @idempotent
    async def save(
        self,
        shop_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Say their names in English: all of them are saved, or none."""
        form = await Form.read(request)
        _check_own(principal, shop_id)
        async with form.attempt(session):
            await naming.put(session, shop_ids={shop_id}, names=form.parse(NamesForm).names())
            return await _panel(session, principal, shop_id, Form.of(), is_saved=True)
        return await _panel(session, principal, shop_id, form)


def _check_own(principal: Principal, shop_id: uuid.UUID) -> None:
    if shop_id not in (principal.shops(Role.SHOP_OWNER) or ()):
        raise ShopUnknown


async def _panel(
    session: AsyncSession, principal: Principal, shop_id: uuid.UUID, form: Form, *, is_saved: bool = False
) -> Template:
    _check_own(principal, shop_id)
    people = await naming.at_home(session, shop_ids={shop_id})
    typed = zip(form.list("id"), form.list("display_name_en"), form.list("title_en"), strict=False)
    return fragment(
        "appointments/_english.html",
        status_code=form.status,
        form=form,
        people=people,
        typed={key: (name, title) for key, name, title in typed},
        shop_id=shop_id,
        is_saved=is_saved,
    )
