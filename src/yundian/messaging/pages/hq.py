"""HQ's log of messages: which, to whom, how they ended, and why not."""

import datetime as dt
import uuid
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.members import api as members
from yundian.messaging import schemas
from yundian.messaging.rules.templates import TEMPLATES
from yundian.messaging.service import queueing, reading
from yundian.messaging.states import ENDED_BADLY, MessageState
from yundian.messaging.types import Channel, MessageClass, MessageFilter
from yundian.platform.auth.guards import requires
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import ngettext
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_ON_A_PANEL = 10
_MESSAGES = "/hq/messages"

Some = Annotated[str, QueryParameter(max_length=64)]
StateFilter = Annotated[str, QueryParameter(name="state", max_length=32)]
ClassFilter = Annotated[str, QueryParameter(name="class", max_length=32)]

WORDS: dict[str, Any] = {"words": schemas, "tones": schemas.TONES}


class MessagePages(Controller):
    path = _MESSAGES
    include_in_schema = False

    @get(name="messaging.messages", guards=[readers])
    async def list_messages(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        state_filter: StateFilter = "",
        template: Some = "",
        class_filter: ClassFilter = "",
        channel: Some = "",
        phone: Some = "",
        since: Some = "",
        until: Some = "",
        cursor: Cursor = None,
    ) -> Template:
        """Messages, the newest first."""
        zone = (await brands.get_policy(session, brand_id=principal.brand)).time_zone
        wanted = MessageFilter(
            state=MessageState(state_filter) if state_filter in set(MessageState) else None,
            template=template if template in TEMPLATES else "",
            message_class=MessageClass(class_filter) if class_filter in set(MessageClass) else None,
            channel=Channel(channel) if channel in set(Channel) else None,
            member_id=await _member(session, phone),
            since=_midnight(since, zone),
            before=_midnight(until, zone, days=1),
        )
        return page(
            "messaging/messages.html",
            messages=await reading.list_messages(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE),
            troubles=await reading.troubles(session),
            filters=Form.of(
                state=state_filter,
                template=template,
                channel=channel,
                phone=phone,
                since=since,
                until=until,
                **{"class": class_filter},
            ),
            is_filtered=wanted != MessageFilter(),
            states=[(one.value, schemas.state_label(one)) for one in MessageState],
            templates=[(code, schemas.template_label(code)) for code in TEMPLATES],
            classes=[(one.value, schemas.class_label(one)) for one in MessageClass],
            channels=[(one.value, schemas.channel_label(one.value)) for one in Channel],
            zone=zone,
            **WORDS,
        )

    @get("/{message_id:uuid}", name="messaging.message", guards=[readers])
    async def show(
        self,
        message_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One message and each try to send it."""
        return await _message(session, principal, message_id, Form.of())

    @post("/{message_id:uuid}/send-again", name="messaging.message.again", guards=[writers], status_code=200)
    @idempotent
    async def send_again(
        self,
        message_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Send what failed, waits for a person, or may have been sent."""
        form = Form.of()
        async with form.attempt(session):
            await queueing.send_again(session, message_id=message_id)
            return see_other(f"{_MESSAGES}/{message_id}", toast=_("It is on its way"))
        return await _message(session, principal, message_id, form)

    @post("/send-parked-again", name="messaging.messages.again", guards=[writers], status_code=303)
    @idempotent
    async def send_parked_again(self, session: NamedDependency[AsyncSession]) -> Redirect:
        """Send everything that waits for a person: after an outage there may be many."""
        sent = await queueing.send_parked_again(session)
        toast = ngettext("%(num)s message is on its way", "%(num)s messages are on their way", sent)
        return see_other(_MESSAGES, toast=toast)


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
        zone = (await brands.get_policy(session, brand_id=principal.brand)).time_zone
        found = await reading.of_member(session, member_id=member_id, limit=_ON_A_PANEL)
        return fragment("messaging/_member.html", messages=found, zone=zone, **WORDS)


async def _message(session: AsyncSession, principal: Principal, message_id: uuid.UUID, form: Form) -> Template:
    message, attempts = await reading.get_message(session, message_id=message_id)
    zone = (await brands.get_policy(session, brand_id=principal.brand)).time_zone
    return page(
        "messaging/message.html",
        message=message,
        attempts=attempts,
        may_send_again=message.state in ENDED_BADLY,
        zone=zone,
        form=form,
        status_code=form.status,
        **WORDS,
    )


async def _member(session: AsyncSession, phone: str) -> uuid.UUID | None:
    """Whose messages; a number that nobody has finds nothing."""
    if not phone.strip():
        return None
    return await members.find_by_phone(session, phone=phone) or new_id()


def _midnight(day: str, zone: str, *, days: int = 0) -> dt.datetime | None:
    try:
        found = dt.date.fromisoformat(day) + dt.timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return dt.datetime.combine(found, dt.time(), tzinfo=ZoneInfo(zone))
