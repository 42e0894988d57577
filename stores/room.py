"""What stores contributes to the house."""

from stores.commands import IMPORT
from stores.events import EVENTS
from stores.pages.imports import ImportPages
from stores.pages.mine import MyShopPages
from stores.pages.shops import ShopPages, ShopPanels
from stores.routes import NearestController, ShopController, StockController
from yundian.platform.core.principal import SHOP_ROLES, Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="stores",
    package="stores",
    controllers=(ShopController, StockController, NearestController),
    pages=(ShopPages, ShopPanels, ImportPages, MyShopPages),
    events=EVENTS,
    commands=(IMPORT,),
    navigation=(
        NavigationItem(Place.HQ_NAVIGATION, 20, "Shops", "/hq/shops", "shop", _HQ, Section.RANGE),
        NavigationItem(
            Place.HQ_NAVIGATION, 70, "Imported shops", "/hq/imports/shops", "upload", _HQ, Section.SETUP
        ),
        NavigationItem(Place.SHOP_NAVIGATION, 40, "Stock", "/shop/stock", "box", SHOP_ROLES),
        NavigationItem(Place.SHOP_NAVIGATION, 80, "Team", "/shop/team", "people", frozenset({Role.SHOP_OWNER})),
    ),
    panels=(
        Panel(Place.HQ_HOME, 20, "/hq/panels/shops", _HQ),
        Panel(Place.HQ_SHOP, 20, "/hq/panels/stock/{id}", _HQ),
        Panel(Place.SHOP_HOME, 10, "/shop/panels/today", SHOP_ROLES),
    ),
)
