"""Requests to a provider: bounded in time and size, and honest about whether they may have had an effect."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from yundian.platform.sms.types import Fault, Refused, Unknown

_TOTAL_S = 8.0
_LONGEST_REPLY = 1 << 16


@dataclass(frozen=True, slots=True)
class Reply:
    status: int
    body: bytes = field(repr=False)


class Connection:
    """Opened with the first request, in the loop that makes it."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def post(
        self, url: str, *, headers: Mapping[str, str], json: object = None, params: str = ""
    ) -> Reply | Refused | Unknown:
        """``params`` is a query string as it was signed. Neither address nor body is ever logged."""
        # A signed query must not be quoted again.
        address = URL(f"{url}?{params}" if params else url, encoded=bool(params))
        try:
            async with (
                asyncio.timeout(_TOTAL_S),
                self._opened().post(address, json=json, headers=headers, allow_redirects=False) as reply,
            ):
                return Reply(reply.status, await reply.content.read(_LONGEST_REPLY))
        except aiohttp.ClientConnectorError as error:
            # No connection, so nothing was said.
            return Refused(type(error).__name__, Fault.BUSY)
        except aiohttp.InvalidURL:
            return Refused("bad_address", Fault.SETUP)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            return Unknown(type(error).__name__)

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No proxies or .netrc of the machine, and no cookies.
            self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self._session
