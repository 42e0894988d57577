"""What attribution contributes to the house."""

from yundian.platform.room import Room

ROOM = Room(name="attribution", package="yundian.attribution")
