"""What reports contributes to the house."""

from yundian.platform.core.principal import SHOP_ROLES, Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place
from yundian.reports.commands import REPORT
from yundian.reports.handlers import SUBSCRIBERS
from yundian.reports.pages.documents import DocumentPages
from yundian.reports.pages.members import MemberNumbers
from yundian.reports.pages.sales import SalesPages, SalesPanel
from yundian.reports.pages.shop import CreditedPanel
from yundian.reports.routes import SalesController
from yundian.reports.tasks import CRONS

HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="reports",
    package="yundian.reports",
    controllers=(SalesController,),
    pages=(SalesPages, DocumentPages, MemberNumbers, SalesPanel, CreditedPanel),
    subscribers=SUBSCRIBERS,
    crons=CRONS,
    commands=(REPORT,),
    navigation=(NavigationItem(Place.HQ_NAVIGATION, 5, "Sales", "/hq/sales", "chart", HQ),),
    panels=(
        Panel(Place.HQ_HOME, 5, "/hq/panels/sales", HQ),
        Panel(Place.SHOP_HOME, 20, "/shop/panels/credited", SHOP_ROLES),
    ),
)
