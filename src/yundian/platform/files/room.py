"""What files that people bring in contribute to the house. Their screens are those of the rooms that have such."""

from yundian.platform.files.tasks import CRONS
from yundian.platform.room import Room

ROOM = Room(name="files", package="yundian.platform.files", crons=CRONS)
