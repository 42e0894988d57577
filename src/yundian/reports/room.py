"""What reports contributes to the house."""

from yundian.platform.room import Room

ROOM = Room(name="reports", package="yundian.reports")
