"""What the catalog contributes to the house."""

from yundian.catalog.commands import IMPORT
from yundian.catalog.events import EVENTS
from yundian.catalog.pages.pictures import PictureFiles, PicturePages
from yundian.catalog.pages.products import ProductPages
from yundian.catalog.routes.pictures import PictureController
from yundian.catalog.routes.products import ProductController, SkuController
from yundian.catalog.service.pictures import forget_removed
from yundian.platform.core.principal import Role
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Place, Section

ROOM = Room(
    name="catalog",
    package="yundian.catalog",
    controllers=(ProductController, SkuController, PictureController),
    pages=(ProductPages, PicturePages, PictureFiles),
    events=EVENTS,
    crons=(cron("catalog.forget_removed_pictures", every_s=3600)(forget_removed),),
    commands=(IMPORT,),
    navigation=(
        NavigationItem(
            place=Place.HQ_NAVIGATION,
            section=Section.RANGE,
            order=30,
            label="Products",
            url="/hq/products",
            icon="tag",
            roles=frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST}),
        ),
    ),
)
