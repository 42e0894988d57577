"""What stores contributes to the house."""

from stores.commands import IMPORT
from stores.events import EVENTS
from stores.routes import NearestController, ShopController, StockController
from yundian.platform.room import Room

ROOM = Room(
    name="stores",
    package="stores",
    controllers=(ShopController, StockController, NearestController),
    events=EVENTS,
    commands=(IMPORT,),
)
