"""HQ sees how far appointments of somebody who is away are given to others."""

import uuid

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.service import replacing
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Role
from yundian.platform.web.pages import page


class ReplacementPages(Controller):
    path = "/hq/appointments/replacements"
    include_in_schema = False
    guards = [requires(Role.HQ_ADMIN, Role.HQ_ANALYST)]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/{replacement_id:uuid}", name="appointments.replacement")
    async def show(self, replacement_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """The part of a page that shows it, as it asks for it every few seconds."""
        return page("appointments/_replacing.html", replacing=await replacing.see(session, run_id=replacement_id))
