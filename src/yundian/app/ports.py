"""Where a lower part asks a room above it: the composition root joins them."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores


async def shop_names(session: AsyncSession, *, ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of shops, for the people who are granted roles in them (``auth.ports.ShopNames``)."""
    return {shop_id: shop.name for shop_id, shop in (await stores.get_shops(session, ids=ids)).items()}
