"""HQ's pages on what appointments lead to: the funnel with its file, and groups that buy sessions."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from litestar.response import Template
from msgspec import Meta
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository.funnel import By
from appointments.repository.listing import What
from appointments.schemas import sheets
from appointments.service import parties, purchases, reporting, setup, viewing
from groupbuy import api as groups
from yundian.brands import api as brands
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.context import current
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.i18n import told
from yundian.platform.web.pages import AnyRequest, page, see_other
from yundian.platform.web.sheets import csv_file

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
DEFAULT_DAYS = 30
First = Annotated[dt.date | None, QueryParameter(name="from")]
Last = Annotated[dt.date | None, QueryParameter(name="to")]
Only = Annotated[uuid.UUID | None, QueryParameter()]


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
        shop: Only = None,
    ) -> Template:
        """How many looked, asked, were booked, came and bought: a picture, and the table it is drawn from."""
        report = await _report(session, by, first, last, shop)
        today, days = await _today(session), await purchases.days(session)
        sheet = sheets.funnel_sheet(report)
        return page(
            "appointments/funnel.html",
            report=report,
            sheet=sheet,
            steps=_steps(report, sheet.headers[1:6]),
            whats=_WHATS,
            by=by,
            kinds=[(each, sheets.by_label(each)) for each in By],
            shop=shop,
            shops=[(one.id, one.name) for one in told(await setup.shops_with_staff(session))],
            span=(report.last - report.first).days + 1 if report.last == today else 0,
            today=today,
            spans=[(n, today - dt.timedelta(days=n - 1)) for n in (7, 30, 90)],
            days=days,
            form=Form.of(purchase_days=days, viewing_days=await purchases.viewing_days(session), shop=shop or ""),
        )

    @get("/csv", name="appointments.funnel_csv", guards=[readers])
    async def as_csv(
        self,
        session: NamedDependency[AsyncSession],
        by: FromQuery[By] = By.SHOP,
        first: First = None,
        last: Last = None,
        shop: Only = None,
    ) -> Response[bytes]:
        """The same table for a spreadsheet."""
        return csv_file(sheets.funnel_sheet(await _report(session, by, first, last, shop)))

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
                now=clock.house(),
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
    services = told(await setup.list_services(session))
    return page(
        "appointments/group_offers.html",
        status_code=form.status,
        form=form,
        offered=[(one.campaign, one.service.name) for one in told(await parties.offered(session))],
        drafts=[(one.campaign.id, one.campaign.name) for one in await groups.drafts(session)],
        services=[(one.id, one.name) for one in services if one.seats > 1],
    )


# The lists behind the steps; nobody knows who looked.
_WHATS = ("", What.ASKED.value, What.BOOKED.value, What.CAME.value, What.BOUGHT.value)


class Step(NamedTuple):
    """How many came so far, out of those of the step before; and how many in as many days before."""

    what: str
    label: str
    number: int
    past: int
    of_step: float | None


def _steps(report: reporting.FunnelReport, labels: Sequence[str]) -> list[Step]:
    found: list[Step] = []
    names = ("viewed", "held", "booked", "arrived", "bought")
    for what, name, label in zip(_WHATS, names, labels, strict=True):
        count = getattr(report.total, name)
        base = found[-1].number if found else 0
        found.append(Step(what, label, count, getattr(report.past, name), count / base if base else None))
    return found


async def _today(session: AsyncSession) -> dt.date:
    return clock.business_day(clock.house(), await brands.zone_of(session))


async def _report(
    session: AsyncSession, by: By, first: dt.date | None, last: dt.date | None, shop: uuid.UUID | None
) -> reporting.FunnelReport:
    begin, until = reporting.span(first, last, today=await _today(session), days=DEFAULT_DAYS)
    only = None if shop is None else frozenset({shop})
    return await reporting.funnel(session, by=by, first=begin, last=until, shops=only, locale=current().locale)
