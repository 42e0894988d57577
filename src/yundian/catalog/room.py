"""What the catalog contributes to the house."""

from yundian.catalog.commands import IMPORT
from yundian.catalog.events import EVENTS
from yundian.catalog.pages.products import ProductPages
from yundian.catalog.routes import ProductController, SkuController
from yundian.platform.core.principal import Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Place

ROOM = Room(
    name="catalog",
    package="yundian.catalog",
    controllers=(ProductController, SkuController),
    pages=(ProductPages,),
    events=EVENTS,
    commands=(IMPORT,),
    navigation=(
        NavigationItem(
            place=Place.HQ_NAVIGATION,
            order=30,
            label="Products",
            url="/hq/products",
            icon="tag",
            roles=frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST}),
        ),
    ),
)
