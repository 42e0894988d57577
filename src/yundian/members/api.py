"""What other rooms ask about members. Functions take an asyncpg transaction, a door, or the database first."""

import uuid
from collections.abc import Collection

import structlog

from yundian.members.repository import people, recognising
from yundian.members.rules import known_as
from yundian.members.service.apps import app_of_brand
from yundian.members.service.joining import hash_of, member_view
from yundian.members.service.reaching import find_by_phone, reach_of, speak
from yundian.members.service.recognising import recognise, recognise_buyers
from yundian.members.service.timeline import replace_happenings, totals_of
from yundian.members.types import AppKind, IdentityKind, JoinedVia
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.principal import Principal
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox.door import Door
from yundian.platform.wechat.agents import is_wechat_browser
from yundian.platform.wechat.client import WeChatApps
from yundian.platform.wechat.errors import WeChatRefused, WeChatUnavailable
from yundian.platform.wechat.types import JsConfig

log = structlog.get_logger(__name__)

__all__ = [
    "agree",
    "agreed",
    "app_of_brand",
    "find_by_phone",
    "hash_of",
    "js_config",
    "known_as",
    "member_view",
    "openid_of",
    "payer_of",
    "reach_of",
    "recognise",
    "recognise_buyers",
    "replace_happenings",
    "speak",
    "totals_of",
]


async def openid_of(tx: Tx, *, keyring: Keyring, member_id: uuid.UUID, app_id: str) -> str | None:
    """The member's openid in an app (whom a JSAPI payment asks to pay, whom a message goes to), if she has one."""
    sealed = await people.openid_sealed(tx, member_id=member_id, app_id=app_id)
    return None if sealed is None else keyring.decrypt("members.openid", sealed)


async def js_config(
    database: Database, *, keyring: Keyring, apps: WeChatApps, brand_id: uuid.UUID, url: str
) -> JsConfig | None:
    """A page's leave to use WeChat's SDK, as the brand's official account; ``url`` is the page's whole address.

    ``None``: there is no such account, or WeChat does not answer; the page does without.
    """
    app = await app_of_brand(database, keyring=keyring, brand_id=brand_id, kind=AppKind.OFFICIAL)
    if app is None:
        return None
    try:
        return await apps.of(app).js_config(url)
    except (WeChatRefused, WeChatUnavailable) as error:
        log.warning("members.js_config_unavailable", error=type(error).__name__)
        return None


async def payer_of(database: Database, *, keyring: Keyring, principal: Principal, user_agent: str) -> str:
    """The openid with which a member pays inside WeChat; empty in other browsers and where none is known."""
    if not is_wechat_browser(user_agent):
        return ""
    app = await app_of_brand(database, keyring=keyring, brand_id=principal.brand, kind=AppKind.OFFICIAL)
    if app is None:
        return ""
    async with database.connection(principal.brand) as tx:
        return await openid_of(tx, keyring=keyring, member_id=principal.own_id, app_id=app.app_id) or ""


async def scans_of(tx: Tx, *, member_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """The ``event_id`` of every scan (``members.wechat_happened.v1``) that turns out to be one of these members',
    with the member: somebody may scan first and join later."""
    rows = await people.scans_of(tx, member_ids=sorted(member_ids))
    return {row["event_id"]: row["member_id"] for row in rows}


async def agree(door: Door, *, member_id: uuid.UUID, document: str, text_version: str, via: JoinedVia) -> None:
    """The member agreed to a text of another room, in this version; the first time counts."""
    await people.add_consent(
        door, member_id=member_id, document=document, text_version=text_version, via=via, now=clock.now()
    )


async def agreed(door: Door, *, ids: Collection[uuid.UUID], document: str, text_version: str) -> set[uuid.UUID]:
    """Which of the members agreed to the text in this version."""
    return await people.agreed(door, ids=sorted(ids), document=document, text_version=text_version)


async def owners_of(
    tx: Tx, *, keys: Collection[tuple[IdentityKind, str, bytes]]
) -> dict[tuple[IdentityKind, str, bytes], uuid.UUID]:
    """Whose each identity (kind, scope, ``hash_of``) is, among active members; what nobody has is left out."""
    found = await recognising.owners(tx, keys=list(keys)) if keys else {}
    return {key: member_id for key, (member_id, is_active) in found.items() if is_active}
