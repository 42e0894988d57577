"""Where a customer may collect: the shops of a campaign, the nearest first once her phone says where she is."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from litestar.params import QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.pages.shared import shops_by_id
from groupbuy.types import CampaignWithItems
from stores import api as stores
from stores.types import Place, ShopView, Way
from yundian.platform.web.i18n import told

Latitude = Annotated[float | None, QueryParameter(ge=-90, le=90)]
Longitude = Annotated[float | None, QueryParameter(ge=-180, le=180)]

_OPEN = "open"
# So many stand in a list on a phone; more are a field to choose from, until she says where she is.
_LISTED, _NEAR = 8, 50


class Choice(NamedTuple):
    shop: ShopView
    distance_m: float | None
    way: Way | None


def place_of(latitude: float | None, longitude: float | None) -> Place | None:
    """Where she is, if her phone said it."""
    return Place(latitude, longitude) if latitude is not None and longitude is not None else None


async def pickup_shops(session: AsyncSession, whole: CampaignWithItems, own: uuid.UUID | None) -> list[ShopView]:
    """Where it can be collected, the shop that brought her first."""
    if not whole.campaign.has_pickup_choice and own is not None and whole.includes(own):
        found = await shops_by_id(session, own)
        return [shop for shop in found.values() if shop.status.value == _OPEN]
    if whole.campaign.is_all_shops:
        shops = await stores.open_shops(session)
    else:
        known = await stores.get_shops(session, ids=set(whole.shop_ids))
        shops = sorted((shop for shop in known.values() if shop.status.value == _OPEN), key=lambda shop: shop.code)
    return sorted(shops, key=lambda shop: shop.id != own)


async def shown(session: AsyncSession, shops: Sequence[ShopView], here: Place | None) -> dict[str, Any]:
    """The choice as the page shows it: a map and the nearest shops, a list of few, or a field of many."""
    away = {}
    if here is not None and len(shops) > 1:
        near = await stores.nearest_shops(session, place=here, limit=_NEAR)
        away = {one.shop.id: one.distance_m for one in near}
        shops = sorted(shops, key=lambda shop: away.get(shop.id, float("inf")))
    listed = shops[:_LISTED] if away or len(shops) <= _LISTED else []
    sketch = stores.sketch_of(here, list(listed)) if here is not None and listed else None
    return {
        "shops": shops,
        "choices": [Choice(shop, away.get(shop.id), stores.way_to(shop)) for shop in listed],
        "sketch": sketch if sketch and sketch.marks else None,
        "is_near": here is not None,
        "shop_options": [(str(shop.id), f"{shop.name} · {shop.district or shop.city}") for shop in told(shops)],
    }
