"""What a shop earned, on its people's phones."""

from litestar import Controller, get
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal
from yundian.platform.web.pages import fragment
from yundian.reports import schemas
from yundian.reports.service import reading
from yundian.reports.types import By

# Who runs more shops looks at HQ's pages.
MOST_SHOPS = 20
SPANS = (1, 7, 30)


class CreditedPanel(Controller):
    path = "/shop/panels/credited"
    include_in_schema = False
    guards = [requires(*SHOP_ROLES)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="reports.credited")
    async def show(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Sales that were credited to my shops: today, 7 and 30 days, and by campaign."""
        mine = sorted(principal.own_shops)[:MOST_SHOPS]
        shops = await stores.get_shops(session, ids=set(mine))
        cards = [
            {
                "shop": shops[shop_id],
                "credited": await reading.credited(
                    session,
                    shop_id=shop_id,
                    today=clock.business_day(clock.house(), shops[shop_id].time_zone),
                    spans=SPANS,
                ),
            }
            for shop_id in mine
            if shop_id in shops
        ]
        return fragment("reports/_credited.html", cards=cards, words=schemas, campaign=By.CAMPAIGN)
