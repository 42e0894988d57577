"""What the screens read of intake: runs of orders, and the documents in quarantine, by channel and by code."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlmodel import col, func, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.crypto import Keyring
from yundian.platform.db.database import Tx
from yundian.platform.db.keys import keyring_of
from yundian.platform.db.paging import before
from yundian.platform.intake import sealing
from yundian.platform.intake.models import ImportRun, Quarantined, QuarantineState
from yundian.platform.intake.repository.records import open_rows

MAX_CODES = 50


@dataclass(frozen=True, slots=True)
class HeldFilter:
    """What is looked for; empty text: everything."""

    kinds: tuple[str, ...]
    state: QuarantineState = QuarantineState.OPEN
    channel: str = ""
    code: str = ""
    run_id: uuid.UUID | None = None


@dataclass(frozen=True, slots=True)
class HeldRow:
    """A held record with the run it came by."""

    held: Quarantined
    run: ImportRun


@dataclass(frozen=True, slots=True)
class Locked:
    """An open row that nobody else settles meanwhile, with what it takes to try it again."""

    id: uuid.UUID
    kind: str
    channel: str
    run_id: uuid.UUID
    mapping: str
    line: int
    raw: str
    source: dict[str, Any] | None


_LOCK = """
SELECT q.id, q.kind, r.scope AS channel, q.run_id, r.mapping, q.line, q.raw, q.source::text AS source,
    q.raw_sealed, q.source_sealed
FROM intake_quarantine q JOIN intake_run r ON r.brand_id = q.brand_id AND r.id = q.run_id
WHERE q.brand_id = $1 AND q.id = ANY($2::uuid[]) AND q.kind = ANY($3::varchar[]) AND q.state = 'open'
ORDER BY q.id FOR UPDATE OF q SKIP LOCKED
"""


_SEALED = ("raw_sealed", "source_sealed")


async def lock(tx: Tx, *, ids: Sequence[uuid.UUID], kinds: Sequence[str]) -> list[Locked]:
    """Those of the rows that are open still, in their order."""
    rows = await tx.fetch(_LOCK, tx.brand, list(ids), list(kinds))
    return [_locked(keyring_of(tx), row) for row in rows]


async def list_held(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    wanted: HeldFilter,
    limit: int,
    after_id: uuid.UUID | None = None,
) -> list[HeldRow]:
    """The newest first."""
    statement = (
        select(Quarantined, ImportRun)
        .join(
            ImportRun,
            (col(ImportRun.brand_id) == col(Quarantined.brand_id))
            & (col(ImportRun.id) == col(Quarantined.run_id)),
        )
        .where(*_conditions(brand_id, wanted))
    )
    if after_id is not None:
        statement = statement.where(before([col(Quarantined.id)], [after_id]))
    rows = (await session.exec(statement.order_by(col(Quarantined.id).desc()).limit(limit))).all()
    open_rows(session, [held for held, _ in rows])
    return [HeldRow(held, run) for held, run in rows]


async def codes(session: AsyncSession, *, brand_id: uuid.UUID, wanted: HeldFilter) -> list[tuple[str, int]]:
    """How many are held under each code, the most frequent first; the code looked for does not narrow it."""
    number = func.count()
    statement = (
        select(col(Quarantined.code), number)
        .join(
            ImportRun,
            (col(ImportRun.brand_id) == col(Quarantined.brand_id))
            & (col(ImportRun.id) == col(Quarantined.run_id)),
        )
        .where(*_conditions(brand_id, HeldFilter(wanted.kinds, wanted.state, wanted.channel, "", wanted.run_id)))
        .group_by(col(Quarantined.code))
        .order_by(number.desc(), col(Quarantined.code))
        .limit(MAX_CODES)
    )
    return [(code, count) for code, count in (await session.exec(statement)).all()]


async def get_held(
    session: AsyncSession, *, brand_id: uuid.UUID, kinds: Sequence[str], held_id: uuid.UUID
) -> HeldRow | None:
    held = await session.get(Quarantined, (brand_id, held_id))
    if held is None or held.kind not in kinds:
        return None
    run = await session.get_one(ImportRun, (brand_id, held.run_id))
    return HeldRow(open_rows(session, [held])[0], run)


def _locked(keyring: Keyring, row: asyncpg.Record) -> Locked:
    facts = dict(row)
    facts["raw"], facts["source"] = sealing.opened(keyring, facts)
    return Locked(**{name: value for name, value in facts.items() if name not in _SEALED})


def _conditions(brand_id: uuid.UUID, wanted: HeldFilter) -> list[sa.ColumnElement[bool]]:
    conditions = [
        col(Quarantined.brand_id) == brand_id,
        col(Quarantined.kind).in_(wanted.kinds),
        col(Quarantined.state) == wanted.state,
    ]
    if wanted.channel:
        conditions.append(col(ImportRun.scope) == wanted.channel)
    if wanted.code:
        conditions.append(col(Quarantined.code) == wanted.code)
    if wanted.run_id is not None:
        conditions.append(col(Quarantined.run_id) == wanted.run_id)
    return conditions
