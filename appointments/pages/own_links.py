"""A customer ends the secret address of an appointment that she gave to somebody."""

from litestar import Controller, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.service import links
from yundian.platform.auth.guards import customer
from yundian.platform.core.principal import Principal
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import see_other


class OwnLinkPages(Controller):
    path = "/m/{brand_code:str}/appointments/{code:str}/link"
    include_in_schema = False
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @post(name="appointments.link.renew", status_code=303)
    async def renew(
        self,
        brand_code: FromPath[str],
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """Addresses that were given out end; the page shows another one."""
        one = await links.renew(session, code=code, member_id=principal.own_id)
        toast = _("The link you shared has ended. There is a new one.")
        return see_other(f"/m/{brand_code}/appointments/{one.code}", toast=toast)
