"""Mini programs: login by code, phone by code."""

import base64

from yundian.platform.core import clock
from yundian.sandbox.context import Sandbox
from yundian.sandbox.seeds import derived
from yundian.sandbox.wechat import codes, tokens
from yundian.sandbox.wechat.identity import openid, unionid, user


def code_to_session(sandbox: Sandbox, *, appid: str, secret: str, code: str) -> dict[str, object]:
    """Who logged in; the session key must stay on the server."""
    tokens.app_of(sandbox, appid, secret)
    row = codes.redeem(sandbox, code, purpose=codes.MINI, appid=appid)
    key = derived(sandbox.seed, "session", sandbox.store.serial("session"))[:16]
    return {
        "openid": openid(sandbox, appid, row["user_id"]),
        "session_key": base64.b64encode(key).decode(),
        "unionid": unionid(sandbox, row["user_id"]),
    }


def phone_number(sandbox: Sandbox, *, appid: str, code: str) -> dict[str, object]:
    """The phone a person agreed to hand over."""
    row = codes.redeem(sandbox, code, purpose=codes.PHONE, appid=appid)
    phone = str((user(sandbox, row["user_id"]) or {}).get("phone", ""))
    info = {
        "phoneNumber": phone,
        "purePhoneNumber": phone,
        "countryCode": "86",
        "watermark": {"timestamp": int(clock.now().timestamp()), "appid": appid},
    }
    return {"errcode": 0, "errmsg": "ok", "phone_info": info}
