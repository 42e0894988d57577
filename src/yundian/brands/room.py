"""What the brands room contributes to the house."""

from yundian.brands.commands import BRAND
from yundian.brands.pages import CourierPages, CourierPanel, PolicyPages
from yundian.brands.routes import BrandController, CourierController
from yundian.platform.core.principal import Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})
_ADMIN = frozenset({Role.HQ_ADMIN})

ROOM = Room(
    name="brands",
    package="yundian.brands",
    controllers=(BrandController, CourierController),
    pages=(PolicyPages, CourierPages, CourierPanel),
    commands=(BRAND,),
    navigation=(
        NavigationItem(
            place=Place.HQ_NAVIGATION,
            section=Section.SETUP,
            order=82,
            label="Deliveries",
            url="/hq/courier",
            icon="refresh",
            roles=_ADMIN,
        ),
        NavigationItem(
            place=Place.HQ_NAVIGATION,
            section=Section.SETUP,
            order=99,
            label="Settings",
            url="/hq/settings",
            icon="gear",
            roles=_HQ,
        ),
    ),
    panels=(Panel(place=Place.HQ_HOME, order=90, url="/hq/panels/courier", roles=_HQ),),
)
