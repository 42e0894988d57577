"""HQ's log of messages: which, to whom, how they ended, and why not."""

import datetime as dt
import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Redirect, Stream, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.members import api as members
from yundian.messaging.errors import NobodyToTest
from yundian.messaging.pages import files
from yundian.messaging.pages.asked import asked_of, day_of, filter_of, shop_names
from yundian.messaging.rules.templates import TEMPLATES
from yundian.messaging.schemas import words
from yundian.messaging.schemas.forms import PhoneForm
from yundian.messaging.service import asking, queueing, reading
from yundian.messaging.states import MessageState
from yundian.messaging.types import Channel, MessageClass, MessageView
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import ngettext
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import AnyRequest, page, see_other
from yundian.platform.web.sheets import csv_stream

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_MESSAGES = "/hq/messages"
_MOMENT = dt.timedelta(seconds=1)

Some = Annotated[str, QueryParameter(max_length=64)]

WORDS: dict[str, Any] = {"words": words, "tones": words.TONES}


class MessagePages(Controller):
    path = _MESSAGES
    include_in_schema = False

    @get(name="messaging.messages", guards=[readers])
    async def list_messages(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        cursor: Cursor = None,
    ) -> Template:
        """Messages, the newest first. A filter that cannot be read is said."""
        zone = await brands.zone_of(session)
        asked = asked_of(request)
        form, found = Form.of(**asked), Page[MessageView]([], None)
        async with form.attempt(session):
            wanted = filter_of(asked, zone=zone)
            found = await reading.list_messages(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        shops = await shop_names(session)
        return page(
            "messaging/messages.html",
            status_code=form.status,
            messages=found,
            troubles=await reading.troubles(session),
            filters=form,
            query=urlencode(asked),
            is_filtered=bool(asked),
            states=[(one.value, words.state_label(one)) for one in MessageState],
            templates=[(code, words.template_label(code)) for code in TEMPLATES],
            classes=[(one.value, words.class_label(one)) for one in MessageClass],
            channels=[(one.value, words.channel_label(one.value)) for one in Channel],
            reasons=words.reasons(),
            shops=shops,
            zone=zone,
            **WORDS,
        )

    @post("/of-phone", name="messaging.messages.of_phone", guards=[readers], status_code=303)
    async def of_phone(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Redirect:
        """The messages of whoever has this number; the address that this leads to does not tell it."""
        form = await Form.read(request)
        async with form.attempt(session):
            member_id = await members.find_by_phone(session, phone=form.parse(PhoneForm).phone)
            if member_id is None:
                raise NobodyToTest
            return see_other(f"{_MESSAGES}?member={member_id}")
        return see_other(_MESSAGES, toast=form.message)

    @get("/csv", name="messaging.messages_csv", guards=[readers])
    async def as_csv(
        self,
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Stream:
        """The same for a spreadsheet, however many there are."""
        async with services.database.unit_of_work(principal.brand) as session:
            zone = await brands.zone_of(session)
            wanted = filter_of(asked_of(request), zone=zone)
            shops = await shop_names(session)
        parts = files.rows(services.database, brand_id=principal.brand, wanted=wanted, shops=shops, zone=zone)
        return csv_stream("messages", files.headers(), parts)

    @get("/summary", name="messaging.summary", guards=[readers])
    async def summarise(
        self,
        session: NamedDependency[AsyncSession],
        since: Some = "",
        until: Some = "",
    ) -> Template:
        """What became of messages, template by template, and why some did not go; without dates of a month."""
        zone = await brands.zone_of(session)
        first, before = asking.month(day_of(since), day_of(until), zone=zone)
        return page(
            "messaging/summary.html",
            summary=await reading.summary(session, since=first, before=before),
            filters=Form.of(
                since=since or clock.business_day(first, zone).isoformat(),
                until=until or clock.business_day(before - _MOMENT, zone).isoformat(),
            ),
            **WORDS,
        )

    @get("/{message_id:uuid}", name="messaging.message", guards=[readers])
    async def show(
        self,
        message_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
    ) -> Template:
        """One message and each try to send it."""
        return await _message(session, message_id, Form.of())

    @post("/{message_id:uuid}/send-again", name="messaging.message.again", guards=[writers], status_code=200)
    @idempotent
    async def send_again(
        self,
        message_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Send what failed, waits for a person, or may have been sent."""
        form = Form.of()
        async with form.attempt(session):
            await queueing.send_again(session, message_id=message_id)
            return see_other(f"{_MESSAGES}/{message_id}", toast=_("It is on its way"))
        return await _message(session, message_id, form)

    @post("/send-parked-again", name="messaging.messages.again", guards=[writers], status_code=303)
    @idempotent
    async def send_parked_again(self, session: NamedDependency[AsyncSession]) -> Redirect:
        """Send everything that waits for a person: after an outage there may be many."""
        sent = await queueing.send_parked_again(session)
        toast = ngettext("%(num)s message is on its way", "%(num)s messages are on their way", sent)
        return see_other(_MESSAGES, toast=toast)


async def _message(session: AsyncSession, message_id: uuid.UUID, form: Form) -> Template:
    message, attempts = await reading.get_message(session, message_id=message_id)
    zone = await brands.zone_of(session)
    is_late = reading.is_late(message)
    return page(
        "messaging/message.html",
        message=message,
        attempts=attempts,
        is_wanted_again=reading.may_be_wanted_again(message),
        may_send_again=reading.may_send_again(message),
        is_late=is_late,
        zone=zone,
        form=form,
        status_code=form.status,
        **WORDS,
    )
