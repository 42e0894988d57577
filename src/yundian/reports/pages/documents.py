"""The documents behind a number, and the reconciliation of the cash numbers with the books of payments."""

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import urlencode

import msgspec
from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.response import Stream, Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.context import current
from yundian.platform.web.forms import Form
from yundian.platform.web.lists import Cursor
from yundian.platform.web.names import channel_names
from yundian.platform.web.pages import AnyRequest, page
from yundian.platform.web.sheets import Cell, Sheet, csv_file, csv_stream, xlsx_file
from yundian.reports import schemas
from yundian.reports.pages.asked import PAGE, asked_of, chips_of, query_of
from yundian.reports.pages.sales import readers
from yundian.reports.schemas import Asked
from yundian.reports.service import reading
from yundian.reports.types import By, DocumentView, Figures, SalesQuery

PAGE_SIZE = 50
# A workbook is made in memory; CSV is as long as it is, so many rows at a time.
MOST_IN_A_FILE = 50_000
AT_ONCE = 5_000


class DocumentPages(Controller):
    path = PAGE
    include_in_schema = False
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/documents", name="reports.documents")
    async def documents(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
        cursor: Cursor = None,
    ) -> Template:
        """The sales and refunds that a number is made of; their amounts sum up to it."""
        asked, wanted = await _wanted(session, principal, request)
        channels = await channel_names(request, session)
        found = await reading.documents(
            session, wanted=wanted, kind=asked.kind, currency=asked.currency, cursor=cursor, limit=PAGE_SIZE
        )
        query = query_of(asked, first=wanted.first, last=wanted.last)
        narrow = {name: value for name, value in (("kind", asked.kind), ("currency", asked.currency)) if value}
        return page(
            "reports/documents.html",
            documents=found,
            wanted=wanted,
            totals=await _totals(session, wanted, asked),
            shops=await reading.shop_names(
                session, ids={one.shop_id for one in found.items if one.shop_id}, locale=current().locale
            ),
            channels=channels,
            chips=await chips_of(session, asked, channels),
            back=f"{PAGE}?{urlencode(query)}",
            files=urlencode({**query, **narrow}),
            words=schemas,
        )

    @get("/documents/csv", name="reports.documents_csv")
    async def documents_csv(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Stream:
        """All of them for a spreadsheet, however many, a part at a time."""
        asked, wanted = await _wanted(session, principal, request)
        channels = await channel_names(request, session)
        # What is refused is refused before the file begins.
        first = await _some(session, asked, wanted, None)

        async def parts() -> AsyncIterator[list[list[Cell]]]:
            rows, cursor = first
            yield schemas.document_rows(*rows, channels)
            while cursor is not None:
                # No transaction stays open while somebody's line is slow.
                async with services.database.unit_of_work(principal.brand) as part:
                    rows, cursor = await _some(part, asked, wanted, cursor)
                yield schemas.document_rows(*rows, channels)

        return csv_stream(schemas.documents_name(wanted), schemas.documents_headers(), parts())

    @get("/documents/xlsx", name="reports.documents_xlsx")
    async def documents_xlsx(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        request: AnyRequest,
    ) -> Response[bytes]:
        """All of them as a workbook."""
        return xlsx_file(await _documents_sheet(session, principal, request))

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
            has_elsewhere=any(one.elsewhere_minor or one.elsewhere_refunds_minor for one in days),
            files=urlencode({"from": first.isoformat(), "to": last.isoformat()}),
            status_code=form.status,
        )

    @get("/reconcile/csv", name="reports.reconcile_csv")
    async def reconcile_csv(self, session: NamedDependency[AsyncSession], request: AnyRequest) -> Response[bytes]:
        """The days for a spreadsheet."""
        return csv_file(await _reconcile_sheet(session, request))

    @get("/reconcile/xlsx", name="reports.reconcile_xlsx")
    async def reconcile_xlsx(self, session: NamedDependency[AsyncSession], request: AnyRequest) -> Response[bytes]:
        """The days as a workbook."""
        return xlsx_file(await _reconcile_sheet(session, request))


async def _wanted(session: AsyncSession, principal: Principal, request: AnyRequest) -> tuple[Asked, SalesQuery]:
    asked = asked_of(request)
    return asked, asked.query(today=await reading.today(session), mine=principal.shops())


async def _totals(session: AsyncSession, wanted: SalesQuery, asked: Asked) -> list[Figures]:
    """The number that is looked at, from the rollups: what the documents sum up to."""
    found = await reading.totals(session, wanted=msgspec.structs.replace(wanted, by=By.CHANNEL))
    return [one for one in found if asked.currency in ("", one.currency)]


async def _some(
    session: AsyncSession, asked: Asked, wanted: SalesQuery, cursor: str | None
) -> tuple[tuple[Sequence[DocumentView], Mapping[uuid.UUID, str]], str | None]:
    """Documents with the names of their shops, and where the next are."""
    found = await reading.documents(
        session, wanted=wanted, kind=asked.kind, currency=asked.currency, cursor=cursor, limit=AT_ONCE
    )
    shops = await reading.shop_names(
        session, ids={one.shop_id for one in found.items if one.shop_id}, locale=current().locale
    )
    return (found.items, shops), found.next_cursor


async def _documents_sheet(session: AsyncSession, principal: Principal, request: AnyRequest) -> Sheet:
    asked, wanted = await _wanted(session, principal, request)
    found = await reading.documents(
        session, wanted=wanted, kind=asked.kind, currency=asked.currency, cursor=None, limit=MOST_IN_A_FILE
    )
    if found.next_cursor is not None:
        raise InvalidInput("to", "More than 50,000 documents: choose fewer days, or CSV")
    shops = await reading.shop_names(
        session, ids={one.shop_id for one in found.items if one.shop_id}, locale=current().locale
    )
    return schemas.documents_sheet(found.items, wanted, shops, await channel_names(request, session))


async def _reconcile_sheet(session: AsyncSession, request: AnyRequest) -> Sheet:
    first, last = asked_of(request).range(await reading.today(session))
    return schemas.reconcile_sheet(await reading.reconcile(session, first=first, last=last), first, last)


async def _shops_of(session: AsyncSession, found: Sequence[DocumentView]) -> dict[uuid.UUID, str]:
    ids = {one.shop_id for one in found if one.shop_id}
    return await reading.shop_names(session, ids=ids, locale=current().locale)
