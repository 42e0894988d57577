"""What channels contributes to the house."""

from yundian.platform.room import Room

ROOM = Room(name="channels", package="yundian.channels")
