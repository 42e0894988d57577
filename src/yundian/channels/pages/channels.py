"""HQ's sales channels: which there are, what came through each, and what each received document became."""

import datetime as dt
import uuid
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.channels.pages import words
from yundian.channels.service import channels, counting, received
from yundian.channels.service.counting import CountedBy
from yundian.channels.states import ChannelKind
from yundian.channels.types import ChannelFields, ChannelView, DocumentKind
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import fragment, page, see_other
from yundian.platform.web.sheets import Cell, MinorCell, Sheet, csv_file

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PATH = "/hq/channels"

FirstDay = Annotated[dt.date, QueryParameter(name="from")]
LastDay = Annotated[dt.date, QueryParameter(name="to")]
Code = Annotated[str, QueryParameter(max_length=32)]
KindShown = Annotated[DocumentKind, QueryParameter(name="kind")]


class ChannelForm(msgspec.Struct, kw_only=True):
    """What HQ enters of a channel."""

    name_zh: str
    name_en: str
    kind: ChannelKind
    time_zone: str
    currency: str
    is_active: bool = False

    def fields(self) -> ChannelFields:
        return msgspec.convert(self, ChannelFields, from_attributes=True)


class NewChannelForm(ChannelForm, kw_only=True):
    code: str


class ChannelPages(Controller):
    path = PATH
    include_in_schema = False

    @get(name="channels.list", guards=[readers])
    async def list_channels(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The channels; what came through them is loaded after."""
        return page(
            "channels/channels.html",
            channels=await channels.list_channels(session, brand_id=principal.brand),
            words=words,
        )

    @get("/totals", name="channels.totals", guards=[readers])
    async def totals(self, services: NamedDependency[Services], principal: NamedDependency[Principal]) -> Template:
        """What came through every channel: documents and amounts by what they are."""
        async with services.database.unit_of_work(principal.brand) as session:
            known = await channels.list_channels(session, brand_id=principal.brand)
            zone = await brands.zone_of(session)
        found = await counting.totals(services.database, brand=principal.brand)
        by_channel = {one.code: [total for total in found if total.channel == one.code] for one in known}
        return fragment("channels/_totals.html", channels=known, by_channel=by_channel, words=words, zone=zone)

    @get("/adjustments", name="channels.adjustments", guards=[readers])
    async def adjustments(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        first: FirstDay,
        last: LastDay,
        channel: Code = "",
    ) -> Template:
        """Beside HQ's numbers: entries that are in none of them. Nothing where they are narrowed to a part."""
        found = []
        if not _is_part(request):
            found = await counting.adjusted(session, channel=channel, first=first, last=last)
        query = urlencode({"from": first, "to": last} | ({"channel": channel} if channel else {}))
        return fragment("channels/_adjustments.html", found=found, words=words, query=query)

    @get("/adjustments/csv", name="channels.adjustments_csv", guards=[readers])
    async def adjustments_csv(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        first: FirstDay,
        last: LastDay,
        channel: Code = "",
    ) -> Response[bytes]:
        """The same one by one, for whoever keeps the books; their amounts sum up to what is shown."""
        found = []
        if not _is_part(request):
            found = await counting.adjustments(session, channel=channel, first=first, last=last)
        rows: list[list[Cell]] = [
            [
                one.day.isoformat(),
                words.channel_name(known),
                one.shop_code,
                one.external_id,
                one.currency,
                MinorCell(one.amount_minor, one.currency),
            ]
            for one, known in found
        ]
        headers = [_("Day"), _("Channel"), _("Shop code"), _("Number"), _("Currency"), _("Amount")]
        name = f"adjustments-{first}-{last}"
        return csv_file(Sheet(name=name, title=_("Adjustments"), headers=headers, rows=rows, totals=[]))

    @get("/new", name="channels.new", guards=[writers])
    async def new(self, session: NamedDependency[AsyncSession]) -> Template:
        """An empty form, with what most say."""
        form = Form.of(time_zone=await brands.zone_of(session), currency="CNY", is_active=True)
        return _edit(form)

    @post(name="channels.create", guards=[writers], status_code=200)
    @idempotent
    async def create(
        self, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """A new channel; its code stays for ever."""
        form = await Form.read(request)
        code = form.value("code")
        async with form.attempt(session):
            values = form.parse(NewChannelForm)
            await channels.create_channel(session, code=values.code, fields=values.fields())
        if form.failed:
            return _edit(form)
        return see_other(f"{PATH}/{code}", toast=_("The channel can take orders in now."))

    @get("/{code:str}", name="channels.one", guards=[readers])
    async def show(
        self,
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        shown: KindShown = DocumentKind.SALE,
    ) -> Template:
        """One channel: its newest documents, and how to send to it."""
        channel = await channels.get_channel(session, code=code)
        return page(
            "channels/channel.html",
            channel=channel,
            shown=shown,
            kinds=list(DocumentKind),
            documents=await received.newest(session, brand_id=principal.brand, channel=code, kind=shown),
            words=words,
        )

    @get("/{code:str}/numbers", name="channels.numbers", guards=[readers])
    async def numbers(
        self, code: FromPath[str], services: NamedDependency[Services], principal: NamedDependency[Principal]
    ) -> Template:
        """The channel's sums and its last seven days."""
        days = await counting.count_days(
            services.database, brand=principal.brand, channel=code, by=CountedBy.RECEIVED, first=None, last=None
        )
        found = await counting.totals(services.database, brand=principal.brand, channel=code)
        return fragment("channels/_numbers.html", totals=found, days=days.days, zone=days.time_zone, words=words)

    @get("/{code:str}/edit", name="channels.edit", guards=[writers])
    async def edit(self, code: FromPath[str], session: NamedDependency[AsyncSession]) -> Template:
        """Its names, its zone, and whether it takes orders in."""
        channel = await channels.get_channel(session, code=code)
        names = ("name_zh", "name_en", "kind", "time_zone", "currency", "is_active", "version")
        return _edit(Form.of(channel, *names), channel)

    @post("/{code:str}", name="channels.save", guards=[writers], status_code=200)
    @idempotent
    async def save(
        self, code: FromPath[str], request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Save it; switched off, it takes nothing in and loses nothing."""
        form = await Form.read(request)
        channel = await channels.get_channel(session, code=code)
        async with form.attempt(session):
            values = form.parse(ChannelForm)
            await channels.change_channel(session, code=code, fields=values.fields(), version=form.version())
        if form.failed:
            return _edit(form, channel)
        return see_other(f"{PATH}/{code}", toast=_("Saved"))


class DocumentPages(Controller):
    path = f"{PATH}/documents"
    include_in_schema = False

    @get("/of-order/{order_id:uuid}", name="channels.order_documents", guards=[readers])
    async def of_order(self, order_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """On an order's page: the documents that it comes from."""
        found = await received.of_order(session, order_id=order_id)
        return fragment("channels/_order_documents.html", documents=found, words=words)

    @get("/{document_id:uuid}", name="channels.document", guards=[readers])
    async def show(
        self,
        document_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """A document as it was received, beside what it became; and every version of it, in order."""
        view = await received.get(session, brand_id=principal.brand, document_id=document_id)
        return page("channels/document.html", view=view, document=view.document, words=words)


def _is_part(request: Request[Any, Any, Any]) -> bool:
    """Whether the numbers beside are narrowed to something that adjustments do not tell."""
    return any(request.query_params.get(name) for name in ("shop", "campaign", "country", "province"))


def _edit(form: Form, channel: ChannelView | None = None) -> Template:
    return page(
        "channels/edit.html",
        form=form,
        channel=channel,
        status_code=form.status,
        kinds=[(kind.value, words.channel_kind(kind)) for kind in ChannelKind],
    )
