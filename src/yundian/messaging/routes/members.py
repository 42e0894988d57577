"""What members hear, by JSON: their own choices, and for HQ what a member agreed to."""

import uuid
from typing import Annotated

from litestar import Controller, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.members import api as members
from yundian.members.types import JoinedVia
from yundian.messaging.schemas.wire import ChoicesRead, ChoiceWrite, LanguageWrite, MemberMessaging
from yundian.messaging.service import choosing, ledger, reading
from yundian.messaging.service.ledger import Ledger
from yundian.messaging.types import MessageClass
from yundian.platform.auth.guards import customer, requires
from yundian.platform.core.errors import NotFound
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
_NEWEST = 10

WeChatTemplate = Annotated[str, QueryParameter(max_length=64, description="Of one template of WeChat's only")]


class MemberMessageController(Controller):
    """A member, as far as messages go."""

    path = "/member-messaging/{member_id:uuid}"
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="messaging_get_member", responses=refusals(NotFound))
    async def show(
        self,
        member_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> MemberMessaging:
        """Get what a member wants to hear, her consents that are left, and her newest messages."""
        if not await members.reach_of(session, ids=[member_id]):
            raise NotFound
        return MemberMessaging(
            choices=await choosing.choices_of(session, member_id=member_id),
            consents=await choosing.consents_of(session, brand_id=principal.brand, member_id=member_id),
            messages=await reading.of_member(session, member_id=member_id, limit=_NEWEST),
        )

    @get("/consents", operation_id="messaging_list_consents", responses=refusals(NotFound))
    async def consents(
        self,
        member_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        template: WeChatTemplate = "",
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Ledger:
        """List what she agreed to in the mini program, and which message used it: by template, and each entry."""
        return await ledger.ledger_of(
            session,
            brand_id=principal.brand,
            member_id=member_id,
            template_id=template,
            cursor=cursor,
            limit=limit,
        )


class ChoiceController(Controller):
    """A customer decides what she hears, and in which language."""

    path = "/message-choices"
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="messaging_get_choices")
    async def show(
        self, services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> ChoicesRead:
        """Get each class of messages and whether one gets it, and the language they are in."""
        return await _choices(services, principal)

    @put("/classes/{message_class:str}", operation_id="messaging_choose")
    async def choose(
        self,
        message_class: FromPath[MessageClass],
        data: JSONBody[ChoiceWrite],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> ChoicesRead:
        """Want a class of messages, or not, from now on; those about one's own orders cannot be stopped."""
        async with services.database.connection(principal.brand) as tx:
            await choosing.choose(
                tx,
                member_id=principal.own_id,
                message_class=message_class,
                is_allowed=data.is_allowed,
                via=JoinedVia.MINI_PROGRAM,
            )
        return await _choices(services, principal)

    @put("/language", operation_id="messaging_choose_language")
    async def speak(
        self,
        data: JSONBody[LanguageWrite],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> ChoicesRead:
        """Choose the language of messages from now on."""
        async with services.database.connection(principal.brand) as tx:
            await members.speak(tx, member_id=principal.own_id, locale=data.locale)
        return await _choices(services, principal)


async def _choices(services: Services, principal: Principal) -> ChoicesRead:
    async with services.database.unit_of_work(principal.brand) as session:
        policy = await brands.get_policy(session, brand_id=principal.brand)
    async with services.database.connection(principal.brand) as tx:
        choices = await choosing.choices_of(tx, member_id=principal.own_id)
        reach = (await members.reach_of(tx, ids=[principal.own_id])).get(principal.own_id)
    return ChoicesRead(choices=choices, locale=(reach.locale if reach else "") or policy.default_locale)
