"""What is said about a failed attempt: enough to find the fault, nothing of a person."""

import re
import traceback

import asyncpg
import structlog
from sqlalchemy.exc import DBAPIError

from yundian.platform.core.errors import DomainError

log = structlog.get_logger(__name__)

_LONGEST = 300
_FOREIGN = re.compile(r"site-packages|/lib/python3")

# The server or the way to it is gone: nobody's fault, nothing to count.
_CONNECTION_LOST: tuple[type[BaseException], ...] = (
    ConnectionError,
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
)


def is_connection_lost(error: BaseException) -> bool:
    """Whether the database went away under the attempt."""
    if isinstance(error, DBAPIError):
        cause = error.orig.__cause__ if error.orig is not None else None
        return error.connection_invalidated or isinstance(cause, _CONNECTION_LOST)
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    return isinstance(error, _CONNECTION_LOST)


def describe(error: BaseException) -> str:
    """Kind, code and place of an error. Messages are left out: they quote values, and values are people's."""
    parts = [type(error).__name__]
    if isinstance(error, DomainError):
        parts.append(error.code)
    original = _driver_error(error)
    if original is not None:
        parts.append(f"SQLSTATE {original.sqlstate}")
        if original.constraint_name:
            parts.append(original.constraint_name)
    place = _place(error)
    if place:
        parts.append(f"at {place}")
    return " ".join(parts)[:_LONGEST]


def log_parked(*, brand: object, subscriber: str, item: object, attempts: int, error: str | None) -> None:
    """The alarm: a person has to look."""
    log.error(
        "courier.parked",
        brand_id=str(brand),
        subscriber=subscriber,
        item_id=str(item),
        attempts=attempts,
        error=error,
    )


def _driver_error(error: BaseException) -> asyncpg.PostgresError | None:
    candidates = [error]
    if isinstance(error, DBAPIError) and error.orig is not None:
        candidates += [error.orig, *([error.orig.__cause__] if error.orig.__cause__ else [])]
    return next((one for one in candidates if isinstance(one, asyncpg.PostgresError)), None)


def _place(error: BaseException) -> str:
    """The innermost line of our own code, else the innermost of all."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if not _FOREIGN.search(frame.filename)]
    if not (own or frames):
        return ""
    frame = (own or frames)[-1]
    return f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno} {frame.name}"
