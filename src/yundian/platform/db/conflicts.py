"""Constraints as refusals: which uniqueness was hit is known by the constraint's name."""

import contextlib
from collections.abc import AsyncGenerator, Mapping

import asyncpg
from sqlalchemy.exc import IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import DomainError


@contextlib.asynccontextmanager
async def conflicts(refusals: Mapping[str, DomainError]) -> AsyncGenerator[None, None]:
    """Turn a violation of a named constraint into its refusal; any other goes on as it is.

    The transaction is over after that, unless a savepoint surrounds this.
    """
    try:
        yield
    except (IntegrityError, asyncpg.IntegrityConstraintViolationError) as error:
        refusal = refusals.get(constraint_name(error) or "")
        if refusal is None:
            raise
        raise refusal from error


@contextlib.asynccontextmanager
async def savepoint(session: AsyncSession) -> AsyncGenerator[None, None]:
    """What is written inside is undone when the block raises; the transaction around goes on."""
    async with session.begin_nested():
        yield
        # Refusals by constraints and by stale versions belong inside.
        await session.flush()


def constraint_name(error: BaseException) -> str | None:
    """The name of the violated constraint, through whichever library the error came."""
    link: BaseException | None = error
    while link is not None:
        name = getattr(link, "constraint_name", None)
        if isinstance(name, str):
            return name
        original = getattr(link, "orig", None)
        link = original if isinstance(original, BaseException) else link.__cause__
    return None
