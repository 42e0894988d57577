"""What a customer tried in her appointment, noted on a phone by whoever serves her."""

import uuid
from typing import Any

from litestar import Controller, Response, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.schemas.forms import TriedForm
from appointments.service import life, trying
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, see_other


class TriedPages(Controller):
    path = "/shop/appointments/{booking_id:uuid}/tried"
    include_in_schema = False
    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @post(name="appointments.tried", status_code=303)
    async def note(
        self,
        booking_id: FromPath[uuid.UUID],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """She tried this."""
        form = await Form.read(request)
        here = f"/shop/appointments/{booking_id}"
        booking = await life.see(session, booking_id=booking_id, shops=principal.own_shops)
        async with form.attempt(session):
            values = form.parse(TriedForm)
            await trying.note(
                session,
                booking,
                sku_code=values.sku,
                remark=values.note,
                account_id=principal.id,
                now=clock.house(),
            )
            return see_other(here, toast=_("Noted"))
        return see_other(here, toast=form.message)

    @post("/{sku_id:uuid}/remove", name="appointments.tried.remove", status_code=303)
    async def forget(
        self,
        booking_id: FromPath[uuid.UUID],
        sku_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """It was noted by mistake."""
        booking = await life.see(session, booking_id=booking_id, shops=principal.own_shops)
        await trying.forget(session, booking, sku_id=sku_id)
        return see_other(f"/shop/appointments/{booking_id}", toast=_("Taken off the list"))
