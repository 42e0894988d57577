"""Login codes: one use, five minutes."""

from typing import Any

from yundian.sandbox.context import Sandbox
from yundian.sandbox.seeds import letters
from yundian.sandbox.wechat.api_gateway import ApiError

_LIFE_S = 300.0
OAUTH, MINI, PHONE = "oauth", "mini", "phone"


def new_code(sandbox: Sandbox, *, purpose: str, appid: str, user_id: int, scope: str = "") -> str:
    """A fresh code for one person and one app."""
    code = "0" + letters(31, sandbox.seed, "code", sandbox.store.serial("code"))
    values = {"code": code, "purpose": purpose, "appid": appid, "user_id": user_id, "scope": scope}
    sandbox.store.insert("code", {**values, "expires": sandbox.clock.tick() + _LIFE_S})
    return code


def redeem(sandbox: Sandbox, code: str, *, purpose: str, appid: str) -> dict[str, Any]:
    """Use a code up. Raises ``ApiError`` 40029 (unknown, or another app's), 40163 (used), 42003 (too old)."""
    row = sandbox.store.row("SELECT * FROM code WHERE code = ?", code)
    if row is None or (row["purpose"], row["appid"]) != (purpose, appid):
        raise ApiError(40029, "invalid code")
    if row["used"]:
        raise ApiError(40163, "code been used")
    if row["expires"] <= sandbox.clock.tick():
        raise ApiError(42003, "code expired")
    sandbox.store.run("UPDATE code SET used = 1 WHERE code = ?", code)
    return row
