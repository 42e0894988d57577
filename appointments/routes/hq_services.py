"""HQ sets up by JSON what can be booked: services, groups that buy sessions, and what is counted afterwards."""

import uuid

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import CodeTaken, ServiceUnknown
from appointments.repository import setup as repository
from appointments.schemas.hq import FlowPolicy, GroupOfferRead, GroupOfferWrite, ServiceUpdate, ServiceWrite
from appointments.service import parties, purchases, setup
from appointments.types import ServiceView
from groupbuy.errors import CampaignUnknown, TermsAreFixed
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)


class ServiceController(Controller):
    """What can be booked, with its policies."""

    path = "/appointment-setup/services"

    @get(operation_id="appointments_list_all_services", guards=[readers])
    async def list_services(self, session: NamedDependency[AsyncSession]) -> list[ServiceView]:
        """List every service with its policies, retired ones too."""
        return await setup.list_services(session)

    @post(operation_id="appointments_create_service", guards=[writers], responses=refusals(CodeTaken))
    @idempotent
    async def create(self, data: JSONBody[ServiceWrite], session: NamedDependency[AsyncSession]) -> ServiceView:
        """Add a service. It can be booked where somebody performs it."""
        return await setup.save_service(session, service_id=None, version=None, fields=data.fields())

    @get(
        "/{service_id:uuid}",
        operation_id="appointments_get_service",
        guards=[readers],
        responses=refusals(ServiceUnknown),
    )
    async def show(self, service_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> ServiceView:
        """Get a service with its policies."""
        return await repository.get_service(session, service_id=service_id)

    @put(
        "/{service_id:uuid}",
        operation_id="appointments_update_service",
        guards=[writers],
        responses=refusals(ServiceUnknown, CodeTaken, VersionConflict),
    )
    @idempotent
    async def update(
        self,
        service_id: FromPath[uuid.UUID],
        data: JSONBody[ServiceUpdate],
        session: NamedDependency[AsyncSession],
    ) -> ServiceView:
        """Replace what is said of a service; what is left out becomes as of a new one. What is booked stays."""
        return await setup.save_service(session, service_id=service_id, version=data.version, fields=data.fields())


class GroupOfferController(Controller):
    """Campaigns whose groups buy a session together."""

    path = "/appointment-setup/group-offers"

    @get(operation_id="appointments_list_group_offers", guards=[readers])
    async def list_offers(self, session: NamedDependency[AsyncSession]) -> list[GroupOfferRead]:
        """List the campaigns that sell sessions to groups, the newest first."""
        return [GroupOfferRead.of(one) for one in await parties.offered(session)]

    @put(
        "/{campaign_id:uuid}",
        operation_id="appointments_put_group_offer",
        guards=[writers],
        responses=refusals(CampaignUnknown, TermsAreFixed, ServiceUnknown),
    )
    @idempotent
    async def offer(
        self,
        campaign_id: FromPath[uuid.UUID],
        data: JSONBody[GroupOfferWrite],
        session: NamedDependency[AsyncSession],
    ) -> list[GroupOfferRead]:
        """Let the groups of a campaign, a draft still, buy a session of a service with a seat for each member."""
        await parties.offer(session, campaign_id=campaign_id, service_id=data.service_id)
        return [GroupOfferRead.of(one) for one in await parties.offered(session)]


class FlowPolicyController(Controller):
    """What is counted after appointments, and how long it is known who looked."""

    path = "/appointment-setup/policy"

    @get(operation_id="appointments_get_policy", guards=[readers])
    async def show(self, session: NamedDependency[AsyncSession]) -> FlowPolicy:
        """Get for how many days orders follow an appointment, and it is known who looked at times."""
        return await _policy(session)

    @put(operation_id="appointments_put_policy", guards=[writers])
    @idempotent
    async def decide(
        self,
        data: JSONBody[FlowPolicy],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> FlowPolicy:
        """Decide both anew; what was counted stays."""
        await purchases.put_days(
            session,
            count=data.purchase_days,
            viewing_days=data.viewing_days,
            actor_id=principal.id,
            now=clock.house(),
        )
        return await _policy(session)


async def _policy(session: AsyncSession) -> FlowPolicy:
    return FlowPolicy(
        purchase_days=await purchases.days(session), viewing_days=await purchases.viewing_days(session)
    )
