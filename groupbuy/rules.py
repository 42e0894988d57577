"""Pure decisions about campaigns, groups and seats."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec

from groupbuy.errors import CampaignIncomplete, CampaignNotRunning, SkuNotInCampaign, TooManyPieces
from groupbuy.states import LatePolicy, Standing
from groupbuy.types import CampaignFields, CampaignView, ItemView, Wanted
from yundian.platform.core.errors import InvalidInput

# The terms people join on; nothing else of a published campaign is fixed.
TERMS = (
    "size",
    "starts_at",
    "group_life_s",
    "seat_life_s",
    "per_member_limit",
    "pieces_per_seat",
    "late_policy",
    "short_fill_size",
)

# WeChat refuses an order that ends within a minute of being made, and its page is not opened at once.
SHORTEST_SEAT_LIFE_S = 120
# At the ends of the calendar there is no other zone to show a time in.
FIRST_YEAR, LAST_YEAR = 2000, 2100


class Chosen(NamedTuple):
    """A line of a seat: an item of the campaign and how many pieces of it."""

    item: ItemView
    quantity: int

    @property
    def total_minor(self) -> int:
        return self.item.group_price_minor * self.quantity


class AtDeadline(StrEnum):
    """What a group's deadline does. ``wait``: somebody may be paying at this moment."""

    WAIT = "wait"
    FILL = "fill"
    SHORT_FILL = "short_fill"
    EXPIRE = "expire"


class LateChoice(StrEnum):
    """What is tried for money that came late, in this order, until one works."""

    SAME_GROUP = "same_group"
    OTHER_GROUP = "other_group"
    NEW_GROUP = "new_group"
    REFUND = "refund"


def checked(fields: CampaignFields) -> CampaignFields:
    """The fields with times in whole seconds, as people type them; what contradicts itself is refused."""
    fields = msgspec.structs.replace(
        fields, starts_at=fields.starts_at.replace(microsecond=0), ends_at=fields.ends_at.replace(microsecond=0)
    )
    for name in ("starts_at", "ends_at"):
        if not FIRST_YEAR <= getattr(fields, name).year <= LAST_YEAR:
            raise InvalidInput(name, "Choose a time between 2000 and 2100")
    if fields.ends_at <= fields.starts_at:
        raise InvalidInput("ends_at", "must be after the start")
    if fields.short_fill_size is not None and not 2 <= fields.short_fill_size < fields.size:
        raise InvalidInput("short_fill_size", "must be at least 2 and below the size of the group")
    if len({item.sku_id for item in fields.items}) != len(fields.items):
        raise InvalidInput("items", "a SKU stands on two lines")
    return fields


def check_complete(campaign: CampaignView, *, items: int, shops: int, now: dt.datetime) -> None:
    """Refuse to publish what nobody could buy."""
    missing = []
    if items == 0:
        missing.append("items")
    if not campaign.is_all_shops and shops == 0:
        missing.append("shops")
    if campaign.ends_at <= now:
        missing.append("time")
    if missing:
        raise CampaignIncomplete(missing=missing)


def changed_terms(campaign: CampaignView, fields: CampaignFields) -> list[str]:
    """The terms that these fields would change."""
    return [name for name in TERMS if getattr(campaign, name) != getattr(fields, name)]


def check_running(campaign: CampaignView, now: dt.datetime) -> None:
    """Only a running campaign opens groups."""
    standing = campaign.standing(now)
    if standing is not Standing.RUNNING:
        raise CampaignNotRunning(
            standing=standing.value,
            starts_at=campaign.starts_at.isoformat(),
            ends_at=campaign.ends_at.isoformat(),
        )


def choose(lines: Sequence[Wanted], items: Mapping[uuid.UUID, ItemView], *, pieces_per_seat: int) -> list[Chosen]:
    """The wanted lines as items, ordered as their rows are locked."""
    if not lines:
        raise InvalidInput("lines", "choose something")
    unknown = [str(line.sku_id) for line in lines if line.sku_id not in items]
    if unknown:
        raise SkuNotInCampaign(sku_ids=unknown)
    if len({line.sku_id for line in lines}) != len(lines):
        raise InvalidInput("lines", "a SKU stands on two lines")
    if sum(line.quantity for line in lines) > pieces_per_seat:
        raise TooManyPieces(limit=pieces_per_seat)
    return sorted((Chosen(items[line.sku_id], line.quantity) for line in lines), key=lambda one: one.item.id)


def deadline_of(*, opened_at: dt.datetime, group_life_s: int) -> dt.datetime:
    """A group lives as long as it was promised, also beyond the end of its campaign."""
    return opened_at + dt.timedelta(seconds=group_life_s)


def seat_expiry(*, now: dt.datetime, seat_life_s: int, deadline_at: dt.datetime) -> dt.datetime:
    """Until when a seat is kept unpaid: never beyond its group's deadline."""
    return min(now + dt.timedelta(seconds=seat_life_s), deadline_at)


def at_deadline(*, size: int, taken: int, paid: int, short_fill_size: int | None) -> AtDeadline:
    """Attempts in flight first; then real members who are enough; else everybody gets her money back."""
    if paid >= size:
        return AtDeadline.FILL
    if taken > paid:
        return AtDeadline.WAIT
    if short_fill_size is not None and paid >= short_fill_size:
        return AtDeadline.SHORT_FILL
    return AtDeadline.EXPIRE


_LATE = {
    LatePolicy.OPEN_NEW_GROUP: (LateChoice.SAME_GROUP, LateChoice.NEW_GROUP, LateChoice.REFUND),
    LatePolicy.JOIN_OTHER_GROUP: (LateChoice.SAME_GROUP, LateChoice.OTHER_GROUP, LateChoice.REFUND),
    LatePolicy.REFUND: (LateChoice.REFUND,),
}


def late_choices(policy: LatePolicy) -> tuple[LateChoice, ...]:
    """Her own group comes first while it has room; a refund is always possible."""
    return _LATE[policy]
