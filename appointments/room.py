"""What appointments contributes to the house."""

from yundian.platform.room import Room

ROOM = Room(name="appointments", package="appointments")
