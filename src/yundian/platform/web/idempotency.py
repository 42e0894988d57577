"""A request with a key takes effect once, however often it is sent.

The key's row is written in the transaction of the effects, and the answer into it before the commit: after a crash
there are both or neither. A second request with the key waits for the first at the unique index.
"""

import datetime as dt
import functools
import hashlib
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.response.base import ASGIResponse
from sqlalchemy.exc import DBAPIError
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError, Forbidden, InvalidInput, NotAuthenticated, TooManyRequests
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Principal
from yundian.platform.core.steps import step
from yundian.platform.db import directory
from yundian.platform.db.conflicts import savepoint
from yundian.platform.db.database import Database
from yundian.platform.web import metrics, repository
from yundian.platform.web.context import current
from yundian.platform.web.csrf import FIELD as CSRF_FIELD
from yundian.platform.web.dependencies import principal_of, services_of
from yundian.platform.web.faults import explain, sqlstate
from yundian.platform.web.models import IdempotencyKey
from yundian.platform.web.problems import answer as answer_of
from yundian.platform.web.repository import NewKey

HEADER = "Idempotency-Key"
FIELD = "_idempotency_key"
REPLAYED = "Idempotent-Replayed"
KEPT = dt.timedelta(hours=24)
MAX_LENGTH = 255

_LOCK_TIMEOUT = "55P03"
CLEAN_EVERY_S = 900.0
_FORMS = frozenset({RequestEncodingType.URL_ENCODED, RequestEncodingType.MULTI_PART})
# Not answers to what was asked, but to who asked or when: the next try is a new one.
_NOT_KEPT = (NotAuthenticated, Forbidden, TooManyRequests)
# Of one answer only, or made by the envelope again.
_OWN_HEADERS = frozenset({"content-length", "date", "x-request-id"})
PURPOSE = "idempotency"

Handler = Callable[..., Awaitable[Any]]


class IdempotencyKeyReused(DomainError):
    """The key belongs to another request; use a new one."""

    code = "web.idempotency_key_reused"
    status = 422
    title = "This was already sent with other contents: reload the page and try again"


class IdempotencyInProgress(DomainError):
    """The first request with this key is still running."""

    code = "web.idempotency_in_progress"
    status = 409
    title = "The same request is still being worked on"


def idempotent(handler: Handler) -> Handler:
    """For an unsafe route that asks for ``session``: honours ``Idempotency-Key`` and the form field.

    The answer, also a refusal, is kept for 24 hours and given again with ``Idempotent-Replayed: true``.
    """
    has_request = "request" in inspect.signature(handler).parameters

    @functools.wraps(handler)
    async def wrapped(*args: Any, request: Request[Any, Any, Any], session: AsyncSession, **kwargs: Any) -> Any:
        given = {"request": request} if has_request else {}
        call = functools.partial(handler, *args, session=session, **given, **kwargs)
        key = await key_of(request)
        if key is None:
            return await call()
        return await _once(request, session, key, call)

    signature = inspect.signature(handler)
    if "session" not in signature.parameters:
        raise TypeError(f"{handler.__qualname__}: an idempotent handler asks for `session`")
    if not has_request:
        parameter = inspect.Parameter("request", inspect.Parameter.KEYWORD_ONLY, annotation=Request[Any, Any, Any])
        signature = signature.replace(parameters=[*signature.parameters.values(), parameter])
        wrapped.__annotations__ = {**handler.__annotations__, "request": Request[Any, Any, Any]}
    wrapped.__signature__ = signature  # type: ignore[attr-defined]
    return wrapped


async def _once(
    request: Request[Any, Any, Any], session: AsyncSession, key: NewKey, call: Callable[[], Awaitable[Any]]
) -> Response[Any]:
    if not await _claim(session, key):
        earlier = await repository.find(session, key=key)
        if earlier is not None and earlier.expires_at > clock.now():
            return again(request, earlier, key)
        if earlier is None or not await repository.replace_expired(session, key=key, now=clock.now()):
            raise IdempotencyInProgress(retry_after_s=1)
    step("web.idempotency.claimed")
    data = await _effects_or_refusal(request, session, call)
    rendered = await request.route_handler.to_response(app=request.app, data=data, request=request)
    if not isinstance(rendered, ASGIResponse):
        raise TypeError(f"{key.operation}: an idempotent handler answers with a body that is known at once")
    answer = Answer.of(rendered)
    await repository.keep_answer(
        session,
        brand_id=key.brand_id,
        key_id=key.id,
        status=answer.status,
        sealed=services_of(request).keyring.encrypt(PURPOSE, msgspec.json.encode(answer).decode()),
    )
    step("web.idempotency.kept")
    return Kept(answer)


