"""What appointments contributes to the house."""

from appointments.events import EVENTS
from appointments.handlers import SUBSCRIBERS, TIMERS
from yundian.platform.room import Room

ROOM = Room(
    name="appointments",
    package="appointments",
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    timers=TIMERS,
)
