"""HQ's numbers: chart, table and files; the documents behind a number; the reconciliation with the money."""

import datetime as dt
import uuid
from typing import Any
from urllib.parse import urlencode

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import AnyRequest, fragment, page
from yundian.platform.web.sheets import csv_file, xlsx_file
from yundian.reports import rules, schemas
from yundian.reports.schemas import Asked
from yundian.reports.service import reading
from yundian.reports.types import NOBODY, Basis, By, SalesReport, SalesRow

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)

PAGE_SIZE = 50
PANEL_DAYS = 7
_PAGE = "/hq/sales"

_MOST_TYPED = 40


def asked_of(request: AnyRequest) -> Asked:
    """What the address says. Whatever is no view, basis or day of ours counts as not given: people edit addresses.

    Not a dependency: one that refuses leaves the session that was opened beside it behind.
    """
    query = {name: value[:_MOST_TYPED] for name, value in request.query_params.items()}
    by, basis, preset = query.get("by", ""), query.get("basis", ""), query.get("range", "")
    return Asked(
        by=By(by) if by in set(By) else By.DAY,
        basis=Basis(basis) if basis in set(Basis) else Basis.ACCRUAL,
        first=_day(query.get("from", "")),
        last=_day(query.get("to", "")),
        preset=preset if preset in schemas.PRESETS else "",
        shop=query.get("shop", ""),
        campaign=query.get("campaign", ""),
        channel=query.get("channel", ""),
    )


class SalesPages(Controller):
    path = _PAGE
    include_in_schema = False
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="reports.sales")
    async def sales(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Template:
        """The dashboard: totals beside those of the period before, a chart, and the table it is drawn from."""
        asked, today = asked_of(request), await reading.today(session)
        first, last = asked.range(today)
        form = Form.of(**{"from": first, "to": last})
        context: dict[str, Any] = {"report": None}
        async with form.attempt(session):
            wanted = asked.query(today=today, mine=principal.shops())
            report, before = await reading.compared(session, wanted=wanted)
            context = {
                "report": report,
                "sheet": schemas.sheet_of(report),
                "charts": schemas.charts_of(report),
                "before": before,
                "links": [_links(asked, report, row) for row in report.rows],
                "is_empty": not any(one.orders or one.refunds for one in report.totals),
            }
        return page(
            "reports/sales.html",
            form=form,
            asked=asked,
            chips=await _chips(session, asked),
            files=urlencode(_query(asked, first=first, last=last)),
            status_code=form.status,
            words=schemas,
            **context,
        )

    @get("/csv", name="reports.sales_csv")
    async def as_csv(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Response[bytes]:
        """The table for a spreadsheet."""
        sheet = schemas.sheet_of(await _report(session, principal, asked_of(request)))
        return csv_file(sheet)

    @get("/xlsx", name="reports.sales_xlsx")
    async def as_xlsx(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Response[bytes]:
        """The table as a workbook."""
        sheet = schemas.sheet_of(await _report(session, principal, asked_of(request)))
        return xlsx_file(sheet)

    @get("/documents", name="reports.documents")
    async def documents(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
        cursor: Cursor = None,
    ) -> Template:
        """The sales and refunds that a number is made of; their amounts sum up to it."""
        asked = asked_of(request)
        wanted = asked.query(today=await reading.today(session), mine=principal.shops())
        found = await reading.documents(session, wanted=wanted, cursor=cursor, limit=PAGE_SIZE)
        shops = await reading.shop_names(session, ids={one.shop_id for one in found.items if one.shop_id})
        return page(
            "reports/documents.html",
            documents=found,
            wanted=wanted,
            shops=shops,
            chips=await _chips(session, asked),
            back=f"{_PAGE}?{urlencode(_query(asked, first=wanted.first, last=wanted.last))}",
            words=schemas,
        )

    @get("/reconcile", name="reports.reconcile")
    async def reconcile(self, session: NamedDependency[AsyncSession], request: AnyRequest) -> Template:
        """Payments' books beside the cash facts, day by day; the difference is zero when all is right."""
        asked, today = asked_of(request), await reading.today(session)
        first, last = asked.range(today)
        form = Form.of(**{"from": first, "to": last})
        days = []
        async with form.attempt(session):
            days = await reading.reconcile(session, first=first, last=last)
        return page(
            "reports/reconcile.html",
            form=form,
            days=days,
            wrong=[one for one in days if not one.is_equal],
            status_code=form.status,
        )


class SalesPanel(Controller):
    path = "/hq/panels/sales"
    include_in_schema = False
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="reports.panel")
    async def show(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The last seven days on HQ's home page."""
        asked = Asked(by=By.DAY, preset="7d")
        wanted = asked.query(today=await reading.today(session), mine=principal.shops())
        report, before = await reading.compared(session, wanted=wanted)
        return fragment("reports/_panel.html", report=report, before=before, words=schemas)


async def _report(session: AsyncSession, principal: Principal, asked: Asked) -> SalesReport:
    wanted = asked.query(today=await reading.today(session), mine=principal.shops())
    return await reading.sales(session, wanted=wanted)


def _query(asked: Asked, *, first: dt.date, last: dt.date, **changes: object) -> dict[str, str]:
    """The address of the same question, with changes."""
    query = {
        "by": asked.by.value,
        "basis": asked.basis.value,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "shop": asked.shop,
        "campaign": asked.campaign,
        "channel": asked.channel,
        **{name: str(value) for name, value in changes.items()},
    }
    return {name: value for name, value in query.items() if value}


def _links(asked: Asked, report: SalesReport, row: SalesRow) -> dict[str, str]:
    """Where a row leads: ``deeper`` to its own days, ``documents`` to what it is made of."""
    first, last = report.first, report.last
    changes: dict[str, str] = {}
    if report.by in (By.SHOP, By.CAMPAIGN, By.CHANNEL):
        changes = {report.by.value: "none" if row.key == str(NOBODY) else row.key}
    elif report.by is By.DAY:
        first = last = dt.date.fromisoformat(row.key)
    else:
        month = dt.date.fromisoformat(f"{row.key}-01")
        first, last = max(first, month), min(last, schemas.month_end(month))
    by = By.SHOP if report.by is By.DAY else By.DAY
    deeper = _query(asked, first=first, last=last, **{**changes, "by": by.value})
    documents = _query(asked, first=first, last=last, **changes)
    return {
        "deeper": f"{_PAGE}?{urlencode(deeper)}",
        "documents": f"{_PAGE}/documents?{urlencode(documents)}",
    }


async def _chips(session: AsyncSession, asked: Asked) -> list[tuple[str, str]]:
    """What the numbers are narrowed to: the parameter and its name."""
    chips = []
    if asked.shop:
        shop = _uuid(asked.shop)
        names = await reading.shop_names(session, ids={shop} if shop else set())
        chips.append(("shop", names.get(shop, asked.shop[-6:]) if shop else schemas.nobody_label(By.SHOP)))
    if asked.campaign:
        one = _uuid(asked.campaign)
        names = await reading.campaign_names(session, ids={one} if one else set())
        chips.append(
            ("campaign", names.get(one, asked.campaign[-6:]) if one else schemas.nobody_label(By.CAMPAIGN))
        )
    if asked.channel:
        chips.append(("channel", schemas.channel_label(asked.channel)))
    return chips


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def _day(text: str) -> dt.date | None:
    try:
        return rules.shown_day("from", dt.date.fromisoformat(text))
    except (ValueError, InvalidInput):
        return None
