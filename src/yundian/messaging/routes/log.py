"""HQ reads by JSON which messages went to whom, how they ended and why not, and sends some again."""

import datetime as dt
import uuid
from typing import Annotated

from litestar import Controller, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.members import api as members
from yundian.messaging.errors import MessageUnknown, NobodyToTest, NotToSendAgain
from yundian.messaging.schemas.wire import Addressee, MessageRead, SentAgain, SummaryRead, WhosePhone
from yundian.messaging.service import asking, queueing, reading
from yundian.messaging.states import MessageState
from yundian.messaging.types import Channel, MessageClass, MessageFilter, MessageView
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Role
from yundian.platform.db.paging import Page
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

# A parameter called ``state`` is the framework's own.
Standing = Annotated[MessageState | None, QueryParameter(name="state")]
Code = Annotated[str, QueryParameter(max_length=60, description="A template's code")]
About = Annotated[MessageClass | None, QueryParameter(name="class", description="What it is about")]
Way = Annotated[Channel | None, QueryParameter()]
Reason = Annotated[
    str, QueryParameter(max_length=64, pattern=r"^[a-z_]*$", description="Whole, or what stands before its colon")
]
Only = Annotated[uuid.UUID | None, QueryParameter()]
Since = Annotated[dt.date | None, QueryParameter(description="First day, in the brand's zone")]
Until = Annotated[dt.date | None, QueryParameter(description="Last day, included")]


class MessageController(Controller):
    """The log: never the words of a message, its recipient masked."""

    path = "/messages"

    @get(operation_id="messaging_list_messages", guards=[readers])
    async def list_messages(
        self,
        session: NamedDependency[AsyncSession],
        standing: Standing = None,
        template: Code = "",
        about: About = None,
        channel: Way = None,
        reason: Reason = "",
        member_id: Only = None,
        shop_id: Only = None,
        since: Since = None,
        until: Until = None,
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[MessageView]:
        """List messages, the newest first."""
        first, before = asking.between(since, until, zone=await brands.zone_of(session))
        wanted = MessageFilter(
            state=standing,
            template=template,
            message_class=about,
            channel=channel,
            reason=reason,
            member_id=member_id,
            shop_id=shop_id,
            since=first,
            before=before,
        )
        return await reading.list_messages(session, wanted=wanted, cursor=cursor, limit=limit)

    @post(
        "/of-phone",
        operation_id="messaging_find_addressee",
        guards=[readers],
        status_code=200,
        responses=refusals(NobodyToTest),
    )
    async def of_phone(self, data: JSONBody[WhosePhone], session: NamedDependency[AsyncSession]) -> Addressee:
        """Find the member with this number, to list her messages by: no address tells a number."""
        member_id = await members.find_by_phone(session, phone=data.phone)
        if member_id is None:
            raise NobodyToTest
        return Addressee(member_id=member_id)

    @get("/summary", operation_id="messaging_summarise", guards=[readers])
    async def summarise(
        self, session: NamedDependency[AsyncSession], since: Since = None, until: Until = None
    ) -> SummaryRead:
        """Count what became of messages by template, and why some did not go; without days of a month."""
        zone = await brands.zone_of(session)
        asking.between(since, until, zone=zone)
        first, before = asking.month(since, until, zone=zone)
        return SummaryRead.of(
            await reading.summary(session, since=first, before=before), since=first, before=before
        )

    @get(
        "/{message_id:uuid}",
        operation_id="messaging_get_message",
        guards=[readers],
        responses=refusals(MessageUnknown),
    )
    async def show(self, message_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> MessageRead:
        """Get a message with each try to send it."""
        return await _read(session, message_id)

    @post(
        "/{message_id:uuid}/send-again",
        operation_id="messaging_send_again",
        guards=[writers],
        status_code=200,
        responses=refusals(MessageUnknown, NotToSendAgain),
    )
    @idempotent
    async def send_again(
        self, message_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> MessageRead:
        """Send what failed, waits for a person, or may have been sent."""
        await queueing.send_again(session, message_id=message_id)
        return await _read(session, message_id)

    @post("/send-parked-again", operation_id="messaging_send_parked_again", guards=[writers], status_code=200)
    @idempotent
    async def send_parked_again(self, session: NamedDependency[AsyncSession]) -> SentAgain:
        """Send everything that waits for a person: after an outage there may be many."""
        return SentAgain(count=await queueing.send_parked_again(session))


async def _read(session: AsyncSession, message_id: uuid.UUID) -> MessageRead:
    message, attempts = await reading.get_message(session, message_id=message_id)
    return MessageRead(message=message, attempts=attempts, may_send_again=reading.may_send_again(message))
