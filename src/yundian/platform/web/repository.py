"""The statements of idempotency."""

import datetime as dt
import uuid
from functools import cache
from typing import NamedTuple

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, delete, select, update
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.web.models import IdempotencyKey


class NewKey(NamedTuple):
    """A key that a request would claim: a row of ``IdempotencyKey`` before there is an answer."""

    brand_id: uuid.UUID
    id: uuid.UUID
    created_at: dt.datetime
    caller: str
    operation: str
    key_hash: bytes
    request_hash: bytes
    expires_at: dt.datetime


async def claim(session: AsyncSession, *, key: NewKey) -> bool:
    """Whether the key was free. Waits for a transaction that holds it, up to the lock timeout."""
    statement = insert(IdempotencyKey).values(**key._asdict(), status=0, answer=b"").on_conflict_do_nothing()
    return (await session.exec(statement.returning(col(IdempotencyKey.id)))).one_or_none() is not None


async def find(session: AsyncSession, *, key: NewKey) -> IdempotencyKey | None:
    """The request that used the key before."""
    query = select(IdempotencyKey).where(
        col(IdempotencyKey.brand_id) == key.brand_id,
        col(IdempotencyKey.caller) == key.caller,
        col(IdempotencyKey.operation) == key.operation,
        col(IdempotencyKey.key_hash) == key.key_hash,
    )
    return (await session.exec(query)).one_or_none()


async def replace_expired(session: AsyncSession, *, key: NewKey, now: dt.datetime) -> bool:
    """Take over a key that was kept long enough, with everything about the new request."""
    statement = (
        update(IdempotencyKey)
        .where(
            col(IdempotencyKey.brand_id) == key.brand_id,
            col(IdempotencyKey.caller) == key.caller,
            col(IdempotencyKey.operation) == key.operation,
            col(IdempotencyKey.key_hash) == key.key_hash,
            col(IdempotencyKey.expires_at) <= now,
        )
        .values(
            id=key.id,
            created_at=key.created_at,
            request_hash=key.request_hash,
            status=0,
            answer=b"",
            expires_at=key.expires_at,
        )
        .returning(col(IdempotencyKey.id))
    )
    return (await session.exec(statement)).one_or_none() is not None


async def keep_answer(
    session: AsyncSession, *, brand_id: uuid.UUID, key_id: uuid.UUID, status: int, sealed: bytes
) -> None:
    await session.exec(
        update(IdempotencyKey)
        .where(col(IdempotencyKey.brand_id) == brand_id, col(IdempotencyKey.id) == key_id)
        .values(status=status, answer=sealed)
    )


def keep_part(cte: Cte, *, key: NewKey, status: int, sealed: bytes, given: str, name: str) -> None:
    """Claim the key and keep its answer as a part of a hot path's one statement, if the part ``given`` has a row.

    It has a row itself unless the key is taken: then the caller rolls back and gives the earlier answer.
    """
    cte.add(name, _keep_sql(given), *key, status, sealed)


@cache
def _keep_sql(given: str) -> str:
    columns = (*NewKey._fields, "status", "answer")
    marks = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    unique = ("brand_id", "caller", "operation", "key_hash")
    renewed = ", ".join(f"{column} = excluded.{column}" for column in columns if column not in unique)
    return (
        f"INSERT INTO web_idempotency AS w ({', '.join(columns)}) SELECT {marks}"  # noqa: S608
        f" WHERE EXISTS (SELECT FROM {given})"
        f" ON CONFLICT ({', '.join(unique)}) DO UPDATE SET {renewed}"
        " WHERE w.expires_at <= excluded.created_at RETURNING w.id"
    )


async def find_hot(tx: Tx, *, key: NewKey) -> IdempotencyKey | None:
    """``find`` through the hot door."""
    row = await tx.fetchrow(
        "SELECT * FROM web_idempotency WHERE brand_id = $1 AND caller = $2 AND operation = $3 AND key_hash = $4",
        key.brand_id,
        key.caller,
        key.operation,
        key.key_hash,
    )
    return IdempotencyKey(**dict(row)) if row is not None else None


async def forget_expired(session: AsyncSession, *, brand_id: uuid.UUID, now: dt.datetime) -> None:
    await session.exec(
        delete(IdempotencyKey).where(
            col(IdempotencyKey.brand_id) == brand_id, col(IdempotencyKey.expires_at) <= now
        )
    )
