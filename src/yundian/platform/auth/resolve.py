"""From a token to a ``Principal``: one round trip, in the brand that the token names. Nothing is cached, so that a
revoked session, account or role is gone with the next request."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import asyncpg

from yundian.platform.auth import api_keys, repository, rules, signing
from yundian.platform.auth.customers import sessions as customers
from yundian.platform.auth.signing import Signed
from yundian.platform.auth.tokens import CUSTOMER_PREFIX, KEY_PREFIX, KeyToken, key_token, session_token
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import token_hash
from yundian.platform.core.principal import ANONYMOUS, Grant, Principal, PrincipalKind, Role
from yundian.platform.db import directory
from yundian.platform.db.database import Database


async def principal_of_token(database: Database, *, keyring: Keyring, token: str) -> Principal:
    """The caller that the token stands for; ``ANONYMOUS`` when it is unknown, expired or revoked."""
    if token.startswith(KEY_PREFIX):
        key = key_token(token)
        return ANONYMOUS if key is None else await _of_key(database, keyring, key)
    if token.startswith(CUSTOMER_PREFIX):
        return await customers.principal_of(database, token)
    return await _of_session(database, token)


async def _of_session(database: Database, token: str) -> Principal:
    parsed = session_token(token)
    if parsed is None:
        return ANONYMOUS
    now = clock.now()
    row = await repository.find_session(
        database, brand_id=parsed.brand_id, token_hash=token_hash(parsed.secret), now=now
    )
    if row is None:
        return ANONYMOUS
    if rules.has_to_slide(row["expires_at"], ends_at=row["ends_at"], idle=rules.SESSION_IDLE, now=now):
        async with database.connection(parsed.brand_id) as tx:
            await repository.slide_session(tx, session_id=row["session_id"], until=now + rules.SESSION_IDLE)
    return Principal(
        kind=PrincipalKind.STAFF,
        brand_id=parsed.brand_id,
        id=row["id"],
        name=row["display_name"],
        grants=_grants(row),
        session_id=row["session_id"],
        must_change_password=row["must_change_password"],
    )


async def principal_of_signature(
    database: Database, *, keyring: Keyring, key_id: str, signed: Signed, body: Callable[[], Awaitable[bytes]]
) -> tuple[Principal, Signed | None]:
    """The key that signed the body; ``ANONYMOUS`` when it is unknown or revoked or did not sign it.

    Raises:
        SignatureExpired: it did sign it, too long ago.
    """
    found = await _find_key(database, keyring, key_id)
    if found is None:
        return ANONYMOUS, None
    # Only now: whom nobody knows makes us read nothing.
    right = signing.checked(signed, secret=found.secret, body=await body())
    return (ANONYMOUS, None) if right is None else (found.principal, right)


@dataclass(frozen=True, slots=True, repr=False)
class _FoundKey:
    principal: Principal
    secret: str


async def _of_key(database: Database, keyring: Keyring, key: KeyToken) -> Principal:
    found = await _find_key(database, keyring, key.key_id)
    if found is None or not hmac.compare_digest(found.secret.encode(), key.secret.encode()):
        return ANONYMOUS
    return found.principal


async def _find_key(database: Database, keyring: Keyring, key_id: str) -> _FoundKey | None:
    async with database.unit_of_work(None) as session:
        brand = await directory.find_brand(session, keyring=keyring, kind=api_keys.DIRECTORY_KIND, key=key_id)
    if brand is None:
        return None
    async with database.connection(brand) as tx:
        row = await repository.resolve_key(tx, key_id=key_id, now=clock.now())
    if row is None:
        return None
    principal = Principal(
        kind=PrincipalKind.API_KEY,
        brand_id=brand,
        id=row["id"],
        name=row["name"],
        scopes=frozenset(row["scopes"]),
    )
    return _FoundKey(principal, keyring.decrypt(api_keys.PURPOSE, row["secret_sealed"]))


def _grants(row: asyncpg.Record) -> frozenset[Grant]:
    return frozenset(Grant(Role(role), shop) for role, shop in zip(row["roles"], row["shops"], strict=True))