async def _effects_or_refusal(
    request: Request[Any, Any, Any], session: AsyncSession, call: Callable[[], Awaitable[Any]]
) -> Any:
    try:
        async with savepoint(session):
            return await call()
    except _NOT_KEPT:
        raise
    except Exception as error:
        fault = explain(error)
        # A refusal is an answer; what is our fault, or passes by itself, is none and leaves no trace.
        if fault.status >= 429:
            raise
        return answer_of(request, fault)


async def _claim(session: AsyncSession, key: NewKey) -> bool:
    try:
        return await repository.claim(session, key=key)
    except DBAPIError as error:
        if sqlstate(error) == _LOCK_TIMEOUT:
            raise IdempotencyInProgress(retry_after_s=1) from error
        raise


def again(request: Request[Any, Any, Any], earlier: IdempotencyKey, key: NewKey) -> Response[Any]:
    """The answer that was kept; ``IdempotencyKeyReused`` when it was another request's."""
    if earlier.request_hash != key.request_hash:
        raise IdempotencyKeyReused
    metrics.REPLAYED.labels(key.operation).inc()
    opened = services_of(request).keyring.decrypt(PURPOSE, earlier.answer)
    return Kept(msgspec.json.decode(opened, type=Answer), is_replayed=True)


async def key_of(request: Request[Any, Any, Any]) -> NewKey | None:
    """The row that this request would claim; ``None`` without a key, or when nobody is signed in."""
    principal = principal_of(request)
    given = request.headers.get(HEADER, "")
    if not given and request.content_type[0] in _FORMS:
        given = str((await request.form()).get(FIELD, ""))
    if not given or not principal.is_authenticated:
        return None
    if len(given) > MAX_LENGTH:
        raise InvalidInput(HEADER, "At most 255 characters")
    now = clock.now()
    return NewKey(
        brand_id=principal.brand,
        id=new_id(),
        created_at=now,
        caller=_caller(principal),
        operation=current().operation[:120],
        key_hash=hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest(),
        request_hash=await _fingerprint(request),
        expires_at=now + KEPT,
    )


async def _fingerprint(request: Request[Any, Any, Any]) -> bytes:
    """What was asked: method, address, body. A multipart body has a new boundary each time; its fields count."""
    digest = hashlib.sha256(f"{request.method} {request.scope['path']}?".encode())
    digest.update(request.scope.get("query_string", b"") + b"\0")
    if request.content_type[0] not in _FORMS:
        digest.update(await request.body())
        return digest.digest()
    for name, value in (await request.form()).multi_items():
        if name in (FIELD, CSRF_FIELD):
            continue
        content = await value.read() if isinstance(value, UploadFile) else str(value).encode()
        if isinstance(value, UploadFile):
            await value.seek(0)
        digest.update(hashlib.sha256(name.encode() + b"\0" + content).digest())
    return digest.digest()


def _caller(principal: Principal) -> str:
    return f"{principal.kind}:{principal.id}"


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was sent."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @classmethod
    def of(cls, response: ASGIResponse) -> "Answer":
        headers = [(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.encode_headers()]
        return cls(
            status=response.status_code,
            headers=[pair for pair in headers if pair[0].lower() not in _OWN_HEADERS],
            body=response.body,
        )


class Kept(Response[bytes]):
    """An answer from its bytes: the same the first time and every time after."""

    def __init__(self, answer: Answer, *, is_replayed: bool = False) -> None:
        super().__init__(answer.body, status_code=answer.status)
        self._answer = answer
        self._is_replayed = is_replayed

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **_: Any) -> ASGIResponse:
        more = [(REPLAYED, "true")] if self._is_replayed else []
        return ASGIResponse(
            body=self._answer.body, status_code=self._answer.status, headers=[*self._answer.headers, *more]
        )


async def forget_expired(database: Database) -> None:
    """Delete the keys that were kept long enough, brand by brand."""
    for brand_id in await directory.brand_ids(database):
        async with database.unit_of_work(brand_id) as session:
            await repository.forget_expired(session, brand_id=brand_id, now=clock.now())
