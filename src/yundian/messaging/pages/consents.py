"""HQ's panel of a member's messages, and the ledger of her consents."""

import uuid
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.messaging.pages.hq import PAGE_SIZE, WORDS, readers
from yundian.messaging.service import choosing, ledger, reading
from yundian.platform.core.principal import Principal
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page

_ON_A_PANEL = 10

WeChatTemplate = Annotated[str, QueryParameter(max_length=64)]


class ConsentPages(Controller):
    path = "/hq/messages/consents"
    include_in_schema = False

    @get("/{member_id:uuid}", name="messaging.consents", guards=[readers])
    async def of_member(
        self,
        member_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        template: WeChatTemplate = "",
        cursor: Cursor = None,
    ) -> Template:
        """What a member agreed to in the mini program, and which message used it: by template, and each entry."""
        found = await ledger.ledger_of(
            session,
            brand_id=principal.brand,
            member_id=member_id,
            template_id=template,
            cursor=cursor,
            limit=PAGE_SIZE,
        )
        zone = await brands.zone_of(session)
        return page(
            "messaging/consents.html", ledger=found, member_id=member_id, template=template, zone=zone, **WORDS
        )


class MessagePanels(Controller):
    path = "/hq/panels/member-messages"
    include_in_schema = False

    @get("/{member_id:uuid}", name="messaging.member.panel", guards=[readers])
    async def of_member(
        self,
        member_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """The newest messages of a member."""
        zone = await brands.zone_of(session)
        return fragment(
            "messaging/_member.html",
            messages=await reading.of_member(session, member_id=member_id, limit=_ON_A_PANEL),
            choices=await choosing.choices_of(session, member_id=member_id),
            consents=await choosing.consents_of(session, brand_id=principal.brand, member_id=member_id),
            member_id=member_id,
            zone=zone,
            **WORDS,
        )
