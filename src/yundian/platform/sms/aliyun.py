"""Short messages through Alibaba Cloud (Dysmsapi 2017-05-25), requests signed by ``ACS3-HMAC-SHA256``.

Its own SDK brings a dozen packages for this one request.
"""

import datetime as dt
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import quote, urlsplit

import msgspec

from yundian.platform.core import clock
from yundian.platform.sms.connection import Connection, Reply
from yundian.platform.sms.types import Fault, Refused, Said, Sms, Taken, Unknown

DEFAULT_URL = "https://dysmsapi.aliyuncs.com/"
_ALGORITHM = "ACS3-HMAC-SHA256"
_VERSION = "2017-05-25"
_NO_BODY = hashlib.sha256(b"").hexdigest()
# A value of a template may have 35 characters.
_LONGEST_VALUE = 35

_BUSY = frozenset({"isv.BUSINESS_LIMIT_CONTROL", "isp.SYSTEM_ERROR", "ServiceUnavailable", "InternalError"})
_PERSON = frozenset(
    {
        "isv.MOBILE_NUMBER_ILLEGAL",
        "isv.INVALID_PARAMETERS_MOBILE",
        "isv.BLACK_KEY_CONTROL_LIMIT",
        "isv.DOMESTIC_NUMBER_NOT_SUPPORTED",
    }
)


class _Said(msgspec.Struct, rename="pascal"):
    code: str = ""
    biz_id: str = ""


class AliyunSms:
    """One account. It keeps no reference of ours, so a lost answer stays unknown."""

    is_idempotent = False

    def __init__(self, *, key_id: str, key_secret: str, url: str = DEFAULT_URL) -> None:
        self._key_id = key_id
        self._key_secret = key_secret
        self._url = url
        self._connection = Connection()

    async def send(self, sms: Sms) -> Said:
        """``template`` is the code of an approved template, ``sign`` an approved signature."""
        if not sms.template:
            return Refused("no_template", Fault.SETUP)
        values = {name: value[:_LONGEST_VALUE] for name, value in sms.values.items()}
        query = {
            "PhoneNumbers": sms.phone,
            "SignName": sms.sign,
            "TemplateCode": sms.template,
            "TemplateParam": json.dumps(values, ensure_ascii=False),
            "OutId": sms.reference,
        }
        headers = signed_headers(
            key_id=self._key_id,
            key_secret=self._key_secret,
            host=urlsplit(self._url).netloc,
            action="SendSms",
            version=_VERSION,
            query=query,
            at=clock.now(),
            nonce=secrets.token_hex(16),
        )
        answer = await self._connection.post(self._url, headers=headers, params=canonical_query(query))
        return _said(answer) if isinstance(answer, Reply) else answer

    async def aclose(self) -> None:
        await self._connection.aclose()


def signed_headers(
    *,
    key_id: str,
    key_secret: str,
    host: str,
    action: str,
    version: str,
    query: Mapping[str, str],
    at: dt.datetime,
    nonce: str,
) -> dict[str, str]:
    """The headers of a POST to ``/`` without a body, signed (V3 request structure)."""
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": _NO_BODY,
        "x-acs-date": at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join(("POST", "/", canonical_query(query), lines, names, _NO_BODY))
    to_sign = f"{_ALGORITHM}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(key_secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    headers["Authorization"] = f"{_ALGORITHM} Credential={key_id},SignedHeaders={names},Signature={signature}"
    return headers


def canonical_query(query: Mapping[str, str]) -> str:
    """Sorted by name, quoted as RFC 3986 says."""
    return "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))


def _said(reply: Reply) -> Said:
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Refused("status_429", Fault.BUSY)
    try:
        found = msgspec.json.decode(reply.body, type=_Said)
    except msgspec.MsgspecError:
        return Unknown("shape")
    if found.code == "OK":
        return Taken(found.biz_id)
    if not found.code:
        return Unknown(f"status_{reply.status}")
    if found.code.startswith("Throttling") or found.code in _BUSY:
        return Refused(found.code[:40], Fault.BUSY)
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unknown(found.code[:40])
    return Refused(found.code[:40], Fault.PERSON if found.code in _PERSON else Fault.SETUP)
