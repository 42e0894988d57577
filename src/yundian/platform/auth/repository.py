"""The statements of people and rights. The first half is the sign-in path and speaks asyncpg."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, func, or_, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth.models import (
    Account,
    AccountGrant,
    ApiKey,
    AuditEntry,
    LoginAttempt,
    RecoveryCode,
    StaffSession,
)
from yundian.platform.auth.types import AccountStatus, Action
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Grant, Role
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.paging import after, before

_FIND_SESSION = "SELECT * FROM auth_find_session($1, $2, $3)"

_SLIDE_SESSION = """
UPDATE auth_session SET expires_at = least($3, ends_at) WHERE brand_id = $1 AND id = $2 AND revoked_at IS NULL
"""

_RESOLVE_KEY = """
WITH used AS (
    UPDATE auth_api_key SET last_used_at = $3
    WHERE brand_id = $1 AND key_id = $2 AND revoked_at IS NULL
      AND (last_used_at IS NULL OR last_used_at < $3::timestamptz - interval '1 minute')
)
SELECT id, name, secret_sealed, scopes FROM auth_api_key
WHERE brand_id = $1 AND key_id = $2 AND revoked_at IS NULL
"""

# One row per login, counted before the password is looked at: parallel tries cannot slip past the limit.
_CLAIM_TRY = """
INSERT INTO auth_login_attempt AS t (brand_id, id, created_at, login_hash, failed, locked_until, tried_at)
VALUES ($1, $2, $3, $4, 1, NULL, $3)
ON CONFLICT (brand_id, login_hash) DO UPDATE SET
    failed = CASE WHEN t.locked_until IS NULL AND t.tried_at > $3 - interval '1 day' THEN t.failed + 1 ELSE 1 END,
    locked_until = CASE WHEN t.locked_until IS NULL AND t.tried_at > $3 - interval '1 day' AND t.failed + 1 >= $5
                        THEN $6::timestamptz END,
    tried_at = $3
