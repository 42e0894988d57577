"""Statements of looks at files, and of what was made of their words."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.models.surveys import ImportDraft, Survey
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_START = """
INSERT INTO appointments_import_survey
    (brand_id, id, created_at, mapping, header_hash, rows_read, permille, is_import)
VALUES ($1, $2, $3, '', '', 0, 0, false) ON CONFLICT (brand_id, id) DO NOTHING
"""

_TOLD = """
UPDATE appointments_import_survey SET rows_read = $3, permille = $4 WHERE brand_id = $1 AND id = $2
"""

_KEEP = """
UPDATE appointments_import_survey SET mapping = $3, header_hash = $4, layout = ($5::text)::jsonb, found = $6,
    rows_read = $7, permille = 1000
WHERE brand_id = $1 AND id = $2
"""

# What somebody brought a list of the same columns in with.
_REMEMBERED = """
SELECT layout::text FROM appointments_import_survey
WHERE brand_id = $1 AND header_hash = $2 AND is_import AND layout IS NOT NULL ORDER BY id DESC LIMIT 1
"""

_FOLLOW = """
UPDATE appointments_import_survey SET next_upload_id = $3, is_import = $4
WHERE brand_id = $1 AND id = $2 AND next_upload_id IS NULL
"""

# What the looks made whose import this was; people first: services and shops are theirs.
_MADE = """
SELECT d.kind, d.made_id FROM channels_upload u
JOIN appointments_import_survey s ON s.brand_id = $1 AND s.next_upload_id = u.id AND s.is_import
JOIN appointments_import_draft d ON d.brand_id = $1 AND d.survey_id = s.id
WHERE u.brand_id = $1 AND u.run_id = $2
ORDER BY array_position(ARRAY['staff', 'service', 'shop'], d.kind::text), d.made_id
"""

_GONE = "DELETE FROM appointments_import_draft WHERE brand_id = $1 AND made_id = $2"

# What hangs on a shop, a service or somebody, and is nothing without.
_REMOVE: Mapping[str, tuple[str, ...]] = {
    "staff": tuple(
        f"DELETE FROM appointments_{table} WHERE brand_id = $1 AND {column} = $2"  # noqa: S608
        for table, column in (
            ("planned", "staff_id"), ("plan_span", "staff_id"), ("staff_day", "staff_id"), ("skill", "staff_id"),
            ("staff_shop", "staff_id"), ("staff", "id"),
        )
    ),
    "service": tuple(
        f"DELETE FROM appointments_{table} WHERE brand_id = $1 AND {column} = $2"  # noqa: S608
        for table, column in (("skill", "service_id"), ("service", "id"))
    ),
    "shop": tuple(
        f"DELETE FROM appointments_{table} WHERE brand_id = $1 AND shop_id = $2"  # noqa: S608
        for table in ("planned", "planned_shop", "shop_rule", "shop_day")
    ),
}  # fmt: skip

_OPEN = """
SELECT d.made_id, d.kind FROM appointments_import_draft d
WHERE d.brand_id = $1 AND d.confirmed_at IS NULL
"""

_CONFIRM = """
UPDATE appointments_import_draft SET confirmed_at = $3
WHERE brand_id = $1 AND made_id = ANY($2::uuid[]) AND confirmed_at IS NULL RETURNING made_id
"""

# A file's bytes go after a week; what was quoted of it goes with them.
_FORGET = """
UPDATE appointments_import_survey SET found = NULL WHERE brand_id = $1 AND found IS NOT NULL AND created_at < $2
"""


async def start(tx: Tx, *, survey_id: uuid.UUID, now: dt.datetime) -> None:
    """A look begins; one that was killed begins again."""
    await tx.execute(_START, tx.brand, survey_id, now)


async def told(tx: Tx, *, survey_id: uuid.UUID, rows_read: int, permille: int) -> None:
    """How far it is."""
    await tx.execute(_TOLD, tx.brand, survey_id, rows_read, permille)


async def keep(
    tx: Tx,
    *,
    survey_id: uuid.UUID,
    mapping: str,
    header_hash: str,
    layout: Any,
    found: bytes,
    rows_read: int,
) -> None:
    """What the look found."""
    text = msgspec.json.encode(layout).decode() if layout is not None else None
    await tx.execute(_KEEP, tx.brand, survey_id, mapping, header_hash, text, found, rows_read)


async def remembered(tx: Tx, *, header_hash: str) -> str | None:
    """The layout (JSON) that a list of the same columns was brought in with last."""
    found: str | None = await tx.fetchval(_REMEMBERED, tx.brand, header_hash)
    return found


async def get(session: AsyncSession, *, brand_id: uuid.UUID, survey_id: uuid.UUID) -> Survey | None:
    return await session.get(Survey, (brand_id, survey_id))


async def followed(session: AsyncSession, *, brand_id: uuid.UUID, ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those of the looks that something came of."""
    statement = select(Survey.id).where(
        col(Survey.brand_id) == brand_id, col(Survey.id).in_(ids), col(Survey.next_upload_id).is_not(None)
    )
    return set(await session.exec(statement))


