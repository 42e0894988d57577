"""The statements of customers' sessions."""

import datetime as dt
import uuid

import asyncpg

from yundian.platform.auth.models import CustomerSession
from yundian.platform.db.database import Tx

_RESOLVE = """
WITH slid AS (
    UPDATE auth_customer_session SET expires_at = least($4, ends_at)
    WHERE brand_id = $1 AND token_hash = $2 AND revoked_at IS NULL AND expires_at > $3
      AND expires_at < least($5, ends_at)
)
SELECT s.id AS session_id, s.member_id, b.code AS brand_code
FROM auth_customer_session s JOIN brand b ON b.id = s.brand_id
WHERE s.brand_id = $1 AND s.token_hash = $2 AND s.revoked_at IS NULL AND s.expires_at > $3
"""

_ADD = """
INSERT INTO auth_customer_session
    (brand_id, id, created_at, token_hash, member_id, expires_at, ends_at, ip_hash, user_agent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""

_END = """
UPDATE auth_customer_session SET revoked_at = $3
WHERE brand_id = $1 AND member_id = $2 AND revoked_at IS NULL AND ($4::uuid IS NULL OR id = $4)
"""


async def resolve(
    tx: Tx, *, token_hash: bytes, now: dt.datetime, idle: dt.timedelta, slide_every: dt.timedelta
) -> asyncpg.Record | None:
    """A live session and the code of its brand, sliding it forward now and then."""
    return await tx.fetchrow(_RESOLVE, tx.brand, token_hash, now, now + idle, now + idle - slide_every)


async def add(tx: Tx, *, session: CustomerSession) -> None:
    s = session
    await tx.execute(
        _ADD, s.brand_id, s.id, s.created_at, s.token_hash, s.member_id, s.expires_at, s.ends_at, s.ip_hash,
        s.user_agent,
    )  # fmt: skip


async def revoke_token(tx: Tx, *, token_hash: bytes, now: dt.datetime) -> None:
    await tx.execute(
        "UPDATE auth_customer_session SET revoked_at = $3"
        " WHERE brand_id = $1 AND token_hash = $2 AND revoked_at IS NULL",
        tx.brand, token_hash, now,
    )  # fmt: skip


async def end(tx: Tx, *, member_id: uuid.UUID, session_id: uuid.UUID | None, now: dt.datetime) -> None:
    """End one session of the member, or all of them."""
    await tx.execute(_END, tx.brand, member_id, now, session_id)


async def purge(tx: Tx, *, now: dt.datetime) -> None:
    """Forget the sessions that ended a month ago."""
    await tx.execute(
        "DELETE FROM auth_customer_session WHERE brand_id = $1 AND expires_at < $2",
        tx.brand, now - dt.timedelta(days=30),
    )  # fmt: skip
