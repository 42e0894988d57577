"""The mini program's API: what to ask consent for, and what was answered."""

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.messaging.errors import AppNotSetUp
from yundian.messaging.schemas.forms import ConsentReport
from yundian.messaging.service import choosing
from yundian.messaging.types import Subscription
from yundian.platform.auth.guards import customer
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.openapi import refusals


class ConsentController(Controller):
    """Consents for one message each."""

    path = "/message-consents"
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="messaging_list_subscriptions")
    async def list_subscriptions(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> list[Subscription]:
        """List the templates that a page may ask consent for, with the consents that are left."""
        return await choosing.subscriptions(
            session, database=services.database, brand_id=principal.brand, member_id=principal.own_id
        )

    @post(
        operation_id="messaging_report_consents",
        status_code=200,
        opt={"rate_limit": "60/minute"},
        responses=refusals(AppNotSetUp),
    )
    async def report(
        self,
        data: JSONBody[ConsentReport],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> list[Subscription]:
        """Report what the dialogue of `wx.requestSubscribeMessage` answered; each acceptance is one message."""
        return await choosing.gain_credits(
            session,
            database=services.database,
            brand_id=principal.brand,
            member_id=principal.own_id,
            reference=data.reference,
            results=data.results,
        )
