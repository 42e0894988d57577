"""Access tokens and tickets: the classic token, the stable token, the JS-SDK ticket."""

import hashlib

from yundian.sandbox.accounts import WeChatApp
from yundian.sandbox.context import Sandbox
from yundian.sandbox.seeds import letters
from yundian.sandbox.wechat.api_gateway import ApiError

LIFE_S = 7200.0
_HANDOVER_S = 300.0
_FORCED_PAUSE_S = 30.0
_FORCED_PER_DAY = 20
# Longer than a VARCHAR(255): the real one promises no more than 512.
_TOKEN_LENGTH = 300


def app_of(sandbox: Sandbox, appid: str, secret: str) -> WeChatApp:
    """The app, if its secret is right. Raises ``ApiError``."""
    app = sandbox.accounts.wechat_apps.get(appid)
    if app is None:
        raise ApiError(40013, "invalid appid")
    if secret != app.secret:
        raise ApiError(40125, "invalid appsecret")
    return app


def classic_token(sandbox: Sandbox, appid: str) -> dict[str, object]:
    """A new token; the one before stops working."""
    sandbox.store.run("DELETE FROM token WHERE purpose = 'classic' AND appid = ?", appid)
    return {"access_token": issue(sandbox, "classic", appid), "expires_in": int(LIFE_S)}


def stable_token(sandbox: Sandbox, appid: str, *, force: bool) -> dict[str, object]:
    """The same token until five minutes before its end; then a new one, with both good.

    Forced: a new one at once and the others end, at most every 30 s and 20 times a day.
    """
    newest = _newest(sandbox, "stable", appid)
    now = sandbox.clock.tick()
    if force and newest is not None and now - newest[1] >= _FORCED_PAUSE_S:
        _count_forced(sandbox, appid)
        sandbox.store.run("DELETE FROM token WHERE purpose = 'stable' AND appid = ?", appid)
        newest = None
    if newest is None or newest[2] - now <= _HANDOVER_S:
        return {"access_token": issue(sandbox, "stable", appid), "expires_in": int(LIFE_S)}
    return {"access_token": newest[0], "expires_in": int(newest[2] - now)}


def jsapi_ticket(sandbox: Sandbox, appid: str) -> dict[str, object]:
    """The same ticket until it ends."""
    newest = _newest(sandbox, "ticket", appid)
    left = newest[2] - sandbox.clock.tick() if newest is not None else 0
    ticket = newest[0] if newest is not None and left > 0 else issue(sandbox, "ticket", appid, length=86)
    return {"errcode": 0, "errmsg": "ok", "ticket": ticket, "expires_in": int(left if left > 0 else LIFE_S)}


def issue(
    sandbox: Sandbox,
    purpose: str,
    appid: str,
    *,
    user_id: int | None = None,
    scope: str = "",
    life_s: float = LIFE_S,
    length: int = _TOKEN_LENGTH,
) -> str:
    """A new token of any kind."""
    now = sandbox.clock.tick()
    token = letters(length, sandbox.seed, purpose, appid, sandbox.store.serial("token"))
    values = {"token": token, "purpose": purpose, "appid": appid, "user_id": user_id, "scope": scope}
    sandbox.store.insert("token", {**values, "issued": now, "expires": now + life_s})
    return token


def holder(sandbox: Sandbox, token: str) -> WeChatApp:
    """Whose access token it is. Raises ``ApiError`` 40001 or 42001."""
    row = sandbox.store.row("SELECT * FROM token WHERE token = ? AND purpose IN ('classic', 'stable')", token)
    if row is None:
        raise ApiError(40001, "invalid credential, access_token is invalid or not latest")
    if row["expires"] <= sandbox.clock.tick():
        raise ApiError(42001, "access_token expired")
    return sandbox.accounts.wechat_apps[row["appid"]]


def is_js_signature(sandbox: Sandbox, *, appid: str, nonce: str, timestamp: str, url: str, signature: str) -> bool:
    """Whether ``wx.config`` was given a signature made with a living ticket for exactly this page."""
    sql = "SELECT token FROM token WHERE purpose = 'ticket' AND appid = ? AND expires > ?"
    for row in sandbox.store.rows(sql, appid, sandbox.clock.tick()):
        text = f"jsapi_ticket={row['token']}&noncestr={nonce}&timestamp={timestamp}&url={url}"
        if hashlib.sha1(text.encode()).hexdigest() == signature:  # noqa: S324  (the protocol's own)
            return True
    return False


def _newest(sandbox: Sandbox, purpose: str, appid: str) -> tuple[str, float, float] | None:
    sql = "SELECT token, issued, expires FROM token WHERE purpose = ? AND appid = ? ORDER BY expires DESC LIMIT 1"
    row = sandbox.store.row(sql, purpose, appid)
    return None if row is None else (row["token"], row["issued"], row["expires"])


def _count_forced(sandbox: Sandbox, appid: str) -> None:
    day = int(sandbox.clock.tick() // 86400)
    if sandbox.store.serial(f"forced {appid} {day}") > _FORCED_PER_DAY:
        raise ApiError(45009, "reach max api daily quota limit")
