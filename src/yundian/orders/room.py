"""What orders contributes to the house."""

from yundian.orders.events import EVENTS
from yundian.orders.handlers import SUBSCRIBERS, TIMERS
from yundian.platform.room import Room

ROOM = Room(name="orders", package="yundian.orders", events=EVENTS, subscribers=SUBSCRIBERS, timers=TIMERS)
