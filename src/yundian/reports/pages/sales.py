"""HQ's numbers: totals, chart, table and files."""

from typing import Any
from urllib.parse import urlencode

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.context import current
from yundian.platform.web.forms import Form
from yundian.platform.web.names import channel_names
from yundian.platform.web.pages import AnyRequest, fragment, page
from yundian.platform.web.sheets import csv_file, xlsx_file
from yundian.reports import schemas
from yundian.reports.pages.asked import PAGE, asked_of, chips_of, links_of, query_of
from yundian.reports.schemas import Asked
from yundian.reports.service import reading
from yundian.reports.types import By, Compared, SalesReport

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)


class SalesPages(Controller):
    path = PAGE
    include_in_schema = False
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="reports.sales")
    async def sales(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Template:
        """The dashboard: totals beside those of the period before, a chart, and the table it is drawn from.

        Of many sales buyers come after the rest.
        """
        asked, today = asked_of(request), await reading.today(session)
        channels = await channel_names(request, session)
        first, last = asked.range(today)
        form = Form.of(**{"from": first, "to": last})
        context: dict[str, Any] = {"report": None}
        async with form.attempt(session):
            wanted = asked.query(today=today, mine=principal.shops(), locale=current().locale)
            compared = await reading.compared(session, wanted=wanted, is_patient=False)
            context = {**_numbers(asked, compared, channels), "is_late": False}
        return page(
            "reports/sales.html",
            form=form,
            asked=asked,
            chips=await chips_of(session, asked, channels),
            files=urlencode(query_of(asked, first=first, last=last)),
            status_code=form.status,
            words=schemas,
            **context,
        )

    @get("/counted", name="reports.counted")
    async def counted(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Template:
        """The same with buyers, in the place of what came without them."""
        asked = asked_of(request)
        wanted = asked.query(today=await reading.today(session), mine=principal.shops(), locale=current().locale)
        compared = await reading.compared(session, wanted=wanted)
        numbers = _numbers(asked, compared, await channel_names(request, session))
        return fragment("reports/_counted.html", words=schemas, is_late=True, **numbers)

    @get("/csv", name="reports.sales_csv")
    async def as_csv(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Response[bytes]:
        """The table for a spreadsheet."""
        sheet = schemas.sheet_of(await _report(session, principal, request))
        return csv_file(sheet)

    @get("/xlsx", name="reports.sales_xlsx")
    async def as_xlsx(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Response[bytes]:
        """The table as a workbook."""
        sheet = schemas.sheet_of(await _report(session, principal, request))
        return xlsx_file(sheet)


class SalesPanel(Controller):
    path = "/hq/panels/sales"
    include_in_schema = False
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="reports.panel")
    async def show(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Template:
        """The last seven days on HQ's home page, and by channel."""
        asked = Asked(by=By.CHANNEL, preset="7d")
        wanted = asked.query(today=await reading.today(session), mine=principal.shops(), locale=current().locale)
        compared = await reading.compared(session, wanted=wanted)
        return fragment(
            "reports/_panel.html",
            report=schemas.named(compared.report, await channel_names(request, session)),
            before=compared.before,
            words=schemas,
        )


def _numbers(asked: Asked, compared: Compared, channels: schemas.Channels) -> dict[str, Any]:
    """What figures, chart and table are made of."""
    report = schemas.named(compared.report, channels)
    return {
        "report": report,
        "sheet": schemas.sheet_of(report),
        "charts": schemas.charts_of(report),
        "before": compared.before,
        "is_counted": compared.is_counted,
        "links": [links_of(asked, report, row, row.figures.currency) for row in report.rows],
        "total_links": {one.currency: links_of(asked, report, None, one.currency) for one in report.totals},
        "is_empty": not any(one.orders or one.refunds for one in report.totals),
    }


async def _report(session: AsyncSession, principal: Principal, request: AnyRequest) -> SalesReport:
    wanted = asked_of(request).query(
        today=await reading.today(session), mine=principal.shops(), locale=current().locale
    )
    report = await reading.sales(session, wanted=wanted)
    return schemas.named(report, await channel_names(request, session))
