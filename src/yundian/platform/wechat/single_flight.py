"""A secret that all workers share and one of them renews: access tokens, tickets. Sealed wherever it lies."""

import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidTag
from redis.asyncio import Redis
from redis.exceptions import LockError, RedisError

from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.wechat.errors import WeChatRefused, WeChatUnavailable

_REFRESH_AT = 0.8
_LOCK_S, _WAIT_S, _LOOK_AGAIN_S = 15.0, 12.0, 0.05
_FORCED_PAUSE_S = 60
_INVALID_CREDENTIAL = 40001
_PURPOSE = "wechat.shared"


@dataclass(frozen=True, slots=True)
class Fetched:
    """What WeChat gave, and for how many seconds."""

    value: str
    expires_in_s: int


class _Kept(msgspec.Struct):
    value: str
    refresh_at: float
    expires_at: float


Fetch = Callable[[bool], Awaitable[Fetched]]


class SharedSecret:
    """``fetch`` asks WeChat for a value, with True for a new one whatever is in force."""

    def __init__(self, redis: Redis, keyring: Keyring, name: str, fetch: Fetch) -> None:
        self._redis = redis
        self._keyring = keyring
        self._key = f"wechat:{name}"
        self._fetch = fetch

    async def get(self) -> str:
        """The value in force; renewed by one worker when four fifths of its life are over.

        While Redis is down every call asks WeChat, which answers all with the same stable value. Raises
        ``WeChatRefused`` or ``WeChatUnavailable``.
        """
        try:
            return await self._shared()
        except RedisError:
            return (await self._fetch(False)).value

    async def renew(self, bad: str) -> str:
        """Another value than the one WeChat called invalid: what a colleague fetched meanwhile, or a new one.

        WeChat allows few forced renewals a day: one a minute for all workers, then ``WeChatRefused`` 40001.
        """
        try:
            async with self._locked():
                kept = await self._read()
                if kept is not None and kept.value != bad:
                    return kept.value
                if not await self._redis.set(f"{self._key}:forced", 1, nx=True, ex=_FORCED_PAUSE_S):
                    raise WeChatRefused(_INVALID_CREDENTIAL, retryable=True)
                return await self._store(await self._fetch(True))
        except RedisError as error:
            raise WeChatUnavailable from error

    async def _shared(self) -> str:
        kept = await self._read()
        now = clock.now().timestamp()
        if kept is not None and now < kept.refresh_at:
            return kept.value
        is_good = kept is not None and now < kept.expires_at
        try:
            async with self._locked(waits=not is_good):
                again = await self._read()
                if again is not None and clock.now().timestamp() < again.refresh_at:
                    return again.value
                return await self._store(await self._fetch(False))
        except (WeChatRefused, WeChatUnavailable):
            # Somebody else renews it, or WeChat is away: the old one is good for a while.
            if kept is None or not is_good:
                raise
            return kept.value

    @contextlib.asynccontextmanager
    async def _locked(self, *, waits: bool = True) -> AsyncGenerator[None, None]:
        lock = self._redis.lock(f"{self._key}:lock", timeout=_LOCK_S, sleep=_LOOK_AGAIN_S)
        if not await lock.acquire(blocking=waits, blocking_timeout=_WAIT_S if waits else None):
            raise WeChatUnavailable
        try:
            yield
        finally:
            # It may have run out meanwhile, or Redis be gone: the work is done all the same.
            with contextlib.suppress(LockError, RedisError):
                await lock.release()

    async def _read(self) -> _Kept | None:
        sealed = await self._redis.get(self._key)
        if sealed is None:
            return None
        try:
            return msgspec.json.decode(self._keyring.decrypt(_PURPOSE, sealed), type=_Kept)
        except (InvalidTag, msgspec.DecodeError, ValueError):
            # Another key's, or not ours at all: as good as none.
            return None

    async def _store(self, fetched: Fetched) -> str:
        now, life = clock.now().timestamp(), max(1, fetched.expires_in_s)
        kept = _Kept(fetched.value, refresh_at=now + life * _REFRESH_AT, expires_at=now + life)
        sealed = self._keyring.encrypt(_PURPOSE, msgspec.json.encode(kept).decode())
        await self._redis.set(self._key, sealed, ex=life)
        return fetched.value
