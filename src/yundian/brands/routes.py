"""The brand's JSON API: its policy, and the courier's parked deliveries."""

from typing import Annotated

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api, service
from yundian.brands.schemas import PolicyUpdate, Rerun, RerunAll, Rerunning
from yundian.brands.types import PolicyView
from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.outbox import parked
from yundian.platform.outbox.health import CourierHealth, courier_health
from yundian.platform.outbox.parked import NotParked, ParkedItem
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

Name = Annotated[str | None, QueryParameter(max_length=80)]


class BrandController(Controller):
    path = "/brand"

    @get("/policy", operation_id="brands_get_policy", guards=[requires(*Role)])
    async def get_policy(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> PolicyView:
        """Get what HQ has decided for the whole brand."""
        return await api.get_policy(session, brand_id=principal.brand)

    @put(
        "/policy",
        operation_id="brands_update_policy",
        guards=[requires(Role.HQ_ADMIN)],
        responses=refusals(VersionConflict),
    )
    @idempotent
    async def update_policy(
        self,
        data: JSONBody[PolicyUpdate],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> PolicyView:
        """Replace the policy; it holds from the next request on."""
        return await service.save_policy(
            session, brand_id=principal.brand, version=data.version, fields=data.fields()
        )


class CourierController(Controller):
    path = "/courier"

    @get("/health", operation_id="courier_get_health", guards=[requires(Role.HQ_ADMIN, Role.HQ_ANALYST)])
    async def health(self, session: NamedDependency[AsyncSession]) -> CourierHealth:
        """Get how many of the brand's events wait, for how long, and what is parked."""
        return await courier_health(session)

    @get("/parked", operation_id="courier_list_parked", guards=[requires(Role.HQ_ADMIN)])
    async def list_parked(
        self,
        session: NamedDependency[AsyncSession],
        subscriber: Name = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[ParkedItem]:
        """List what gave up after too many tries, newest first."""
        return await parked.list_parked(session, limit=limit, cursor=cursor, subscriber=subscriber)

    @post(
        "/parked/rerun",
        operation_id="courier_rerun",
        guards=[requires(Role.HQ_ADMIN)],
        status_code=200,
        responses=refusals(NotParked),
    )
    @idempotent
    async def rerun(self, data: JSONBody[Rerun], session: NamedDependency[AsyncSession]) -> Rerunning:
        """Try one parked delivery or timer again."""
        await parked.rerun(session, kind=data.kind, id=data.id, subscriber=data.subscriber)
        return Rerunning(count=1)

    @post(
        "/parked/rerun-all",
        operation_id="courier_rerun_all",
        guards=[requires(Role.HQ_ADMIN)],
        status_code=200,
    )
    @idempotent
    async def rerun_all(self, data: JSONBody[RerunAll], session: NamedDependency[AsyncSession]) -> Rerunning:
        """Try everything again that is parked for one subscriber or timer."""
        return Rerunning(count=await parked.rerun_all(session, subscriber=data.subscriber))
