"""What people do with documents that were not taken in: see why, try again, put aside, and take that back.

A record of a file is tried with the mapping of its run, or with a corrected one; a document that was sent over HTTP
is tried as it was sent, after what it lacked (a shop, say) was added.
"""

import uuid
from dataclasses import dataclass

import asyncpg
import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.repository import held as repository
from yundian.channels.repository.held import HeldFilter, HeldRow
from yundian.channels.service import importing, receiving, syncing
from yundian.channels.service.files import KIND as FILES
from yundian.channels.types import Outcome, Received
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import NotFound
from yundian.platform.db.database import Database, Tx
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.intake import repository as intake
from yundian.platform.intake.errors import AlreadySettled
from yundian.platform.intake.models import QuarantineState
from yundian.platform.intake.types import Problem

KINDS = (FILES, syncing.KIND)

MAX_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Replayed:
    """How many went in, and how many are still held."""

    taken_in: int
    still_held: int


@dataclass(frozen=True, slots=True)
class Tried:
    """What a record becomes: the document as JSON, or the problem."""

    document: str = ""
    problem: Problem | None = None


async def list_held(
    session: AsyncSession, *, brand_id: uuid.UUID, wanted: HeldFilter, limit: int, cursor: str | None
) -> Page[HeldRow]:
    """The newest first."""
    after = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    rows = await repository.list_held(
        session, brand_id=brand_id, wanted=wanted, limit=limit + 1, after_id=after
    )
    items, next_cursor = cut(rows, limit, lambda row: (row.held.id,))
    return Page(items, next_cursor)


async def get(session: AsyncSession, *, brand_id: uuid.UUID, held_id: uuid.UUID) -> HeldRow:
    """One held record with its run; ``NotFound``."""
    found = await repository.get_held(session, brand_id=brand_id, kinds=KINDS, held_id=held_id)
    if found is None:
        raise NotFound(quarantine_id=str(held_id))
    return found
