"""The lives of campaigns, groups and seats."""

from enum import StrEnum

from yundian.platform.core.states import Lifecycle


class CampaignState(StrEnum):
    """What HQ decided; the clock says the rest (``Standing``)."""

    DRAFT = "draft"
    PUBLISHED = "published"
    CLOSED = "closed"


class Standing(StrEnum):
    """How a campaign stands at an instant. Only a running one opens groups."""

    DRAFT = "draft"
    SCHEDULED = "scheduled"
    RUNNING = "running"
    ENDED = "ended"
    CLOSED = "closed"


class GroupState(StrEnum):
    """``opening``: nobody has paid yet; ``filled``: the atomic moment; ``succeeded``: its orders are released.

    A group that did not make it is ``expired`` (its time was up) or ``cancelled``, gives back what was paid while
    ``refunding``, and ends ``failed``.
    """

    OPENING = "opening"
    OPEN = "open"
    FILLED = "filled"
    SUCCEEDED = "succeeded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    REFUNDING = "refunding"
    FAILED = "failed"


class SeatState(StrEnum):
    """``overflow``: paid after it was lost; its money went to another seat or is on its way back."""

    RESERVED = "reserved"
    PAID = "paid"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    REFUNDING = "refunding"
    REFUNDED = "refunded"
    REFUNDED_AFTER = "refunded_after"
    OVERFLOW = "overflow"


class LatePolicy(StrEnum):
    """What becomes of money that arrives when its seat is gone. Never is it kept without a seat or a refund."""

    OPEN_NEW_GROUP = "open_new_group"
    JOIN_OTHER_GROUP = "join_other_group"
    REFUND = "refund"


class EndReason(StrEnum):
    """Why a group did not make it."""

    DEADLINE = "deadline"
    EMPTY = "empty"
    CAMPAIGN = "campaign"
    SHOP = "shop"


CAMPAIGN = Lifecycle(
    {
        CampaignState.DRAFT: frozenset({CampaignState.PUBLISHED, CampaignState.CLOSED}),
        CampaignState.PUBLISHED: frozenset({CampaignState.CLOSED}),
        CampaignState.CLOSED: frozenset(),
    }
)

GROUP = Lifecycle(
    {
        GroupState.OPENING: frozenset(
            {GroupState.OPEN, GroupState.FILLED, GroupState.EXPIRED, GroupState.CANCELLED}
        ),
        GroupState.OPEN: frozenset({GroupState.FILLED, GroupState.EXPIRED, GroupState.CANCELLED}),
        GroupState.FILLED: frozenset({GroupState.SUCCEEDED}),
        GroupState.SUCCEEDED: frozenset(),
        GroupState.EXPIRED: frozenset({GroupState.REFUNDING, GroupState.FAILED}),
        GroupState.CANCELLED: frozenset({GroupState.REFUNDING, GroupState.FAILED}),
        GroupState.REFUNDING: frozenset({GroupState.FAILED}),
        GroupState.FAILED: frozenset(),
    }
)

SEAT = Lifecycle(
    {
        SeatState.RESERVED: frozenset({SeatState.PAID, SeatState.RELEASED, SeatState.REFUNDING}),
        SeatState.PAID: frozenset({SeatState.CONFIRMED, SeatState.REFUNDING}),
        SeatState.CONFIRMED: frozenset({SeatState.REFUNDED_AFTER}),
        SeatState.RELEASED: frozenset({SeatState.OVERFLOW, SeatState.REFUNDING}),
        SeatState.REFUNDING: frozenset({SeatState.REFUNDED}),
        SeatState.REFUNDED: frozenset(),
        SeatState.REFUNDED_AFTER: frozenset(),
        SeatState.OVERFLOW: frozenset(),
    }
)

# Groups in which seats are taken.
JOINABLE = (GroupState.OPENING, GroupState.OPEN)
# A member holds one of these per campaign; those of OCCUPYING count towards her limit.
LIVE = (SeatState.RESERVED, SeatState.PAID)
OCCUPYING = (SeatState.RESERVED, SeatState.PAID, SeatState.CONFIRMED, SeatState.REFUNDED_AFTER)
