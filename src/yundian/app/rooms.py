"""The list of rooms, bottom to top: the one place that knows them all. Their tables are listed in ``tables``."""

from appointments.room import ROOM as APPOINTMENTS
from groupbuy.room import ROOM as GROUPBUY
from stores.room import ROOM as STORES
from yundian.attribution.room import ROOM as ATTRIBUTION
from yundian.brands.room import ROOM as BRANDS
from yundian.catalog.room import ROOM as CATALOG
from yundian.channels.room import ROOM as CHANNELS
from yundian.members.room import ROOM as MEMBERS
from yundian.messaging.room import ROOM as MESSAGING
from yundian.orders.room import ROOM as ORDERS
from yundian.payments.room import ROOM as PAYMENTS
from yundian.platform.auth.room import ROOM as AUTH
from yundian.platform.files.room import ROOM as FILES
from yundian.platform.room import Room
from yundian.reports.room import ROOM as REPORTS

# Lowest first: a room may use those before it, never those after.
ROOMS: tuple[Room, ...] = (
    AUTH,
    FILES,
    BRANDS,
    CATALOG,
    STORES,
    MEMBERS,
    PAYMENTS,
    ATTRIBUTION,
    MESSAGING,
    ORDERS,
    REPORTS,
    CHANNELS,
    GROUPBUY,
    APPOINTMENTS,
)


def rooms() -> tuple[Room, ...]:
    """Every room that contributes something, bottom to top."""
    return ROOMS
