"""What attribution contributes to the house."""

from yundian.attribution.events import EVENTS
from yundian.attribution.handlers import SUBSCRIBERS
from yundian.attribution.pages.landing import LandingPages
from yundian.attribution.service.links import forget_old
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room

ROOM = Room(
    name="attribution",
    package="yundian.attribution",
    pages=(LandingPages,),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    crons=(cron("attribution.forget_old_touches", every_s=3600)(forget_old),),
)
