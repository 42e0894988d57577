"""What orders contributes to the house."""

from yundian.platform.room import Room

ROOM = Room(name="orders", package="yundian.orders")
