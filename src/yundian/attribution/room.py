"""What attribution contributes to the house."""

from yundian.attribution.events import EVENTS
from yundian.attribution.handlers import SUBSCRIBERS
from yundian.attribution.pages.credits import CreditPages
from yundian.attribution.pages.landing import LandingPages
from yundian.attribution.pages.shop import ShopLinkPages
from yundian.attribution.routes import CreditController, SharingController, ShopLinkController
from yundian.attribution.service.links import forget_old
from yundian.platform.core.principal import SHOP_ROLES, Role
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="attribution",
    package="yundian.attribution",
    controllers=(CreditController, SharingController, ShopLinkController),
    pages=(LandingPages, ShopLinkPages, CreditPages),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    crons=(cron("attribution.forget_old_touches", every_s=3600)(forget_old),),
    navigation=(NavigationItem(Place.SHOP_NAVIGATION, 8, "Share", "/shop/links", "qr", SHOP_ROLES),),
    panels=(
        Panel(Place.SHOP_HOME, 30, "/shop/panels/links", SHOP_ROLES),
        Panel(Place.HQ_ORDER, 20, "/hq/panels/credits/order/{id}", _HQ),
    ),
)
