"""Keys of other systems. A key is sent as ``Authorization: Bearer yk_<id>.<secret>``."""

import re
import uuid
from collections.abc import Iterable

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth import repository, rules
from yundian.platform.auth.models import ApiKey
from yundian.platform.auth.tokens import KEY_PREFIX
from yundian.platform.auth.types import Action, ApiKeyView, NewApiKey
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput, NotFound
from yundian.platform.core.ids import readable_code, secret_token
from yundian.platform.db import directory

DIRECTORY_KIND = "api_key"
PURPOSE = "auth.api_key"

_SCOPE = re.compile(r"[a-z_]{1,30}:[a-z_]{1,30}")
_MAX_SCOPES = 20


async def create_key(
    session: AsyncSession,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    name: str,
    scopes: Iterable[str],
    actor_id: uuid.UUID | None,
) -> NewApiKey:
    """Make a key that may do what its scopes (``orders:write``) say, and nothing else. Its text is shown once."""
    wanted = sorted(set(scopes))
    if len(wanted) > _MAX_SCOPES or not all(_SCOPE.fullmatch(scope) for scope in wanted):
        raise InvalidInput("scopes", "up to 20 of the form room:verb")
    key_id, secret = readable_code(16), secret_token()
    key = ApiKey(
        brand_id=brand_id,
        key_id=key_id,
        name=rules.checked_name(name),
        secret_sealed=keyring.encrypt(PURPOSE, secret),
        scopes=wanted,
    )
    await directory.claim(session, keyring=keyring, kind=DIRECTORY_KIND, key=key_id, brand_id=brand_id)
    session.add(key)
    repository.note(
        session,
        brand_id=brand_id,
        actor_id=actor_id,
        action=Action.KEY_CREATED,
        subject_id=key.id,
        detail=key.name,
    )
    await session.flush()
    return NewApiKey(id=key.id, key=f"{KEY_PREFIX}{key_id}.{secret}")


async def list_keys(session: AsyncSession, *, brand_id: uuid.UUID) -> list[ApiKeyView]:
    """The brand's keys, newest first, without their secrets."""
    rows = await repository.api_keys(session, brand_id=brand_id)
    return [msgspec.convert(row, ApiKeyView, from_attributes=True) for row in rows]


async def revoke_key(
    session: AsyncSession, *, keyring: Keyring, brand_id: uuid.UUID, id: uuid.UUID, actor_id: uuid.UUID | None
) -> None:
    """End a key at once and for good; revoking it twice changes nothing."""
    key = await session.get(ApiKey, (brand_id, id), with_for_update=True)
    if key is None:
        raise NotFound
    if key.revoked_at is not None:
        return
    key.revoked_at = clock.now()
    await directory.release(session, keyring=keyring, kind=DIRECTORY_KIND, key=key.key_id, brand_id=brand_id)
    repository.note(
        session,
        brand_id=brand_id,
        actor_id=actor_id,
        action=Action.KEY_REVOKED,
        subject_id=key.id,
        detail=key.name,
    )
    await session.flush()
