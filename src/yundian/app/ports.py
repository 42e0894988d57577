"""Where a lower part asks a room above it: the composition root joins them."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.members.adapters.sms import HttpSms
from yundian.members.ports import SmsSender
from yundian.platform.core.settings import Settings


async def shop_names(session: AsyncSession, *, ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of shops, for the people who are granted roles in them (``auth.ports.ShopNames``)."""
    return {shop_id: shop.name for shop_id, shop in (await stores.get_shops(session, ids=ids)).items()}


def sms_sender(settings: Settings) -> SmsSender:
    """The provider of short messages that the settings name."""
    key = settings.sms_key.get_secret_value() if settings.sms_key else ""
    return HttpSms(url=settings.sms_url, key=key)
