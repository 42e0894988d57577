"""Web login: the token behind a code, the profile behind the token."""

from yundian.sandbox.context import Sandbox
from yundian.sandbox.wechat import codes, tokens
from yundian.sandbox.wechat.api_gateway import ApiError
from yundian.sandbox.wechat.identity import openid, openid_user, unionid, user

BASE, USERINFO, LOGIN = "snsapi_base", "snsapi_userinfo", "snsapi_login"
SCOPES = frozenset({BASE, USERINFO, LOGIN})
_REFRESH_LIFE_S = 30 * 86400.0


def access_token(sandbox: Sandbox, *, appid: str, secret: str, code: str) -> dict[str, object]:
    """Trade a code for a web token. The unionid comes with consent only."""
    tokens.app_of(sandbox, appid, secret)
    row = codes.redeem(sandbox, code, purpose=codes.OAUTH, appid=appid)
    return _granted(sandbox, appid=appid, user_id=row["user_id"], scope=row["scope"])


def refresh_token(sandbox: Sandbox, *, appid: str, token: str) -> dict[str, object]:
    """A new web token for an old consent."""
    row = sandbox.store.row("SELECT * FROM token WHERE token = ? AND purpose = 'refresh'", token)
    if row is None or row["appid"] != appid or row["expires"] <= sandbox.clock.tick():
        raise ApiError(40030, "invalid refresh_token")
    return _granted(sandbox, appid=appid, user_id=row["user_id"], scope=row["scope"])


def userinfo(sandbox: Sandbox, *, token: str, openid_: str) -> dict[str, object]:
    """Nickname and picture; needs a consent."""
    row = sandbox.store.row("SELECT * FROM token WHERE token = ? AND purpose = 'web'", token)
    if row is None:
        raise ApiError(40001, "invalid credential, access_token is invalid or not latest")
    if row["expires"] <= sandbox.clock.tick():
        raise ApiError(42001, "access_token expired")
    if row["scope"] == BASE:
        raise ApiError(48001, "api unauthorized")
    if openid_user(sandbox, row["appid"], openid_) != row["user_id"]:
        raise ApiError(40003, "invalid openid")
    person = user(sandbox, row["user_id"]) or {}
    return {
        "openid": openid_,
        "nickname": person.get("nickname", ""),
        "sex": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": sandbox.config.url(f"/assets/face/{row['user_id']}"),
        "privilege": [],
        "unionid": unionid(sandbox, row["user_id"]),
    }


def _granted(sandbox: Sandbox, *, appid: str, user_id: int, scope: str) -> dict[str, object]:
    who = {"user_id": user_id, "scope": scope}
    web = tokens.issue(sandbox, "web", appid, user_id=user_id, scope=scope)
    refresh = tokens.issue(sandbox, "refresh", appid, user_id=user_id, scope=scope, life_s=_REFRESH_LIFE_S)
    granted: dict[str, object] = {
        "access_token": web,
        "expires_in": int(tokens.LIFE_S),
        "refresh_token": refresh,
        "openid": openid(sandbox, appid, user_id),
        "scope": scope,
    }
    if who["scope"] == BASE:
        return {**granted, "is_snapshotuser": 0}
    return {**granted, "unionid": unionid(sandbox, user_id)}
