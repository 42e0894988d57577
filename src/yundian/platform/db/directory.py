"""What must be known before the brand is: a global index from a keyed hash to its brand.

Link tokens, login names, API key ids, WeChat app ids and merchant accounts are found here. Only keyed hashes are
stored, so that the table tells nobody which phone or name belongs to which brand.
"""

import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Field, SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import DomainError
from yundian.platform.db.database import Database


class DirectoryTaken(DomainError):
    code = "directory.taken"
    title = "Already in use"


class DirectoryEntry(SQLModel, table=True):
    """Global: one of the three tables without a row policy."""

    __tablename__ = "directory"

    kind: str = Field(primary_key=True, max_length=32, sa_type=sa.String(32))
    key_hash: bytes = Field(primary_key=True)
    brand_id: uuid.UUID


async def brand_ids(database: Database) -> list[uuid.UUID]:
    """Every brand, for what is done brand by brand. The table's room lies above this one."""
    async with database.connection(None) as tx:
        return [row["id"] for row in await tx.fetch("SELECT id FROM brand ORDER BY id")]


async def find_brand(session: AsyncSession, *, keyring: Keyring, kind: str, key: str) -> uuid.UUID | None:
    """The brand that owns the key, or ``None``. Works in a transaction without a brand."""
    hashed = keyring.blind_index(kind, key)
    query = select(DirectoryEntry.brand_id).where(
        col(DirectoryEntry.kind) == kind, col(DirectoryEntry.key_hash) == hashed
    )
    return (await session.exec(query)).one_or_none()


async def claim(session: AsyncSession, *, keyring: Keyring, kind: str, key: str, brand_id: uuid.UUID) -> None:
    """Register the key for the brand; ``DirectoryTaken`` when it is registered already."""
    statement = (
        insert(DirectoryEntry)
        .values(kind=kind, key_hash=keyring.blind_index(kind, key), brand_id=brand_id)
        .on_conflict_do_nothing()
        .returning(col(DirectoryEntry.brand_id))
    )
    if (await session.exec(statement)).one_or_none() is None:
        raise DirectoryTaken(kind=kind)


async def release(session: AsyncSession, *, keyring: Keyring, kind: str, key: str, brand_id: uuid.UUID) -> None:
    """Forget the key, if this brand holds it."""
    await session.exec(
        delete(DirectoryEntry).where(
            col(DirectoryEntry.kind) == kind,
            col(DirectoryEntry.key_hash) == keyring.blind_index(kind, key),
            col(DirectoryEntry.brand_id) == brand_id,
        )
    )
