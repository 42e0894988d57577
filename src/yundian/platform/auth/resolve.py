"""From a token to a ``Principal``: one round trip, in the brand that the token names. Nothing is cached, so that a
revoked session, account or role is gone with the next request."""

import hmac

import asyncpg

from yundian.platform.auth import api_keys, repository, rules
from yundian.platform.auth.customers import sessions as customers
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


async def _of_key(database: Database, keyring: Keyring, key: KeyToken) -> Principal:
    async with database.unit_of_work(None) as session:
        brand = await directory.find_brand(session, keyring=keyring, kind=api_keys.DIRECTORY_KIND, key=key.key_id)
    if brand is None:
        return ANONYMOUS
    async with database.connection(brand) as tx:
        row = await repository.resolve_key(tx, key_id=key.key_id, now=clock.now())
    if row is None:
        return ANONYMOUS
    secret = keyring.decrypt(api_keys.PURPOSE, row["secret_sealed"])
    if not hmac.compare_digest(secret.encode(), key.secret.encode()):
        return ANONYMOUS
    return Principal(
        kind=PrincipalKind.API_KEY,
        brand_id=brand,
        id=row["id"],
        name=row["name"],
        scopes=frozenset(row["scopes"]),
    )


def _grants(row: asyncpg.Record) -> frozenset[Grant]:
    return frozenset(Grant(Role(role), shop) for role, shop in zip(row["roles"], row["shops"], strict=True))
