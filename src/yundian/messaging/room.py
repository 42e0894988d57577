"""What messaging contributes to the house."""

from yundian.platform.room import Room

ROOM = Room(name="messaging", package="yundian.messaging")
