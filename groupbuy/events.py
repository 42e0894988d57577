"""What groupbuy tells other rooms. Events carry what a reaction needs: nobody reads it back."""

import datetime as dt
import uuid

import msgspec

from yundian.platform.outbox.declare import Event


class SeatFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A member of a group and her order."""

    seat_id: uuid.UUID
    member_id: uuid.UUID
    order_id: uuid.UUID
    order_number: str


class CampaignPublished(Event, frozen=True, kw_only=True, tag="groupbuy.campaign_published.v1"):
    """Open to everybody in its window."""

    campaign_id: uuid.UUID
    code: str


class CampaignClosed(Event, frozen=True, kw_only=True, tag="groupbuy.campaign_closed.v1"):
    """No new group; those that are open run on to their own deadline."""

    campaign_id: uuid.UUID
    code: str


class GroupOpened(Event, frozen=True, kw_only=True, tag="groupbuy.opened.v1"):
    """Somebody has paid: the group is there, and others may see it."""

    group_id: uuid.UUID
    code: str
    campaign_id: uuid.UUID
    shop_id: uuid.UUID | None
    leader_member_id: uuid.UUID
    deadline_at: dt.datetime


class GroupFilled(Event, frozen=True, kw_only=True, tag="groupbuy.filled.v1"):
    """Complete and final. ``is_short``: below its size, as the campaign said from the start."""

    group_id: uuid.UUID
    code: str
    campaign_id: uuid.UUID
    shop_id: uuid.UUID | None
    filled_at: dt.datetime
    is_short: bool
    seats: tuple[SeatFacts, ...]


class GroupEnded(Event, frozen=True, kw_only=True, tag="groupbuy.ended.v1"):
    """It did not make it (``reason``: deadline, empty, campaign, shop); what was paid goes back now."""

    group_id: uuid.UUID
    code: str
    campaign_id: uuid.UUID
    shop_id: uuid.UUID | None
    reason: str
    ended_at: dt.datetime


class GroupFailed(Event, frozen=True, kw_only=True, tag="groupbuy.failed.v1"):
    """All its money is back with those who paid."""

    group_id: uuid.UUID
    code: str
    campaign_id: uuid.UUID
    shop_id: uuid.UUID | None
    reason: str


class SeatMoved(Event, frozen=True, kw_only=True, tag="groupbuy.seat_moved.v1"):
    """Money that came late got a seat in another group, as the campaign's policy says."""

    seat_id: uuid.UUID
    member_id: uuid.UUID
    from_group_id: uuid.UUID
    to_group_id: uuid.UUID
    to_group_code: str
    order_id: uuid.UUID
    order_number: str


EVENTS = (CampaignPublished, CampaignClosed, GroupOpened, GroupFilled, GroupEnded, GroupFailed, SeatMoved)