@dataclass(frozen=True, slots=True)
class Looked:
    """A look, locked: what came of it, and what it was read with."""

    next_upload_id: uuid.UUID | None
    mapping: str


async def lock(tx: Tx, *, survey_id: uuid.UUID) -> Looked | None:
    """The row is the caller's until the transaction ends; none before anything was found."""
    row = await tx.fetchrow(
        "SELECT next_upload_id, mapping FROM appointments_import_survey"
        " WHERE brand_id = $1 AND id = $2 AND mapping <> '' FOR UPDATE",
        tx.brand, survey_id,
    )  # fmt: skip
    return Looked(row["next_upload_id"], row["mapping"]) if row is not None else None


async def follow(tx: Tx, *, survey_id: uuid.UUID, upload_id: uuid.UUID, is_import: bool) -> None:
    """Another upload came of it."""
    await tx.execute(_FOLLOW, tx.brand, survey_id, upload_id, is_import)


async def made_for(door: Door, *, run_id: uuid.UUID) -> list[tuple[str, uuid.UUID]]:
    """What was made for an import, in the order in which it can be taken out."""
    return [(kind, made_id) for kind, made_id in await fetch(door, _MADE, brand_of(door), run_id)]


async def remove(door: Door, *, kind: str, made_id: uuid.UUID) -> None:
    """Take it out with what hangs on it; refused by the keys of whatever still names it. A shop's row stays."""
    for statement in (*_REMOVE[kind], _GONE):
        await run(door, statement, brand_of(door), made_id)


async def drafts(session: AsyncSession, *, brand_id: uuid.UUID) -> list[ImportDraft]:
    """What nobody confirmed yet, the most used first."""
    statement = select(ImportDraft).where(
        col(ImportDraft.brand_id) == brand_id, col(ImportDraft.confirmed_at).is_(None)
    )
    ordered = statement.order_by(col(ImportDraft.rows).desc(), col(ImportDraft.made_id))
    return list((await session.exec(ordered)).all())


async def draft_ids(door: Door) -> frozenset[uuid.UUID]:
    """The same, by their ids."""
    return frozenset(made_id for made_id, _kind in await fetch(door, _OPEN, brand_of(door)))


async def confirm(door: Door, *, ids: Sequence[uuid.UUID], now: dt.datetime) -> set[uuid.UUID]:
    """They are no drafts any more: which of them were."""
    return {row[0] for row in await fetch(door, _CONFIRM, brand_of(door), list(ids), now)}


async def forget_found(tx: Tx, *, before: dt.datetime) -> None:
    """What old looks quoted of their files is gone; what their columns are stays."""
    await tx.execute(_FORGET, tx.brand, before)
