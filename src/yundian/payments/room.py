"""What payments contributes to the house."""

from yundian.payments.events import EVENTS
from yundian.payments.handlers import SUBSCRIBERS
from yundian.payments.tasks import CRONS
from yundian.platform.room import Room

ROOM = Room(
    name="payments",
    package="yundian.payments",
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    crons=CRONS,
)
