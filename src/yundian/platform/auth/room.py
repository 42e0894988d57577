"""What people and rights contribute to the house."""

from yundian.platform.auth.pages.own import AccountPages, SignInPages, TwoStepPages
from yundian.platform.auth.pages.people import KeyPages, PeoplePages
from yundian.platform.auth.pages.shop import ShopPeoplePages
from yundian.platform.auth.routes.own import MeController, SessionController
from yundian.platform.auth.routes.people import ApiKeyController, PeopleController, ShopPeopleController
from yundian.platform.auth.sign_in import forget_old
from yundian.platform.core.principal import Role
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ_ADMINS = frozenset({Role.HQ_ADMIN})

ROOM = Room(
    name="auth",
    package="yundian.platform.auth",
    controllers=(SessionController, MeController, PeopleController, ShopPeopleController, ApiKeyController),
    pages=(SignInPages, AccountPages, TwoStepPages, PeoplePages, KeyPages, ShopPeoplePages),
    crons=(cron("auth.forget_old", every_s=3600)(forget_old),),
    navigation=(
        NavigationItem(Place.HQ_NAVIGATION, 80, "People", "/hq/people", "people", _HQ_ADMINS, Section.SETUP),
        NavigationItem(Place.HQ_NAVIGATION, 90, "API keys", "/hq/keys", "key", _HQ_ADMINS, Section.SETUP),
    ),
    panels=(Panel(Place.HQ_SHOP, 80, "/shop-people/{id}", _HQ_ADMINS),),
)
