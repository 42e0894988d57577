"""What messaging contributes to the house."""

from yundian.messaging.events import EVENTS
from yundian.messaging.handlers import SUBSCRIBERS
from yundian.messaging.tasks import CRONS
from yundian.platform.room import Room

ROOM = Room(
    name="messaging",
    package="yundian.messaging",
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    crons=CRONS,
)
