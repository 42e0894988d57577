"""What rooms above call a channel that rooms below know by its code alone; the composition root fills it in."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.web.context import current
from yundian.platform.web.pages import AnyRequest


@runtime_checkable
class ChannelNames(Protocol):
    """The brand's channels by code, in Chinese and in English."""

    async def __call__(self, session: AsyncSession) -> Mapping[str, tuple[str, str]]: ...


async def channel_names(request: AnyRequest, session: AsyncSession) -> dict[str, str]:
    """The names of the brand's own channels in the language of the page; empty where no room knows any."""
    find: ChannelNames | None = request.app.state.get("channel_names")
    found = await find(session) if find else {}
    is_english = current().locale == "en"
    return {code: names[is_english] for code, names in found.items()}
