"""What went wrong, said in the house's words: any exception becomes one ``Fault`` with a stable code.

Messages of foreign exceptions are never passed on: they quote values.
"""

import dataclasses
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

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
from yundian.platform.web.kinds import INVALID, Kind, kind_of

RETRY_AFTER_S = 2

_MSGSPEC_PATH = re.compile(r" - at `\$\.?(?P<path>.*?)`$")
_NAMED = re.compile(
    r"(?:unknown|missing required) field `(?P<name>.*)`|^Missing required \w+ parameter '(?P<of>[^']*)'"
)


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
    """A wrong field: its path in the input (``lines.0.quantity``), a msgid, what stands in it, and the kind."""

    field: str
    message: str
    facts: Mapping[str, object] = dataclasses.field(default_factory=dict)
    code: str = INVALID

    @classmethod
    def of(cls, path: str, kind: Kind) -> "FieldError":
        return cls(path, kind.text, kind.facts, kind.code)

    def as_fact(self) -> dict[str, object]:
        """The same among the facts of a refusal."""
        return {"field": self.field, "message": self.message, "facts": self.facts, "code": self.code}


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
    """Split a validator's text into the field it names and the kind of its mistake."""
    found = _MSGSPEC_PATH.search(message)
    path = found["path"] if found else ""
    text = message[: found.start()] if found else message
    named = _NAMED.search(text)
    if named:
        path = ".".join(part for part in (path, named["name"] or named["of"]) if part)
    return FieldError.of(_dotted(path), kind_of(text))


def sqlstate(exc: BaseException) -> str | None:
    """The five characters PostgreSQL gave, through whichever library they came."""
    for link in _chain(exc):
        state = getattr(link, "sqlstate", None)
        if isinstance(state, str):
            return state
    return None


def _refusal(error: DomainError) -> Fault:
    errors = tuple(_told(item, error.facts) for item in _dicts(error.facts.get("errors")))
    retry = error.facts.get("retry_after_s")
    if retry is None and isinstance(error, Unavailable | TooManyRequests):
        retry = RETRY_AFTER_S
    headers = {} if retry is None else {"Retry-After": str(retry)}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = 'Bearer realm="yundian"'
    return Fault(error, errors, headers, is_ours=error.status == 500)


def _told(item: Mapping[str, object], of_all: Mapping[str, object]) -> FieldError:
    """A wrong field as a refusal's facts name it; what stands in its sentence may be among the other facts."""
    own = item.get("facts")
    facts = own if isinstance(own, Mapping) else {k: v for k, v in of_all.items() if k != "errors"}
    message = str(item.get("message", ""))
    return FieldError(str(item.get("field", "")), message, facts, str(item.get("code") or INVALID))


def _http(exc: HTTPException) -> Fault:
    if isinstance(exc, ValidationException):
        found = [_field_of(item) for item in _dicts(exc.extra)]
        return _invalid(*(found or [field_error(exc.detail)]))
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
        return replace(inner, field=inner.field or outer)
    return replace(inner, field=f"{outer}.{inner.field}" if inner.field else outer)


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
    refusal = InvalidInput(first.field, first.message)
    return Fault(refusal, errors or (first,))


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
