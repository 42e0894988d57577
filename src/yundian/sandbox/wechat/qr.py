"""QR codes with a scene: the official account's, and the mini program's."""

import io
import re
from typing import Any
from urllib.parse import urlencode

import segno

from yundian.sandbox.context import Sandbox
from yundian.sandbox.seeds import letters
from yundian.sandbox.wechat.api_gateway import ApiError

_LONGEST_LIFE_S = 30 * 86400
_SHORTEST_LIFE_S = 60
_SCENE_LENGTH = 64
_MINI_SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")


def create(sandbox: Sandbox, *, appid: str, wanted: dict[str, Any]) -> dict[str, object]:
    """A ticket for a code, temporary (at most 30 days) or permanent."""
    action = str(wanted.get("action_name", ""))
    if action not in {"QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE"}:
        raise ApiError(40052, "invalid action name")
    info = dict((wanted.get("action_info") or {}).get("scene") or {})
    scene = str(info.get("scene_str" if "STR" in action else "scene_id") or "")
    if not 0 < len(scene) <= _SCENE_LENGTH:
        raise ApiError(40053, "invalid action info")
    asked_s = int(wanted.get("expire_seconds") or _SHORTEST_LIFE_S)
    life = None if "LIMIT" in action else max(_SHORTEST_LIFE_S, min(asked_s, _LONGEST_LIFE_S))
    ticket = "gQ" + letters(94, sandbox.seed, "ticket", sandbox.store.serial("ticket"))
    expires = None if life is None else sandbox.clock.tick() + life
    sandbox.store.insert("scene", {"ticket": ticket, "appid": appid, "scene": scene, "expires": expires})
    answer: dict[str, object] = {"ticket": ticket, "url": sandbox.config.url(f"/wechat/scan/{ticket}")}
    return answer if life is None else {**answer, "expire_seconds": life}


def living_scene(sandbox: Sandbox, ticket: str) -> dict[str, Any] | None:
    """The scene behind a ticket, unless it ended."""
    row = sandbox.store.row("SELECT * FROM scene WHERE ticket = ?", ticket)
    if row is None or (row["expires"] is not None and row["expires"] <= sandbox.clock.tick()):
        return None
    return row


def mini_program_code(sandbox: Sandbox, *, appid: str, wanted: dict[str, Any]) -> bytes:
    """An unlimited code of a mini program: at most 32 plain characters of scene."""
    scene, page = str(wanted.get("scene") or ""), str(wanted.get("page") or "")
    if not _MINI_SCENE.fullmatch(scene):
        raise ApiError(40169, "invalid length for scene, or the data is not json string")
    if page.startswith("/") or "?" in page:
        raise ApiError(41030, "invalid page")
    query = urlencode({"scene": scene, "page": page})
    return image(sandbox.config.url(f"/wechat/mini/{appid}?{query}"))


def image(text: str) -> bytes:
    """A QR code as PNG."""
    file = io.BytesIO()
    segno.make_qr(text, error="m").save(file, kind="png", scale=6)
    return file.getvalue()


def inline_svg(text: str) -> str:
    """A QR code for a page."""
    return str(segno.make_qr(text, error="m").svg_inline(scale=4, dark="#111", light="#fff"))
