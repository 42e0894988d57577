"""``Idempotency-Key`` on a hot path: the key and the answer are a part of the path's own statement (ADR 0007).

The answer is known before the statement runs, since its ids are made here. A refusal is not kept: it wrote
nothing, and the same request may succeed later.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Self

import msgspec
from litestar import Request, Response

from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import DomainError
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Database
from yundian.platform.web import repository
from yundian.platform.web.dependencies import services_of
from yundian.platform.web.idempotency import PURPOSE, Answer, Kept, again, key_of
from yundian.platform.web.repository import NewKey


class HotKey:
    """The key of one request, if it carries one: without, nothing is kept and every request counts."""

    def __init__(self, request: Request[Any, Any, Any], key: NewKey | None) -> None:
        self._request = request
        self._key = key
        self._keyring: Keyring = services_of(request).keyring
        self._answer: Answer | None = None

    @classmethod
    async def of(cls, request: Request[Any, Any, Any]) -> Self:
        return cls(request, await key_of(request))

    @property
    def is_given(self) -> bool:
        return self._key is not None

    def keep(
        self,
        cte: Cte,
        *,
        status: int,
        headers: Mapping[str, str],
        body: bytes,
        given: str,
        name: str = "kept",
    ) -> None:
        """Keep this answer if the part ``given`` has a row. Where a key is given, the part ``name`` has a row
        then, unless the key is taken: roll back, and ``run`` gives the earlier answer."""
        self._answer = Answer(status=status, headers=list(headers.items()), body=body)
        if self._key is None:
            return
        sealed = self._keyring.encrypt(PURPOSE, msgspec.json.encode(self._answer).decode())
        repository.keep_part(cte, key=self._key, status=status, sealed=sealed, given=given, name=name)

    def answer(self) -> Response[bytes]:
        """What was kept, to be sent."""
        if self._answer is None:
            raise RuntimeError("nothing was kept")
        return Kept(self._answer)

    async def run(
        self, database: Database, *, brand: uuid.UUID, call: Callable[[], Awaitable[Response[Any]]]
    ) -> Response[Any]:
        """What ``call`` answers. When it wrote nothing, because it refused or found its work done, the earlier
        answer of this key comes first; ``IdempotencyKeyReused`` when that was another request's."""
        try:
            response = await call()
        except DomainError:
            earlier = await self._earlier(database, brand)
            if earlier is not None:
                return earlier
            raise
        if isinstance(response, Kept):
            return response
        return await self._earlier(database, brand) or response

    async def _earlier(self, database: Database, brand: uuid.UUID) -> Response[Any] | None:
        if self._key is None:
            return None
        async with database.connection(brand) as tx:
            found = await repository.find_hot(tx, key=self._key)
        if found is None or found.expires_at <= clock.now():
            return None
        return again(self._request, found, self._key)
