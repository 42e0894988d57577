"""Short messages over HTTP, as the sandbox takes them: text, with a bearer key."""

from http import HTTPStatus

import msgspec

from yundian.platform.sms.connection import Connection, Reply
from yundian.platform.sms.types import Fault, Refused, Said, Sms, Taken, Unknown

_FAULTS = {"BUSY": Fault.BUSY, "BAD_PHONE": Fault.PERSON}


class _Said(msgspec.Struct):
    code: str
    message_id: str = ""


class HttpSms:
    """One provider at one address."""

    is_idempotent = True

    def __init__(self, *, url: str, key: str) -> None:
        self._url = url
        self._key = key
        self._connection = Connection()

    async def send(self, sms: Sms) -> Said:
        """Without an address there is nobody to ask."""
        if not self._url:
            return Refused("no_provider", Fault.SETUP)
        message = {
            "phone": sms.phone,
            "text": f"【{sms.sign}】{sms.text}",
            "template": sms.template,
            "reference": sms.reference,
        }
        answer = await self._connection.post(
            self._url, headers={"Authorization": f"Bearer {self._key}"}, json=message
        )
        return _said(answer) if isinstance(answer, Reply) else answer

    async def aclose(self) -> None:
        await self._connection.aclose()


def _said(reply: Reply) -> Said:
    if reply.status == HTTPStatus.BAD_REQUEST:
        return Refused("bad_request", Fault.PERSON)
    if reply.status == HTTPStatus.TOO_MANY_REQUESTS:
        return Refused("status_429", Fault.BUSY)
    if reply.status != HTTPStatus.OK:
        return Unknown(f"status_{reply.status}")
    try:
        found = msgspec.json.decode(reply.body, type=_Said)
    except msgspec.MsgspecError:
        return Unknown("shape")
    if found.code == "OK":
        return Taken(found.message_id)
    return Refused(found.code[:40], _FAULTS.get(found.code, Fault.SETUP))
