"""Sales channels: HQ names them, everybody looks them up."""

import uuid
from zoneinfo import available_timezones

import msgspec
from babel.numbers import is_currency
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels import rules
from yundian.channels.errors import ChannelCodeTaken, ChannelPaused, ChannelUnknown
from yundian.channels.models import Channel
from yundian.channels.repository import channels as repository
from yundian.channels.types import ChannelFields, ChannelView
from yundian.platform.core.errors import InvalidInput, VersionConflict
from yundian.platform.db.conflicts import conflicts
from yundian.platform.outbox.door import Door, brand_of

CODE_KEY = "uq_channels_channel_brand_id_code"
_MAX_NAME = 80


async def create_channel(session: AsyncSession, *, code: str, fields: ChannelFields) -> ChannelView:
    """A new channel; ``ChannelCodeTaken`` where there is one."""
    if not rules.CODE.fullmatch(code):
        raise InvalidInput("code", "Small letters, digits and _, beginning with a letter, at most 32")
    if code in rules.RESERVED_CODES:
        raise InvalidInput("code", "This is the name of one of the house's own channels")
    channel = Channel(brand_id=brand_of(session), code=code, **msgspec.structs.asdict(_checked(fields)))
    session.add(channel)
    async with conflicts({CODE_KEY: ChannelCodeTaken()}):
        await session.flush()
    return _view(channel)


async def change_channel(
    session: AsyncSession, *, code: str, fields: ChannelFields, version: int | None = None
) -> ChannelView:
    """What HQ says now; ``ChannelUnknown``, or ``VersionConflict`` where somebody saved it in between."""
    channel = await repository.by_code(session, code=code)
    if channel is None:
        raise ChannelUnknown(channel=code)
    if version is not None and channel.version != version:
        raise VersionConflict
    for name, value in msgspec.structs.asdict(_checked(fields)).items():
        setattr(channel, name, value)
    session.add(channel)
    await session.flush()
    return _view(channel)


async def list_channels(session: AsyncSession, *, brand_id: uuid.UUID | None = None) -> list[ChannelView]:
    """Every channel of the door's brand, by code."""
    if brand_id is not None and brand_id != brand_of(session):
        return []
    return [_view(one) for one in await repository.list_all(session)]


async def get_channel(session: AsyncSession, *, code: str) -> ChannelView:
    """One channel; ``ChannelUnknown`` for none of this brand."""
    channel = await repository.by_code(session, code=code)
    if channel is None:
        raise ChannelUnknown(channel=code)
    return _view(channel)


async def check_open(door: Door, *, code: str) -> str:
    """The zone of a channel that takes documents in, else ``ChannelUnknown`` or ``ChannelPaused``."""
    found = await repository.standing_of(door, code=code)
    if found is None:
        raise ChannelUnknown(channel=code)
    time_zone, is_active = found
    if not is_active:
        raise ChannelPaused(channel=code)
    return time_zone


async def zone_of(door: Door, *, code: str) -> str:
    """The zone of any channel; ``ChannelUnknown`` for none of this brand."""
    found = await repository.standing_of(door, code=code)
    if found is None:
        raise ChannelUnknown(channel=code)
    return found[0]


def _checked(fields: ChannelFields) -> ChannelFields:
    names = {name: getattr(fields, name).strip() for name in ("name_zh", "name_en")}
    for name, text in names.items():
        if not text or len(text) > _MAX_NAME:
            raise InvalidInput(name, "A name of at most 80 characters")
    if not is_currency(fields.currency):
        raise InvalidInput("currency", "No such currency")
    if fields.time_zone not in available_timezones():
        raise InvalidInput("time_zone", "No such time zone")
    return msgspec.structs.replace(fields, **names)


def _view(channel: Channel) -> ChannelView:
    return msgspec.convert(channel, ChannelView, from_attributes=True)
