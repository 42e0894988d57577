"""What groupbuy contributes to the house."""

from groupbuy.events import EVENTS
from groupbuy.handlers import SUBSCRIBERS, TIMERS
from groupbuy.pages.customer import OfferPages
from groupbuy.pages.home import HomePanel
from groupbuy.pages.hq import CampaignPages
from groupbuy.pages.picking import PickingPages
from groupbuy.pages.seats import SeatPages
from groupbuy.pages.shop import ShopGroupPages
from groupbuy.routes import CampaignController, OfferController, ShopGroupController, ShopSharingController
from yundian.platform.core.principal import SHOP_ROLES, Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="groupbuy",
    package="groupbuy",
    controllers=(CampaignController, OfferController, ShopGroupController, ShopSharingController),
    pages=(OfferPages, HomePanel, SeatPages, CampaignPages, PickingPages, ShopGroupPages),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    timers=TIMERS,
    navigation=(
        NavigationItem(Place.HQ_NAVIGATION, 12, "Campaigns", "/hq/campaigns", "people", _HQ, Section.SELLING),
        NavigationItem(Place.SHOP_NAVIGATION, 15, "Groups", "/shop/groups", "people", SHOP_ROLES),
    ),
    panels=(
        Panel(Place.SHOP_HOME, 12, "/shop/panels/groups", SHOP_ROLES),
        Panel(Place.SHOP_LINKS, 10, "/shop/panels/campaigns", SHOP_ROLES),
        Panel(Place.CUSTOMER_HOME, 10, "/m/{brand}/panels/groups", frozenset()),
    ),
)
