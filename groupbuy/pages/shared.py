"""What customers' pages of group-buys share."""

import uuid
from collections.abc import Iterable

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.repository.reading import SeatInGroup
from groupbuy.service import reading
from groupbuy.types import CampaignWithItems, GroupView
from stores import api as stores
from stores.types import ShopView
from yundian.attribution import api as attribution
from yundian.attribution.errors import LinkUnknown
from yundian.catalog import api as catalog
from yundian.catalog.types import PictureView
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal
from yundian.platform.core.words import ENGLISH
from yundian.platform.db.services import Services
from yundian.platform.outbox.door import Door
from yundian.platform.web.context import current
from yundian.platform.web.pages import AnyRequest


async def shop_of_link(services: Services, brand_id: uuid.UUID, token: str) -> uuid.UUID | None:
    """The shop by whose link the page was reached; a hint for what is shown first, no credit."""
    if not token:
        return None
    try:
        link = await attribution.resolve(services.database, keyring=services.keyring, token=token)
    except LinkUnknown:
        return None
    return link.shop_id if link.brand_id == brand_id else None


async def shop_that_brought(
    services: Services, request: AnyRequest, principal: Principal, campaign_id: uuid.UUID
) -> uuid.UUID | None:
    """The shop that an order of this campaign would be credited to for its link; where there is no choice, it is
    collected there."""
    visitor = attribution.visitor_of(services.settings, services.keyring, request.cookies)
    async with services.database.connection(principal.brand) as tx:
        return await attribution.shop_that_brought(
            tx, member_id=principal.own_id, visitor=visitor, at=clock.house(), campaign_id=campaign_id
        )


async def seat_in(door: Door, member_id: uuid.UUID | None, group: GroupView) -> SeatInGroup | None:
    """The newest seat of the member in this group."""
    if member_id is None:
        return None
    found = await reading.seats_of_member(door, member_id=member_id, campaign_id=group.campaign_id)
    return next((one for one in found.items if one.seat.group_id == group.id), None)


async def pictures_of(door: Door, wholes: Iterable[CampaignWithItems]) -> dict[uuid.UUID, list[PictureView]]:
    """By SKU, the pictures of what these campaigns sell. One statement."""
    return await catalog.pictures_of(door, sku_ids={item.sku_id for one in wholes for item in one.items})


async def told_items(session: AsyncSession, whole: CampaignWithItems) -> CampaignWithItems:
    """What it sells as the reader calls it."""
    if current().locale != ENGLISH:
        return whole
    said = await catalog.english_of(session, kept=whole.items)
    items = [
        msgspec.structs.replace(item, name=said[item.sku_id][0], shade_name=said[item.sku_id][1])
        if item.sku_id in said
        else item
        for item in whole.items
    ]
    return msgspec.structs.replace(whole, items=tuple(items))


def gallery(whole: CampaignWithItems, pictures: dict[uuid.UUID, list[PictureView]]) -> list[PictureView]:
    """The campaign's pictures, those of what it names first first, none twice."""
    items = ([whole.lowest] if whole.lowest else []) + list(whole.items)
    found = {view.id: view for item in items for view in pictures.get(item.sku_id, [])}
    return list(found.values())


async def shops_by_id(session: AsyncSession, *ids: uuid.UUID | None) -> dict[uuid.UUID, ShopView]:
    return await stores.get_shops(session, ids={one for one in ids if one is not None})
