"""Short messages over HTTP, as the sandbox takes them."""

import asyncio
from http import HTTPStatus

import aiohttp
import msgspec
import structlog

from yundian.members.errors import CodeNotSent

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.members")

_TOTAL_S = 8.0
_LONGEST_REPLY = 1 << 16


class _Reply(msgspec.Struct):
    code: str


class HttpSms:
    """One provider; its connections are opened on first use, in the loop that uses them."""

    def __init__(self, *, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._session: aiohttp.ClientSession | None = None

    async def send_code(self, *, phone: str, code: str, brand_name: str, minutes: int, reference: str) -> None:
        """Without an address there is nobody to ask. Neither phone nor code is ever logged."""
        if not self._url:
            raise CodeNotSent
        message = {
            "phone": phone,
            "text": f"【{brand_name}】验证码 {code}，{minutes} 分钟内有效。如非本人操作，请忽略。",
            "template": "sign_in_code",
            "reference": reference,
        }
        said = await self._post(message)
        if said != "OK":
            log.warning("members.sms_refused", code=said[:40])
            raise CodeNotSent

    async def aclose(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, message: dict[str, str]) -> str:
        headers = {"Authorization": f"Bearer {self._key}"}
        try:
            async with (
                asyncio.timeout(_TOTAL_S),
                self._opened().post(self._url, json=message, headers=headers, allow_redirects=False) as reply,
            ):
                if reply.status != HTTPStatus.OK:
                    return f"status_{reply.status}"
                body = await reply.content.read(_LONGEST_REPLY)
            return msgspec.json.decode(body, type=_Reply).code
        except (aiohttp.ClientError, OSError, TimeoutError, msgspec.MsgspecError) as error:
            return type(error).__name__

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No proxies or .netrc of the machine, and no cookies.
            self._session = aiohttp.ClientSession(trust_env=False, cookie_jar=aiohttp.DummyCookieJar())
        return self._session
