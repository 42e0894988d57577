"""What auth asks of rooms above it; the composition root fills it in."""

import uuid
from typing import Protocol, runtime_checkable

from sqlmodel.ext.asyncio.session import AsyncSession


@runtime_checkable
class ShopNames(Protocol):
    """The names of the brand's shops with these ids; unknown ids are left out."""

    async def __call__(self, session: AsyncSession, *, ids: set[uuid.UUID]) -> dict[uuid.UUID, str]: ...
