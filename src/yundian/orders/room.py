"""What orders contributes to the house."""

from yundian.orders.events import EVENTS
from yundian.orders.handlers import SUBSCRIBERS, TIMERS
from yundian.orders.pages.counter import CounterPages, ShopOrderPages, ShopOrderPanel
from yundian.orders.pages.hq import OrderPages
from yundian.orders.pages.mine import HomePanel, MyOrderPages
from yundian.orders.routes import HandOverController, OrderController, OwnOrderController
from yundian.orders.service.uncollected import sweep
from yundian.platform.core.principal import SHOP_ROLES, Role
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="orders",
    package="yundian.orders",
    controllers=(OrderController, OwnOrderController, HandOverController),
    pages=(OrderPages, MyOrderPages, HomePanel, ShopOrderPages, CounterPages, ShopOrderPanel),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    timers=TIMERS,
    crons=(cron("orders.refund_uncollected", every_s=600)(sweep),),
    navigation=(
        NavigationItem(
            # Whose link brought an order is shown from there.
            Place.HQ_NAVIGATION,
            35,
            "Orders",
            "/hq/orders",
            "list",
            _HQ,
            Section.SELLING,
            also=("/hq/credits",),
        ),
        NavigationItem(
            Place.SHOP_NAVIGATION, 10, "Hand over", "/shop/hand-over", "qr", SHOP_ROLES, also=("/shop/orders",)
        ),
        NavigationItem(Place.CUSTOMER_NAVIGATION, 40, "Orders", "/m/{brand}/orders", "bag", frozenset()),
    ),
    panels=(
        Panel(Place.SHOP_HOME, 20, "/shop/panels/orders", SHOP_ROLES),
        Panel(Place.CUSTOMER_OWN, 20, "/m/{brand}/panels/orders", frozenset()),
    ),
)
