"""How a request reaches a provider: one pool of connections, a total deadline, an honest word on what failed."""

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_any, stop_before_delay
from tenacity.wait import wait_random_exponential
from yarl import URL

from yundian.payments.adapters.guard import Guard, HeldBack, InDoubt, Limits, NotSent, Turns

# wechatpy writes the string it signs, with the key in it, at DEBUG.
logging.getLogger("wechatpy").setLevel(logging.WARNING)

_CONNECT_S = 3.0
_READ_S = 10.0
_LONGEST_REPLY = 1 << 20
_TRIES = 3
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request.

    Only a call that ``asks`` (changes nothing, or is the same however often it is sent) is repeated when in doubt;
    any call is repeated when it cannot have arrived.
    """

    url: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    asks: bool = False
    tls: ssl.SSLContext | None = None
    method: str = "POST"
    longest: int = _LONGEST_REPLY


class Transport:
    """The connections of one process and event loop; opened on first use."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._guards: dict[str, Guard] = {}
        self._turns = Turns()
        self._session: aiohttp.ClientSession | None = None

    def guard(self, name: str) -> Guard:
        """The guard of one merchant at one provider."""
        return self._guards.setdefault(name, Guard(self._limits))

    async def send(self, guard: Guard, make: Callable[[], Awaitable[Call]], *, deadline_s: float) -> bytes:
        """The body of the reply. Raises ``NotSent`` or ``InDoubt``.

        ``deadline_s`` bounds everything: waiting for a place, connecting, reading, trying again. The call is made
        once there is a place for it: two hundred made at once would stop the loop.
        """
        end = asyncio.get_running_loop().time() + deadline_s
        async with guard.place(end):
            await self._turns.next()
            call = await make()
            again = AsyncRetrying(
                stop=stop_any(stop_after_attempt(_TRIES), stop_before_delay(deadline_s)),
                wait=wait_random_exponential(multiplier=_FIRST_PAUSE_S, max=_LONGEST_PAUSE_S),
                retry=retry_if_exception(lambda error: _is_worth_another(error, call)),
                reraise=True,
            )
            reply: bytes = await again(self._attempt, guard, call, end)
            await self._turns.next()
            return reply

    async def _attempt(self, guard: Guard, call: Call, end: float) -> bytes:
        with guard.attempt():
            return await self._exchange(call, end)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _exchange(self, call: Call, end: float) -> bytes:
        if asyncio.get_running_loop().time() >= end:
            raise NotSent("deadline")
        try:
            async with asyncio.timeout_at(end):
                return await self._request(call)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
            raise NotSent("unreachable") from error
        except TimeoutError as error:
            raise InDoubt("deadline") from error
        except (aiohttp.ClientError, OSError) as error:
            raise InDoubt("connection_lost") from error

    async def _request(self, call: Call) -> bytes:
        url = URL(call.url, encoded=True)
        async with self._opened().request(
            call.method,
            url,
            data=call.body or None,
            headers=call.headers,
            ssl=call.tls or True,
            allow_redirects=False,
        ) as reply:
            if reply.status != HTTPStatus.OK:
                raise InDoubt(f"status_{reply.status}")
            body = bytearray()
            async for piece in reply.content.iter_any():
                body += piece
                if len(body) > call.longest:
                    raise InDoubt("too_long")
            return bytes(body)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No total here: the deadline of the call is the total. No proxies or .netrc of the machine either.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_READ_S)
            connector = aiohttp.TCPConnector(limit=0, limit_per_host=0, ttl_dns_cache=60)
            # Compressed replies are not asked for: a bomb of a few bytes would be unpacked before it is measured.
            headers = {"Accept-Encoding": "identity"}
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=timeout,
                headers=headers,
                trust_env=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return self._session


def _is_worth_another(error: BaseException, call: Call) -> bool:
    if isinstance(error, HeldBack):
        return False
    return isinstance(error, NotSent | InDoubt) if call.asks else isinstance(error, NotSent)
