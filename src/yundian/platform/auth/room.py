"""What people and rights contribute to the house."""

from yundian.platform.auth.routes.own import MeController, SessionController
from yundian.platform.auth.routes.people import ApiKeyController, PeopleController, ShopPeopleController
from yundian.platform.auth.sign_in import forget_old
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room

ROOM = Room(
    name="auth",
    package="yundian.platform.auth",
    controllers=(SessionController, MeController, PeopleController, ShopPeopleController, ApiKeyController),
    crons=(cron("auth.forget_old", every_s=3600)(forget_old),),
)
