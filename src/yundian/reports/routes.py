"""The numbers as JSON: for HQ all of them, for a shop's people their shop's."""

import datetime as dt
from typing import Annotated

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.params import FromQuery, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.reports.schemas import Asked
from yundian.reports.service import reading
from yundian.reports.types import Basis, By, SalesReport

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST, Role.SHOP_OWNER, Role.SHOP_STAFF)

First = Annotated[dt.date | None, QueryParameter(name="from", description="First business day")]
Last = Annotated[dt.date | None, QueryParameter(name="to", description="Last business day")]
Place = Annotated[str, QueryParameter(max_length=40, description="An id, or `none`")]
ChannelCode = Annotated[str, QueryParameter(max_length=32)]
CountryCode = Annotated[str, QueryParameter(max_length=4, description="ISO 3166-1 alpha-2, or `none`")]
ProvinceName = Annotated[str, QueryParameter(max_length=60, description="As sources name it, or `none`")]


class SalesController(Controller):
    """Sales by shop, campaign, channel, country, province, day or month."""

    path = "/reports"

    @get("/sales", operation_id="reports_sales", guards=[readers])
    async def sales(
        self,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
        by: FromQuery[By] = By.DAY,
        basis: FromQuery[Basis] = Basis.ACCRUAL,
        first: First = None,
        last: Last = None,
        shop: Place = "",
        campaign: Place = "",
        channel: ChannelCode = "",
        country: CountryCode = "",
        province: ProvinceName = "",
    ) -> SalesReport:
        """Gross, refunds, net, orders and buyers; without a range, of the last thirty days."""
        asked = Asked(
            by=by,
            basis=basis,
            first=first,
            last=last,
            shop=shop,
            campaign=campaign,
            channel=channel,
            country=country,
            province=province,
        )
        wanted = asked.query(today=await reading.today(session), mine=principal.shops())
        return await reading.sales(session, wanted=wanted)
