"""The brand's apps at WeChat: set up by HQ, used by sign-ins and pushes."""

import uuid

import asyncpg
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.members import rules
from yundian.members.errors import WeChatAppTaken, WeChatAppUnknown
from yundian.members.models import WeChatApp
from yundian.members.repository import people
from yundian.members.types import AppKind, WeChatAppFields, WeChatAppView
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput, VersionConflict
from yundian.platform.core.settings import Settings
from yundian.platform.db import directory
from yundian.platform.db.database import Database, Tx
from yundian.platform.wechat import types as wechat

DIRECTORY_KIND = "wechat_app"
_PURPOSE = "members.wechat_app"


async def list_apps(session: AsyncSession, *, brand_id: uuid.UUID) -> dict[AppKind, WeChatAppView]:
    """What is set up; no secret leaves the database."""
    return {row.kind: _view(row) for row in await people.apps(session, brand_id=brand_id)}


async def save_app(
    session: AsyncSession,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    kind: AppKind,
    fields: WeChatAppFields,
    version: int | None,
) -> WeChatAppView:
    """Set up or change the app of a kind. Secrets that are left out stay, as long as the app is the same.

    ``WeChatAppTaken`` when another brand, or the brand's other kind, uses the app id; ``VersionConflict`` when
    somebody else saved in between.
    """
    app_id = rules.checked_app_id(fields.app_id)
    if fields.aes_key is not None:
        rules.check_aes_key(fields.aes_key)
    row = await people.app_of_kind(session, brand_id=brand_id, kind=kind)
    if version != (None if row is None else row.version):
        raise VersionConflict
    if (row is None or row.app_id != app_id) and fields.secret is None:
        raise InvalidInput("secret", "Required")
    await _move_claim(session, keyring=keyring, brand_id=brand_id, old=row.app_id if row else None, new=app_id)
    if row is None:
        row = WeChatApp(brand_id=brand_id, kind=kind, app_id=app_id, secret_sealed=b"")
        session.add(row)
    elif row.app_id != app_id:
        row.token_sealed = row.aes_key_sealed = None
    row.app_id = app_id
    if fields.secret is not None:
        row.secret_sealed = keyring.encrypt(_PURPOSE, fields.secret)
    if fields.token is not None:
        row.token_sealed = keyring.encrypt(_PURPOSE, fields.token)
    if fields.aes_key is not None:
        row.aes_key_sealed = keyring.encrypt(_PURPOSE, fields.aes_key)
    await session.flush()
    return _view(row)


async def app_of_brand(
    database: Database, *, keyring: Keyring, brand_id: uuid.UUID, kind: AppKind
) -> wechat.WeChatApp | None:
    """The brand's app with its secrets; ``None`` when HQ has not set it up."""
    async with database.connection(brand_id) as tx:
        row = await people.app_row(tx, kind=kind)
    return None if row is None else opened(row, keyring=keyring, settings=database.settings)


async def brand_of_app(database: Database, *, keyring: Keyring, app_id: str) -> uuid.UUID:
    """The brand that uses the app; ``WeChatAppUnknown`` when none does."""
    async with database.unit_of_work(None) as session:
        brand = await directory.find_brand(session, keyring=keyring, kind=DIRECTORY_KIND, key=app_id)
    if brand is None:
        raise WeChatAppUnknown
    return brand


async def app_by_id(
    tx: Tx, *, keyring: Keyring, settings: Settings, app_id: str, kind: AppKind | None = None
) -> wechat.WeChatApp:
    """The brand's app with this id, if it is of this kind; ``WeChatAppUnknown`` else."""
    row = await people.app_row(tx, app_id=app_id, kind=kind)
    if row is None:
        raise WeChatAppUnknown
    return opened(row, keyring=keyring, settings=settings)


def opened(row: asyncpg.Record, *, keyring: Keyring, settings: Settings) -> wechat.WeChatApp:
    """The app as the client takes it. Where WeChat is, the operator says: HQ must not aim our requests."""
    here = {"api_url": settings.wechat_url, "pages_url": settings.wechat_url} if settings.wechat_url else {}
    return wechat.WeChatApp(
        app_id=row["app_id"],
        secret=keyring.decrypt(_PURPOSE, row["secret_sealed"]),
        token=_maybe(keyring, row["token_sealed"]),
        aes_key=_maybe(keyring, row["aes_key_sealed"]),
        **here,
    )


async def _move_claim(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, old: str | None, new: str
) -> None:
    if old == new:
        return
    if old is not None:
        await directory.release(session, keyring=keyring, kind=DIRECTORY_KIND, key=old, brand_id=brand_id)
    try:
        await directory.claim(session, keyring=keyring, kind=DIRECTORY_KIND, key=new, brand_id=brand_id)
    except directory.DirectoryTaken as error:
        raise WeChatAppTaken from error


def _maybe(keyring: Keyring, sealed: bytes | None) -> str:
    return "" if sealed is None else keyring.decrypt(_PURPOSE, sealed)


def _view(row: WeChatApp) -> WeChatAppView:
    return WeChatAppView(
        kind=row.kind,
        app_id=row.app_id,
        has_secret=bool(row.secret_sealed),
        has_token=row.token_sealed is not None,
        has_aes_key=row.aes_key_sealed is not None,
        version=row.version,
        updated_at=row.updated_at,
    )
