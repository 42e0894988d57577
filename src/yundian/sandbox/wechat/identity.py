"""Test users as WeChat sees them: one openid per app, one unionid over all apps of the sandbox."""

from yundian.sandbox.context import Sandbox
from yundian.sandbox.seeds import letters

_FIRST_USERS = (("小云", "19900000001"), ("阿店", "19900000002"), ("王芳", "19900000003"))


def ensure_users(sandbox: Sandbox) -> None:
    """A fresh sandbox has three people in it."""
    if sandbox.store.value("SELECT count(*) FROM user") == 0:
        for nickname, phone in _FIRST_USERS:
            add_user(sandbox, nickname=nickname, phone=phone)


def add_user(sandbox: Sandbox, *, nickname: str, phone: str) -> int:
    return sandbox.store.insert("user", {"nickname": nickname, "phone": phone})


def user(sandbox: Sandbox, user_id: int) -> dict[str, object] | None:
    return sandbox.store.row("SELECT * FROM user WHERE id = ?", user_id)


def users(sandbox: Sandbox) -> list[dict[str, object]]:
    return sandbox.store.rows("SELECT * FROM user ORDER BY id")


def openid(sandbox: Sandbox, appid: str, user_id: int) -> str:
    """28 characters, as the real ones."""
    return "o" + letters(21, sandbox.seed, "openid", appid, user_id) + _tail(user_id)


def unionid(sandbox: Sandbox, user_id: int) -> str:
    return "u" + letters(27, sandbox.seed, "unionid", user_id)


def openid_user(sandbox: Sandbox, appid: str, wanted: str) -> int | None:
    """Whose openid of this app it is; a test user's number is in its tail."""
    try:
        user_id = int(wanted[-6:], 36)
    except ValueError:
        return None
    if user(sandbox, user_id) is None or openid(sandbox, appid, user_id) != wanted:
        return None
    return user_id


def _tail(user_id: int) -> str:
    alphabet, text, rest = "0123456789abcdefghijklmnopqrstuvwxyz", "", user_id
    for _ in range(6):
        rest, place = divmod(rest, 36)
        text = alphabet[place] + text
    return text
