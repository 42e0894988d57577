"""The life of a shop."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class ShopStatus(StrEnum):
    """``opening``: announced, not yet serving; ``paused``: closed for a while, e.g. for rebuilding."""

    OPENING = "opening"
    OPEN = "open"
    PAUSED = "paused"
    CLOSED = "closed"


SHOP = Lifecycle(
    {
        ShopStatus.OPENING: frozenset({ShopStatus.OPEN, ShopStatus.CLOSED}),
        ShopStatus.OPEN: frozenset({ShopStatus.PAUSED, ShopStatus.CLOSED}),
        ShopStatus.PAUSED: frozenset({ShopStatus.OPEN, ShopStatus.CLOSED}),
        # A shop that comes back under its old code announces itself like a new one.
        ShopStatus.CLOSED: frozenset({ShopStatus.OPENING}),
    }
)


class MovementKind(StrEnum):
    """Why stock moved. Reserved pieces are still on hand; ``commit`` is when they leave the shop."""

    RECEIVE = "receive"
    ADJUST = "adjust"
    RESERVE = "reserve"
    RELEASE = "release"
    COMMIT = "commit"
