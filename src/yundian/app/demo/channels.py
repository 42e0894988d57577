"""The demo brand's channels: a till and a marketplace, for whoever tries the files and the HTTP interface."""

import uuid

from yundian.channels.service import channels
from yundian.channels.states import ChannelKind
from yundian.channels.types import ChannelFields
from yundian.platform.db.services import Services

_CHANNELS = {
    "pos": ChannelFields(name_zh="门店收银", name_en="Shop tills", kind=ChannelKind.TILL),
    "tmall": ChannelFields(name_zh="天猫旗舰店", name_en="Tmall store", kind=ChannelKind.MARKETPLACE),
}


async def ensure_channels(services: Services, brand_id: uuid.UUID) -> None:
    """What is there, or was changed since, stays as it is."""
    async with services.database.unit_of_work(brand_id) as session:
        known = {one.code for one in await channels.list_channels(session)}
        for code, fields in _CHANNELS.items():
            if code not in known:
                await channels.create_channel(session, code=code, fields=fields)
