"""HQ reads by JSON how far appointments of somebody who is away are given to others."""

import uuid

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import ReplacementUnknown
from appointments.schemas.hq import ReplacementRead
from appointments.service import replacing
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Role
from yundian.platform.web.openapi import refusals


class ReplacementController(Controller):
    """What is given to others in the background."""

    path = "/appointment-setup/replacements"
    guards = [requires(Role.HQ_ADMIN, Role.HQ_ANALYST)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(
        "/{replacement_id:uuid}",
        operation_id="appointments_get_replacement",
        responses=refusals(ReplacementUnknown),
    )
    async def show(
        self, replacement_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> ReplacementRead:
        """Get how far it is, or what came of it. It is kept for 30 days at least."""
        return ReplacementRead.of(await replacing.see(session, run_id=replacement_id))
