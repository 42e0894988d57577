"""Failures to start that the operator can mend, told in one line instead of a traceback."""

import asyncio
import socket
from collections.abc import Iterator

import asyncpg
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from yundian.platform.core.errors import DomainError
from yundian.platform.core.settings import Settings
from yundian.platform.db import tenancy
from yundian.platform.db.database import sqlalchemy_url
from yundian.platform.db.tenancy import UnsafeRole

_PATIENCE_S = 10.0
_NO_WAY_IN = (
    *(ConnectionError, TimeoutError, socket.gaierror),
    *(asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError),
    *(asyncpg.InsufficientPrivilegeError, asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError),
)


class NoAddress(RuntimeError):
    """A server that every process needs is not named."""


def check_addresses(settings: Settings) -> None:
    """Raise ``NoAddress`` unless a database and a Redis are named."""
    for name, value in (("DATABASE_URL", settings.database_url), ("REDIS_URL", settings.redis_url)):
        if not value:
            raise NoAddress(f"{name} is not set: start yundian up here, or set it")


def check_database(settings: Settings) -> None:
    """Raise what forbids to serve: no address, no way in, or a login that row policies do not bind.

    The web server's own start would fail the same way, but its supervisor would try again for ever.
    """
    asyncio.run(_check(settings))


def explained(error: BaseException) -> str | None:
    """One line for the operator; ``None`` for a failure that is ours, which deserves its traceback."""
    for cause in _chain(error):
        if isinstance(cause, DomainError):
            return cause.title
        if isinstance(cause, (NoAddress, UnsafeRole)):
            return str(cause)
        if isinstance(cause, (ArgumentError, asyncpg.ClientConfigurationError)):
            return "DATABASE_URL, DATABASE_OWNER_URL: one of them is no address of a database"
        if isinstance(cause, _NO_WAY_IN):
            text = str(cause).strip() or "no answer in time"
            return f"No way into the database: {text}. `yundian doctor` looks closer."
    return None


async def _check(settings: Settings) -> None:
    engine = create_async_engine(sqlalchemy_url(settings.database_url), poolclass=NullPool)
    async with asyncio.timeout(_PATIENCE_S), engine.connect() as connection:
        await tenancy.check_startup(connection)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
