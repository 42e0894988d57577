"""A shop's own link to where one books with it, on its people's phones: made once, then the same."""

import uuid
from typing import Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.service import sharing
from stores.errors import ShopUnknown
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, fragment, see_other


class _Share(msgspec.Struct, frozen=True, kw_only=True):
    shop_id: uuid.UUID


class SharePages(Controller):
    path = "/shop"
    include_in_schema = False
    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/panels/booking-links", name="appointments.share_panel")
    async def panel(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """On the page of links: the caller's shops where one can book."""
        return fragment(
            "appointments/_share_panel.html", shops=await sharing.bookable(session, shops=principal.own_shops)
        )

    @post("/appointments/share", name="appointments.share", status_code=303)
    @idempotent
    async def share(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """The link; whoever opens it chooses what and when, in this shop."""
        wanted = (await Form.read(request)).parse(_Share).shop_id
        found = await sharing.bookable(session, shops=principal.own_shops)
        shop = next((one for one in found if one.id == wanted), None)
        if shop is None:
            raise ShopUnknown
        title = _("Appointments at %(shop)s", shop=shop.name)
        link = await sharing.share(session, keyring=services.keyring, shop=shop, title=title)
        return see_other(f"/shop/links/{link.id}")
