"""What groupbuy contributes to the house."""

from groupbuy.events import EVENTS
from groupbuy.handlers import SUBSCRIBERS, TIMERS
from yundian.platform.room import Room

ROOM = Room(name="groupbuy", package="groupbuy", events=EVENTS, subscribers=SUBSCRIBERS, timers=TIMERS)
