"""The statements of customers' sessions."""

import datetime as dt
import uuid

import asyncpg

from yundian.platform.auth.models import CustomerSession
from yundian.platform.db.database import Database, Tx

_FIND = "SELECT * FROM auth_find_customer_session($1, $2, $3)"

_SLIDE = """
UPDATE auth_customer_session SET expires_at = least($3, ends_at)
WHERE brand_id = $1 AND id = $2 AND revoked_at IS NULL
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


async def find(
    database: Database, *, brand_id: uuid.UUID, token_hash: bytes, now: dt.datetime
) -> asyncpg.Record | None:
    """A live session and the code of its brand, in one round trip."""
    return await database.lookup(_FIND, brand_id, token_hash, now)


async def slide(tx: Tx, *, session_id: uuid.UUID, until: dt.datetime) -> None:
    """Let a session that is used live on, within its life."""
    await tx.execute(_SLIDE, tx.brand, session_id, until)


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
