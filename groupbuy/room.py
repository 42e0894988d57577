"""What groupbuy contributes to the house."""

from groupbuy.events import EVENTS
from groupbuy.handlers import SUBSCRIBERS, TIMERS
from groupbuy.routes import CampaignController, OfferController, ShopGroupController
from yundian.platform.room import Room

ROOM = Room(
    name="groupbuy",
    package="groupbuy",
    controllers=(CampaignController, OfferController, ShopGroupController),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    timers=TIMERS,
)
