"""What channels contributes to the house."""

from yundian.channels.commands import IMPORT
from yundian.channels.events import EVENTS
from yundian.channels.handlers import SUBSCRIBERS
from yundian.channels.pages.channels import ChannelPages, DocumentPages
from yundian.channels.pages.imports import ImportPages, RunPages
from yundian.channels.pages.quarantine import QuarantinePages
from yundian.channels.routes import SyncController
from yundian.channels.tasks import CRONS, TIMERS
from yundian.platform.core.principal import Role
from yundian.platform.room import Room
from yundian.platform.web.declare import NavigationItem, Panel, Place, Section

_HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

ROOM = Room(
    name="channels",
    package="yundian.channels",
    controllers=(SyncController,),
    pages=(ChannelPages, DocumentPages, ImportPages, RunPages, QuarantinePages),
    events=EVENTS,
    subscribers=SUBSCRIBERS,
    timers=TIMERS,
    crons=CRONS,
    commands=(IMPORT,),
    navigation=(
        NavigationItem(Place.HQ_NAVIGATION, 65, "Sales channels", "/hq/channels", "inbox", _HQ, Section.SELLING),
    ),
    panels=(
        Panel(Place.HQ_ORDER, 10, "/hq/channels/documents/of-order/{id}", _HQ),
        Panel(Place.HQ_SALES, 10, "/hq/channels/adjustments", _HQ),
    ),
)
