"""What each member bought: the base of recency, frequency and money."""

import datetime as dt

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import InvalidInput
from yundian.platform.web.forms import Form
from yundian.platform.web.pages import AnyRequest, page
from yundian.platform.web.sheets import Sheet, csv_file, xlsx_file
from yundian.reports import schemas
from yundian.reports.pages.asked import PAGE, day_of
from yundian.reports.pages.sales import readers
from yundian.reports.service import reading

MOST_SHOWN = 200
MOST_IN_A_FILE = 100_000


class MemberNumbers(Controller):
    path = f"{PAGE}/members"
    include_in_schema = False
    guards = [readers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="reports.members")
    async def members(self, session: NamedDependency[AsyncSession], request: AnyRequest) -> Template:
        """Who brought most before a day; the files have everybody."""
        as_of = await _as_of(session, request)
        found = await reading.members(session, as_of=as_of, limit=MOST_SHOWN + 1)
        return page(
            "reports/members.html",
            form=Form.of(**{"as-of": as_of}),
            as_of=as_of,
            members=found[:MOST_SHOWN],
            has_more=len(found) > MOST_SHOWN,
        )

    @get("/csv", name="reports.members_csv")
    async def members_csv(self, session: NamedDependency[AsyncSession], request: AnyRequest) -> Response[bytes]:
        """Everybody for a spreadsheet."""
        return csv_file(await _sheet(session, request))

    @get("/xlsx", name="reports.members_xlsx")
    async def members_xlsx(self, session: NamedDependency[AsyncSession], request: AnyRequest) -> Response[bytes]:
        """Everybody as a workbook."""
        return xlsx_file(await _sheet(session, request))


async def _as_of(session: AsyncSession, request: AnyRequest) -> dt.date:
    """The day that is asked for, or the brand's today; what is no day counts as not given."""
    return day_of(request.query_params.get("as-of", "")) or await reading.today(session)


async def _sheet(session: AsyncSession, request: AnyRequest) -> Sheet:
    as_of = await _as_of(session, request)
    found = await reading.members(session, as_of=as_of, limit=MOST_IN_A_FILE + 1)
    if len(found) > MOST_IN_A_FILE:
        raise InvalidInput("as-of", "More than 100,000 members: use the command `yundian report members`")
    return schemas.members_sheet(found, as_of)
