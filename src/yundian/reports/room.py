"""What reports contributes to the house."""

from yundian.platform.room import Room
from yundian.reports.handlers import SUBSCRIBERS

ROOM = Room(name="reports", package="yundian.reports", subscribers=SUBSCRIBERS)
