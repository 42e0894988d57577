"""What groupbuy contributes to the house."""

from yundian.platform.room import Room

ROOM = Room(name="groupbuy", package="groupbuy")
