"""Where a lower part asks a room above it: the composition root joins them."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from yundian.channels.service import channels
from yundian.members.adapters.sms import SmsCodes
from yundian.members.ports import SmsSender
from yundian.platform.core.settings import Settings
from yundian.platform.sms.gateways import SmsAtFirstUse
from yundian.platform.web.i18n import told


async def shop_names(session: AsyncSession, *, ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The names of shops, for the people who are granted roles in them (``auth.ports.ShopNames``)."""
    return {shop_id: shop.name for shop_id, shop in told(await stores.get_shops(session, ids=ids)).items()}


async def channel_names(session: AsyncSession) -> dict[str, tuple[str, str]]:
    """What the brand calls its sales channels (``platform.web.names.ChannelNames``)."""
    return {one.code: (one.name_zh, one.name_en) for one in await channels.list_channels(session)}


def sms_sender(settings: Settings) -> SmsSender:
    """What sends codes to phones: the provider of short messages that the settings name."""
    gateway = SmsAtFirstUse(settings)
    return SmsCodes(gateway, sign=settings.sms_sign, template=settings.sms_code_template)
