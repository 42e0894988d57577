"""What customers' pages of group-buys share."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.repository.reading import SeatInGroup
from groupbuy.service import reading
from groupbuy.types import GroupView
from stores import api as stores
from stores.types import ShopView
from yundian.attribution import api as attribution
from yundian.attribution.errors import LinkUnknown
from yundian.platform.db.services import Services
from yundian.platform.outbox.door import Door


async def shop_of_link(services: Services, brand_id: uuid.UUID, token: str) -> uuid.UUID | None:
    """The shop by whose link the page was reached; a hint for what is shown first, no credit."""
    if not token:
        return None
    try:
        link = await attribution.resolve(services.database, keyring=services.keyring, token=token)
    except LinkUnknown:
        return None
    return link.shop_id if link.brand_id == brand_id else None


async def seat_in(door: Door, member_id: uuid.UUID | None, group: GroupView) -> SeatInGroup | None:
    """The newest seat of the member in this group."""
    if member_id is None:
        return None
    found = await reading.seats_of_member(door, member_id=member_id, campaign_id=group.campaign_id)
    return next((one for one in found.items if one.seat.group_id == group.id), None)


async def shops_by_id(session: AsyncSession, *ids: uuid.UUID | None) -> dict[uuid.UUID, ShopView]:
    return await stores.get_shops(session, ids={one for one in ids if one is not None})
