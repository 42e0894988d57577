"""What went wrong, said in the house's words: any exception becomes one ``Fault`` with a stable code.

Messages of foreign exceptions are never passed on: they quote values.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import asyncpg
import msgspec
import redis.exceptions
import sqlalchemy.exc
from litestar.exceptions import HTTPException, ImproperlyConfiguredException, ValidationException
from sqlalchemy.orm.exc import StaleDataError

from yundian.platform.core.errors import (
    DomainError,
    Forbidden,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    TooManyRequests,
    Unavailable,
    VersionConflict,
)

RETRY_AFTER_S = 2

_MSGSPEC_PATH = re.compile(r" - at `\$\.?(?P<path>.*?)`$")
_UNKNOWN_FIELD = re.compile(r"unknown field `(?P<name>.*)`|missing required field `(?P<missing>.*)`")


class MethodNotAllowed(DomainError):
    code = "web.method_not_allowed"
    status = 405
    title = "Method not allowed"


class BodyTooLarge(DomainError):
    code = "web.body_too_large"
    status = 413
    title = "Request too large"


class UnsupportedMedia(DomainError):
    code = "web.unsupported_media_type"
    status = 415
    title = "Unsupported media type"


class AlreadyExists(DomainError):
    code = "core.already_exists"
    title = "Exists already"


class InUse(DomainError):
    code = "core.in_use"
    title = "In use, or refers to something that is gone"


class Unexpected(DomainError):
    code = "core.unexpected"
    status = 500
    title = "Something went wrong"


@dataclass(frozen=True, slots=True)
class FieldError:
    """A wrong field: its path in the input (``lines.0.quantity``), and a msgid."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What the caller is told; ``is_ours`` says that it is to be logged as an error."""

    error: DomainError
    errors: tuple[FieldError, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    is_ours: bool = False

    @property
    def status(self) -> int:
        return self.error.status

    @property
    def code(self) -> str:
        return self.error.code


def explain(exc: BaseException) -> Fault:
    """The fault that an exception stands for; anything unknown is a 500 without details."""
    exc = _single(exc)
    if isinstance(exc, DomainError):
        return _refusal(exc)
    if isinstance(exc, HTTPException) and not isinstance(exc, ImproperlyConfiguredException):
        return _http(exc)
    if isinstance(exc, StaleDataError):
        return Fault(VersionConflict())
    if isinstance(exc, msgspec.ValidationError):
        return _invalid(field_error(str(exc)))
    # A bare LookupError is a charset that nobody knows; KeyError and IndexError would be our own fault.
    if isinstance(exc, RecursionError | UnicodeError | msgspec.DecodeError) or type(exc) is LookupError:
        return _invalid(FieldError("", "This value cannot be read"))
    if (state := sqlstate(exc)) is not None:
        return _database(state)
    if _is_outage(exc):
        return _unavailable()
    return Fault(Unexpected(), is_ours=True)


def field_error(message: str) -> FieldError:
    """Split msgspec's text into the field it names and the rest."""
    found = _MSGSPEC_PATH.search(message)
    path = found["path"] if found else ""
    text = message[: found.start()] if found else message
    named = _UNKNOWN_FIELD.search(text)
    if named:
        path = ".".join(part for part in (path, named["name"] or named["missing"]) if part)
        text = "Unknown field" if named["name"] else "Required"
    return FieldError(_dotted(path), text)


def sqlstate(exc: BaseException) -> str | None:
    """The five characters PostgreSQL gave, through whichever library they came."""
    for link in _chain(exc):
        state = getattr(link, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


def _refusal(error: DomainError) -> Fault:
    errors = tuple(
        FieldError(str(item.get("field", "")), str(item.get("message", "")))
        for item in _dicts(error.facts.get("errors"))
    )
    retry = error.facts.get("retry_after_s")
    if retry is None and isinstance(error, Unavailable | TooManyRequests):
        retry = RETRY_AFTER_S
    headers = {} if retry is None else {"Retry-After": str(retry)}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="yundian"'
    return Fault(error, errors, headers, is_ours=error.status == 500)


def _http(exc: HTTPException) -> Fault:
    if isinstance(exc, ValidationException):
        return _invalid(*(_field_of(item) for item in _dicts(exc.extra)))
    simple: dict[int, type[DomainError]] = {
        401: NotAuthenticated,
        403: Forbidden,
        404: NotFound,
        405: MethodNotAllowed,
        413: BodyTooLarge,
        415: UnsupportedMedia,
        429: TooManyRequests,
        503: Unavailable,
    }
    kind = simple.get(exc.status_code)
    if kind is not None:
        fault = _refusal(kind())
        allow = {k: v for k, v in (exc.headers or {}).items() if k.lower() == "allow"}
        return Fault(fault.error, headers={**fault.headers, **allow})
    if exc.status_code < 500:
        return _invalid(field_error(exc.detail) if "`$" in exc.detail else FieldError("", "This cannot be read"))
    if exc.detail == "client disconnected prematurely":
        return _invalid(FieldError("", "The request ended too early"))
    return Fault(Unexpected(), is_ours=True)


def _field_of(item: Mapping[str, object]) -> FieldError:
    inner = field_error(str(item.get("message", "")))
    outer = _dotted(str(item.get("key", "")))
    outer = "" if outer == "data" else outer
    if inner.field.startswith(outer):
        return FieldError(inner.field or outer, inner.message)
    return FieldError(f"{outer}.{inner.field}" if inner.field else outer, inner.message)


def _dotted(path: str) -> str:
    """``lines[1].quantity`` as ``lines.1.quantity``."""
    return re.sub(r"\[(\d+|\.\.\.)\]", r".\1", path).lstrip(".")


def _database(state: str) -> Fault:
    if state == "23505":
        return Fault(AlreadyExists())
    if state == "23503":
        return Fault(InUse())
    if state in ("23514", "23502", "23P01") or state.startswith("22"):
        return _invalid(FieldError("", "A value is out of its range"))
    # Serialization, deadlock, lock and statement timeouts, too many connections, shutdown, lost connection.
    if state in ("40001", "40P01", "55P03", "57014", "25P03") or state[:2] in ("08", "53", "57"):
        return _unavailable()
    return Fault(Unexpected(), is_ours=True)


def _is_outage(exc: BaseException) -> bool:
    outages = (
        asyncpg.InterfaceError,
        # A connection whose server was killed under it refuses every further step with this one.
        asyncpg.InternalClientError,
        redis.exceptions.ConnectionError,
        sqlalchemy.exc.TimeoutError,
        sqlalchemy.exc.InterfaceError,
        OSError,
        TimeoutError,
    )
    return any(isinstance(link, outages) for link in _chain(exc))


def _unavailable() -> Fault:
    return _refusal(Unavailable(retry_after_s=RETRY_AFTER_S))


def _invalid(*errors: FieldError) -> Fault:
    first = errors[0] if errors else FieldError("", "This cannot be read")
    return Fault(InvalidInput(first.field, first.message), errors or (first,))


def _single(exc: BaseException) -> BaseException:
    """Task groups wrap what was raised inside them; one exception inside is that exception."""
    while isinstance(exc, BaseExceptionGroup) and len(exc.exceptions) == 1:
        exc = exc.exceptions[0]
    return exc


def _chain(exc: BaseException | None) -> Iterator[BaseException]:
    """What lies under a wrapped driver error. Only causes: the context may be an unrelated, handled error."""
    for _ in range(8):
        if exc is None:
            return
        yield exc
        original = getattr(exc, "orig", None)
        exc = original if isinstance(original, BaseException) else exc.__cause__


def _dicts(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