WHERE t.locked_until IS NULL OR t.locked_until <= $3
RETURNING failed
"""

# Old ones go with new ones; who finds them locked leaves them to the other.
_SPEND_SIGNATURE = """
WITH old AS (
    SELECT mac FROM auth_signed_request WHERE brand_id = $1 AND signed_at < $4
    ORDER BY signed_at LIMIT 100 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM auth_signed_request s USING old WHERE s.brand_id = $1 AND s.mac = old.mac
)
INSERT INTO auth_signed_request (brand_id, mac, signed_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
"""

_ACCOUNT_FOR_SIGN_IN = """
SELECT id, password_hash, must_change_password, is_totp_enabled, totp_sealed
FROM auth_account WHERE brand_id = $1 AND login_hash = $2 AND status = 'active'
"""

# Only if the account is still what was verified: revoked or changed in between, no session is made.
_CONFIRM_SIGN_IN = """
UPDATE auth_account SET last_login_at = $4, password_hash = $5
WHERE brand_id = $1 AND id = $2 AND status = 'active' AND password_hash = $3
RETURNING id
"""

_USE_STEP = """
UPDATE auth_account SET totp_last_step = $3
WHERE brand_id = $1 AND id = $2 AND is_totp_enabled AND totp_last_step < $3 RETURNING id
"""

_USE_RECOVERY_CODE = """
UPDATE auth_recovery_code SET used_at = $4
WHERE brand_id = $1 AND account_id = $2 AND code_hash = $3 AND used_at IS NULL RETURNING id
"""

_ADD_SESSION = """
INSERT INTO auth_session
    (brand_id, id, created_at, token_hash, account_id, expires_at, ends_at, ip_hash, user_agent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


async def find_session(
    database: Database, *, brand_id: uuid.UUID, token_hash: bytes, now: dt.datetime
) -> asyncpg.Record | None:
    """A live session with its active account and grants, in one round trip."""
    return await database.lookup(_FIND_SESSION, brand_id, token_hash, now)


async def slide_session(tx: Tx, *, session_id: uuid.UUID, until: dt.datetime) -> None:
    """Let a session that is used live on, within its life."""
    await tx.execute(_SLIDE_SESSION, tx.brand, session_id, until)


async def resolve_key(tx: Tx, *, key_id: str, now: dt.datetime) -> asyncpg.Record | None:
    """An API key that is not revoked; its last use is noted to the minute."""
    return await tx.fetchrow(_RESOLVE_KEY, tx.brand, key_id, now)


async def claim_try(
    tx: Tx, *, login_hash: bytes, now: dt.datetime, max_tries: int, lock: dt.timedelta
) -> dt.datetime | None:
    """Count one try; the time until which the login is locked if it may not try now."""
    row = await tx.fetchrow(_CLAIM_TRY, tx.brand, new_id(), now, login_hash, max_tries, now + lock)
    if row is not None:
        return None
    query = "SELECT locked_until FROM auth_login_attempt WHERE brand_id = $1 AND login_hash = $2"
    return await tx.fetchval(query, tx.brand, login_hash) or now


async def forget_tries(tx: Tx, *, login_hash: bytes) -> None:
    await tx.execute(
        "DELETE FROM auth_login_attempt WHERE brand_id = $1 AND login_hash = $2", tx.brand, login_hash
    )


async def account_for_sign_in(tx: Tx, *, login_hash: bytes) -> asyncpg.Record | None:
    return await tx.fetchrow(_ACCOUNT_FOR_SIGN_IN, tx.brand, login_hash)


async def confirm_sign_in(
    tx: Tx, *, account_id: uuid.UUID, verified_hash: str, new_hash: str, now: dt.datetime
) -> bool:
    """Whether the account is still active with the password that was verified; stores the new hash."""
    args = (tx.brand, account_id, verified_hash, now, new_hash)
    return await tx.fetchval(_CONFIRM_SIGN_IN, *args) is not None


async def login_hash_of(tx: Tx, *, account_id: uuid.UUID) -> bytes:
    query = "SELECT login_hash FROM auth_account WHERE brand_id = $1 AND id = $2"
    return await tx.fetchval(query, tx.brand, account_id) or b""


async def use_step(tx: Tx, *, account_id: uuid.UUID, step: int) -> bool:
    """Whether no code of this step or a later one was used before."""
    return await tx.fetchval(_USE_STEP, tx.brand, account_id, step) is not None


async def use_recovery_code(tx: Tx, *, account_id: uuid.UUID, code_hash: bytes, now: dt.datetime) -> bool:
    return await tx.fetchval(_USE_RECOVERY_CODE, tx.brand, account_id, code_hash, now) is not None


async def add_session(tx: Tx, *, session: StaffSession) -> None:
    s = session
    await tx.execute(
        _ADD_SESSION, s.brand_id, s.id, s.created_at, s.token_hash, s.account_id, s.expires_at, s.ends_at,
        s.ip_hash, s.user_agent,
    )  # fmt: skip


async def revoke_token(tx: Tx, *, token_hash: bytes, now: dt.datetime) -> None:
    await tx.execute(
        "UPDATE auth_session SET revoked_at = $3 WHERE brand_id = $1 AND token_hash = $2 AND revoked_at IS NULL",
        tx.brand, token_hash, now,
    )  # fmt: skip


async def purge(tx: Tx, *, now: dt.datetime) -> None:
    """Forget the sessions that ended a month ago and the tries of yesterday."""
    ended, tried = now - dt.timedelta(days=30), now - dt.timedelta(days=1)
    await tx.execute("DELETE FROM auth_session WHERE brand_id = $1 AND expires_at < $2", tx.brand, ended)
    await tx.execute(
        "DELETE FROM auth_login_attempt WHERE brand_id = $1 AND tried_at < $2",
        tx.brand,
        tried,
    )


async def account(session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID) -> Account | None:
    return await session.get(Account, (brand_id, account_id))


async def lock_account(session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID) -> Account | None:
    query = select(Account).where(col(Account.brand_id) == brand_id, col(Account.id) == account_id)
    locked = query.with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.exec(locked)).one_or_none()


async def account_by_login(session: AsyncSession, *, brand_id: uuid.UUID, login_hash: bytes) -> Account | None:
    query = select(Account).where(col(Account.brand_id) == brand_id, col(Account.login_hash) == login_hash)
    return (await session.exec(query)).one_or_none()


async def accounts(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    cursor: tuple[Any, ...] | None,
    limit: int,
    status: AccountStatus | None,
    search: str,
    login_hash: bytes,
) -> Sequence[Account]:
    """One more than ``limit``, oldest first; ``search`` is the start of a name or a whole login."""
    query = select(Account).where(col(Account.brand_id) == brand_id)
    if status is not None:
        query = query.where(col(Account.status) == status)
    if search:
        name = func.lower(col(Account.display_name)).startswith(search.lower(), autoescape=True)
        query = query.where(or_(name, col(Account.login_hash) == login_hash))
    if cursor is not None:
        query = query.where(after([col(Account.id)], cursor))
    return (await session.exec(query.order_by(col(Account.id)).limit(limit + 1))).all()


async def accounts_of_shop(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID
) -> Sequence[tuple[Account, AccountGrant]]:
    query = (
        select(Account, AccountGrant)
        .join(
            AccountGrant,
            (col(AccountGrant.brand_id) == Account.brand_id) & (col(AccountGrant.account_id) == Account.id),
        )
        .where(col(AccountGrant.brand_id) == brand_id, col(AccountGrant.shop_id) == shop_id)
        .order_by(col(AccountGrant.role), col(Account.id))
    )
    return (await session.exec(query)).all()


async def grants_of(
    session: AsyncSession, *, brand_id: uuid.UUID, account_ids: Sequence[uuid.UUID]
) -> Sequence[AccountGrant]:
    query = select(AccountGrant).where(
        col(AccountGrant.brand_id) == brand_id, col(AccountGrant.account_id).in_(account_ids)
    )
    return (await session.exec(query.order_by(col(AccountGrant.id)))).all()


async def lock_active_admins(session: AsyncSession, *, brand_id: uuid.UUID) -> set[uuid.UUID]:
    """The active HQ administrators; whoever else would remove one waits until this transaction ends."""
    query = (
        select(Account.id)
        .join(
            AccountGrant,
            (col(AccountGrant.brand_id) == Account.brand_id) & (col(AccountGrant.account_id) == Account.id),
        )
        .where(
            col(Account.brand_id) == brand_id,
            col(Account.status) == AccountStatus.ACTIVE,
            col(AccountGrant.role) == Role.HQ_ADMIN,
        )
        .order_by(col(Account.id))
        .with_for_update(key_share=True)
    )
    return set((await session.exec(query)).all())


async def add_grant(session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, grant: Grant) -> bool:
    """Whether the account did not have this role for this shop before."""
    row = AccountGrant(brand_id=brand_id, account_id=account_id, role=grant.role, shop_id=grant.shop_id)
    statement = insert(AccountGrant).values(**row.model_dump()).on_conflict_do_nothing()
    return (await session.exec(statement.returning(col(AccountGrant.id)))).one_or_none() is not None


async def remove_grant(session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, grant: Grant) -> bool:
    statement = delete(AccountGrant).where(
        col(AccountGrant.brand_id) == brand_id,
        col(AccountGrant.account_id) == account_id,
        col(AccountGrant.role) == grant.role,
        col(AccountGrant.shop_id).is_not_distinct_from(grant.shop_id),
    )
    return (await session.exec(statement.returning(col(AccountGrant.id)))).one_or_none() is not None


async def live_sessions(
    session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, now: dt.datetime
) -> Sequence[StaffSession]:
    query = select(StaffSession).where(
        col(StaffSession.brand_id) == brand_id,
        col(StaffSession.account_id) == account_id,
        col(StaffSession.revoked_at).is_(None),
        col(StaffSession.expires_at) > now,
    )
    return (await session.exec(query.order_by(col(StaffSession.id).desc()))).all()


async def revoke_sessions(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    account_id: uuid.UUID,
    only: uuid.UUID | None = None,
    but: uuid.UUID | None = None,
) -> int:
    """End the account's sessions: all, one, or all but one. Returns how many ended."""
    statement = update(StaffSession).where(
        col(StaffSession.brand_id) == brand_id,
        col(StaffSession.account_id) == account_id,
        col(StaffSession.revoked_at).is_(None),
    )
    if only is not None:
        statement = statement.where(col(StaffSession.id) == only)
    if but is not None:
        statement = statement.where(col(StaffSession.id) != but)
    ended = await session.exec(statement.values(revoked_at=clock.now()).returning(col(StaffSession.id)))
    return len(ended.all())


async def replace_recovery_codes(
    session: AsyncSession, *, brand_id: uuid.UUID, account_id: uuid.UUID, hashes: Sequence[bytes]
) -> None:
    await session.exec(
        delete(RecoveryCode).where(
            col(RecoveryCode.brand_id) == brand_id, col(RecoveryCode.account_id) == account_id
        )
    )
    session.add_all(RecoveryCode(brand_id=brand_id, account_id=account_id, code_hash=h) for h in hashes)


async def spend_signature(tx: Tx, *, mac: bytes, signed_at: dt.datetime, keep: dt.timedelta) -> bool:
    """Whether the signature is spent now; false when it was before."""
    status = await tx.execute(_SPEND_SIGNATURE, tx.brand, mac, signed_at, clock.now() - keep)
    return status == "INSERT 0 1"


async def api_keys(session: AsyncSession, *, brand_id: uuid.UUID) -> Sequence[ApiKey]:
    query = select(ApiKey).where(col(ApiKey.brand_id) == brand_id).order_by(col(ApiKey.id).desc()).limit(200)
    return (await session.exec(query)).all()


def note(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    actor_id: uuid.UUID | None,
    action: Action,
    subject_id: uuid.UUID,
    detail: str = "",
) -> None:
    """Add a line to the audit trail, in the transaction that acts."""
    entry = AuditEntry(
        brand_id=brand_id, actor_id=actor_id, action=action.value, subject_id=subject_id, detail=detail
    )
    session.add(entry)


async def audit_entries(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    subject_id: uuid.UUID | None,
    cursor: tuple[Any, ...] | None,
    limit: int,
) -> Sequence[AuditEntry]:
    """One more than ``limit``, newest first."""
    query = select(AuditEntry).where(col(AuditEntry.brand_id) == brand_id)
    if subject_id is not None:
        query = query.where(col(AuditEntry.subject_id) == subject_id)
    if cursor is not None:
        query = query.where(before([col(AuditEntry.id)], cursor))
    return (await session.exec(query.order_by(col(AuditEntry.id).desc()).limit(limit + 1))).all()


async def names_of(
    session: AsyncSession, *, brand_id: uuid.UUID, account_ids: set[uuid.UUID]
) -> dict[uuid.UUID, str]:
    query = select(Account.id, Account.display_name).where(
        col(Account.brand_id) == brand_id, col(Account.id).in_(account_ids)
    )
    return dict((await session.exec(query)).all())


async def unlock(session: AsyncSession, *, brand_id: uuid.UUID, login_hash: bytes) -> None:
    await session.exec(
        delete(LoginAttempt).where(
            col(LoginAttempt.brand_id) == brand_id, col(LoginAttempt.login_hash) == login_hash
        )
    )
