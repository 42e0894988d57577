"""HQ's pages on what appointments lead to: the funnel with its file, and groups that buy sessions."""

import datetime as dt
import uuid
from typing import Annotated, Any

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Template
from msgspec import Meta
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import parties as party_rows
from appointments.repository.funnel import By
from appointments.schemas import sheets
from appointments.service import parties, purchases, reporting, setup, viewing
from groupbuy import api as groups
from yundian.brands import api as brands
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, page, see_other
from yundian.platform.web.sheets import csv_file

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
DEFAULT_DAYS = 30
First = Annotated[dt.date | None, QueryParameter(name="from")]
Last = Annotated[dt.date | None, QueryParameter(name="to")]


class PolicyForm(msgspec.Struct, frozen=True, kw_only=True):
    purchase_days: Annotated[int, Meta(ge=1, le=purchases.MOST_DAYS)]
    viewing_days: Annotated[int, Meta(ge=viewing.LEAST_DAYS, le=viewing.MOST_DAYS)] = viewing.KEEP_DAYS


class OfferForm(msgspec.Struct, frozen=True, kw_only=True):
    campaign: uuid.UUID
    service: uuid.UUID


class FunnelPages(Controller):
    path = "/hq/appointments/funnel"
    include_in_schema = False

    @get(name="appointments.funnel", guards=[readers])
    async def show(
        self,
        session: NamedDependency[AsyncSession],
        by: FromQuery[By] = By.SHOP,
        first: First = None,
        last: Last = None,
    ) -> Template:
        """How many looked, asked, were booked, came and bought: a picture, and the table it is drawn from."""
        report = await _report(session, by, first, last)
        days = await purchases.days(session)
        steps = [report.total.viewed, report.total.held, report.total.booked, report.total.arrived]
        sheet = sheets.funnel_sheet(report)
        return page(
            "appointments/funnel.html",
            report=report,
            sheet=sheet,
            steps=list(zip(sheet.headers[1:6], [*steps, report.total.bought], strict=True)),
            most=max([*steps, 1]),
            by=by,
            kinds=[(each, sheets.by_label(each)) for each in By],
            days=days,
            form=Form.of(purchase_days=days, viewing_days=await purchases.viewing_days(session)),
        )

    @get("/csv", name="appointments.funnel_csv", guards=[readers])
    async def as_csv(
        self,
        session: NamedDependency[AsyncSession],
        by: FromQuery[By] = By.SHOP,
        first: First = None,
        last: Last = None,
    ) -> Response[bytes]:
        """The same table for a spreadsheet."""
        return csv_file(sheets.funnel_sheet(await _report(session, by, first, last)))

    @post("/policy", name="appointments.funnel_policy", guards=[writers], status_code=303)
    async def decide(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """How long after an appointment an order follows it, and how long it is known who looked."""
        form = await Form.read(request)
        async with form.attempt(session):
            asked = form.parse(PolicyForm)
            await purchases.put_days(
                session,
                count=asked.purchase_days,
                viewing_days=asked.viewing_days,
                actor_id=principal.id,
                now=clock.now(),
            )
            return see_other("/hq/appointments/funnel", toast=_("Saved"))
        return see_other("/hq/appointments/funnel", toast=form.message)


class GroupOfferPages(Controller):
    path = "/hq/appointments/groups"
    include_in_schema = False

    @get(name="appointments.group_offers", guards=[readers])
    async def show(self, session: NamedDependency[AsyncSession]) -> Template:
        """Which campaigns sell sessions to groups."""
        return await _offers(session, Form.of())

    @post(name="appointments.group_offer", guards=[writers], status_code=200)
    async def offer(self, request: AnyRequest, session: NamedDependency[AsyncSession]) -> Response[Any]:
        """Groups of a campaign, a draft still, buy a session of a service."""
        form = await Form.read(request)
        async with form.attempt(session):
            values = form.parse(OfferForm)
            await parties.offer(session, campaign_id=values.campaign, service_id=values.service)
            return see_other("/hq/appointments/groups", toast=_("Saved"))
        return await _offers(session, form)


async def _offers(session: AsyncSession, form: Form) -> Template:
    offered = await party_rows.offers(session)
    campaigns = {
        one.campaign.id: one.campaign
        for one in await groups.campaigns_of(session, ids=[campaign for campaign, _service in offered])
    }
    services = await setup.list_services(session)
    names = {one.id: one.name for one in services}
    return page(
        "appointments/group_offers.html",
        status_code=form.status,
        form=form,
        offered=[(campaigns[one], names.get(service, "")) for one, service in offered if one in campaigns],
        drafts=[(one.campaign.id, one.campaign.name) for one in await groups.drafts(session)],
        services=[(one.id, one.name) for one in services if one.seats > 1],
    )


async def _report(
    session: AsyncSession, by: By, first: dt.date | None, last: dt.date | None
) -> reporting.FunnelReport:
    today = clock.business_day(clock.now(), await brands.zone_of(session))
    until = last or today
    begin = first or until - dt.timedelta(days=DEFAULT_DAYS - 1)
    return await reporting.funnel(session, by=by, first=begin, last=until)
