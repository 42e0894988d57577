"""The statements of uploaded files: kept in pieces, held by one worker at a time, removed after a while."""

import datetime as dt
import uuid
from collections.abc import Sequence

import asyncpg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx
from yundian.platform.files.models import Upload, UploadState
from yundian.platform.intake.models import ImportRun

_INSERT = """
INSERT INTO channels_upload (brand_id, id, created_at, channel, file_name, file_bytes, file_sha256, mapping, state,
    account_id, attempts, error_code, error_reason, is_kept, kind)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'waiting', $9, 0, '', '', true, $10)
"""

# A file is one worker's until its hold is over: a living worker renews it, a dead one does not.
_TAKE = """
UPDATE channels_upload SET state = 'running', attempts = attempts + 1, error_code = '', error_reason = '',
    held_until = now() + make_interval(secs => $3)
WHERE brand_id = $1 AND id = $2 AND kind = $4 AND is_kept
    AND (state = 'waiting' OR (state = 'running' AND held_until < now()))
RETURNING channel AS scope, file_name, file_bytes, mapping, attempts
"""

_HOLD = """
UPDATE channels_upload SET held_until = now() + make_interval(secs => $3)
WHERE brand_id = $1 AND id = $2 AND state = 'running'
"""

_LET_GO = """
UPDATE channels_upload SET state = 'waiting', held_until = NULL, attempts = greatest(0, attempts - 1)
WHERE brand_id = $1 AND id = $2 AND state = 'running'
"""

_END = """
UPDATE channels_upload SET state = $3, run_id = coalesce($4, run_id), error_code = $5, error_reason = $6,
    held_until = NULL, ended_at = now()
WHERE brand_id = $1 AND id = $2 AND state = 'running'
"""

_AGAIN = """
UPDATE channels_upload SET state = 'waiting', attempts = 0, held_until = NULL, ended_at = NULL, error_code = '',
    error_reason = ''
WHERE brand_id = $1 AND id = $2 AND kind = $3 AND is_kept AND state IN ('failed', 'done')
"""

_COPY = """
WITH made AS (
    INSERT INTO channels_upload (brand_id, id, created_at, channel, file_name, file_bytes, file_sha256, mapping,
        state, account_id, attempts, error_code, error_reason, is_kept, kind)
    SELECT brand_id, $3, $4, $5, file_name, file_bytes, file_sha256, $6, 'waiting', $7, 0, '', '', true, kind
    FROM channels_upload WHERE brand_id = $1 AND id = $2 AND kind = $8 AND is_kept
    RETURNING brand_id, id
)
SELECT count(*) FROM made
"""

_REMOVE = """
WITH old AS (
    SELECT id FROM channels_upload WHERE brand_id = $1 AND is_kept AND created_at < $2
        AND state IN ('done', 'failed') ORDER BY created_at LIMIT $3 FOR UPDATE SKIP LOCKED
), gone AS (
    DELETE FROM channels_upload_chunk c USING old WHERE c.brand_id = $1 AND c.upload_id = old.id
)
UPDATE channels_upload u SET is_kept = false FROM old WHERE u.brand_id = $1 AND u.id = old.id
"""


async def add_chunk(tx: Tx, *, upload_id: uuid.UUID, number: int, data: bytes) -> None:
    await tx.execute(
        "INSERT INTO channels_upload_chunk (brand_id, upload_id, number, data) VALUES ($1, $2, $3, $4)",
        tx.brand, upload_id, number, data,
    )  # fmt: skip


async def add(
    tx: Tx,
    *,
    kind: str,
    upload_id: uuid.UUID,
    scope: str,
    file_name: str,
    mapping: str,
    account_id: uuid.UUID | None,
) -> None:
    """The file's row; its length and sum are told by ``measure`` once all its pieces are here."""
    await tx.execute(
        _INSERT,
        tx.brand,
        upload_id,
        clock.now(),
        scope,
        file_name[-255:],
        0,
        "0" * 64,
        mapping,
        account_id,
        kind,
    )


async def measure(tx: Tx, *, upload_id: uuid.UUID, file_bytes: int, file_sha256: str) -> None:
    await tx.execute(
        "UPDATE channels_upload SET file_bytes = $3, file_sha256 = $4 WHERE brand_id = $1 AND id = $2",
        tx.brand, upload_id, file_bytes, file_sha256,
    )  # fmt: skip


async def kept_bytes(tx: Tx) -> int:
    """How much of the brand's files is kept."""
    found = await tx.fetchval(
        "SELECT coalesce(sum(file_bytes), 0)::bigint FROM channels_upload WHERE brand_id = $1 AND is_kept",
        tx.brand,
    )
    return int(found)


async def find_open(tx: Tx, *, kind: str, scope: str, file_sha256: str, mapping: str) -> uuid.UUID | None:
    """The same file for the same kind and scope with the same mapping, if it is still to be worked off."""
    found: uuid.UUID | None = await tx.fetchval(
        "SELECT id FROM channels_upload WHERE brand_id = $1 AND is_kept AND channel = $2 AND file_sha256 = $3"
        " AND mapping = $4 AND kind = $5 AND state IN ('waiting', 'running') ORDER BY id LIMIT 1",
        tx.brand, scope, file_sha256, mapping, kind,
    )  # fmt: skip
    return found


async def take(tx: Tx, *, kind: str, upload_id: uuid.UUID, hold_s: float) -> asyncpg.Record | None:
    """The file, held by the caller for so long; none when another holds it, or it has ended."""
    return await tx.fetchrow(_TAKE, tx.brand, upload_id, hold_s, kind)


async def hold(tx: Tx, *, upload_id: uuid.UUID, hold_s: float) -> None:
    """Hold it longer."""
    await tx.execute(_HOLD, tx.brand, upload_id, hold_s)


async def let_go(tx: Tx, *, upload_id: uuid.UUID) -> None:
    """Somebody else may go on; an attempt that was only interrupted does not count."""
    await tx.execute(_LET_GO, tx.brand, upload_id)


async def end(
    tx: Tx, *, upload_id: uuid.UUID, state: UploadState, run_id: uuid.UUID | None, code: str, reason: str
) -> None:
    await tx.execute(_END, tx.brand, upload_id, state.value, run_id, code[:80], reason[:1000])


async def again(tx: Tx, *, kind: str, upload_id: uuid.UUID) -> bool:
    """Whether a file that had ended waits again."""
    return await tx.execute(_AGAIN, tx.brand, upload_id, kind) == "UPDATE 1"


async def copy(
    tx: Tx, *, kind: str, upload_id: uuid.UUID, scope: str, mapping: str, account_id: uuid.UUID | None
) -> uuid.UUID | None:
    """The same bytes once more, for another scope or mapping; none when they are gone."""
    made = new_id()
    now = clock.now()
    if not await tx.fetchval(_COPY, tx.brand, upload_id, made, now, scope, mapping, account_id, kind):
        return None
    await tx.execute(
        "INSERT INTO channels_upload_chunk (brand_id, upload_id, number, data) SELECT brand_id, $3, number, data"
        " FROM channels_upload_chunk WHERE brand_id = $1 AND upload_id = $2",
        tx.brand, upload_id, made,
    )  # fmt: skip
    return made


async def chunk(tx: Tx, *, upload_id: uuid.UUID, number: int) -> bytes | None:
    found: bytes | None = await tx.fetchval(
        "SELECT data FROM channels_upload_chunk WHERE brand_id = $1 AND upload_id = $2 AND number = $3",
        tx.brand, upload_id, number,
    )  # fmt: skip
    return found


async def remove_old(tx: Tx, *, before_days: int, limit: int = 50) -> int:
    """Take the bytes of ended files out; what is known about them stays."""
    status = await tx.execute(_REMOVE, tx.brand, clock.now() - dt.timedelta(days=before_days), limit)
    return int(status.split()[-1])


async def get(session: AsyncSession, *, brand_id: uuid.UUID, kind: str, upload_id: uuid.UUID) -> Upload | None:
    found = await session.get(Upload, (brand_id, upload_id))
    return found if found is not None and found.kind == kind else None


async def of_run(session: AsyncSession, *, brand_id: uuid.UUID, kind: str, run_id: uuid.UUID) -> Upload | None:
    """The file that a run read, if somebody uploaded it; the first one of the same."""
    statement = select(Upload).where(
        col(Upload.brand_id) == brand_id, col(Upload.run_id) == run_id, col(Upload.kind) == kind
    )
    return (await session.exec(statement.order_by(col(Upload.id)).limit(1))).first()


async def list_uploads(session: AsyncSession, *, brand_id: uuid.UUID, kind: str, limit: int) -> Sequence[Upload]:
    """The newest first."""
    statement = select(Upload).where(col(Upload.brand_id) == brand_id, col(Upload.kind) == kind)
    return (await session.exec(statement.order_by(col(Upload.id).desc()).limit(limit))).all()


async def get_run(session: AsyncSession, *, brand_id: uuid.UUID, kind: str, run_id: uuid.UUID) -> ImportRun | None:
    found = await session.get(ImportRun, (brand_id, run_id))
    return found if found is not None and found.kind == kind else None


async def run_of_file(
    session: AsyncSession, *, brand_id: uuid.UUID, kind: str, scope: str, file_sha256: str, mapping_sha256: str
) -> ImportRun | None:
    """The newest run of this very file and mapping in this scope."""
    statement = (
        select(ImportRun)
        .where(
            col(ImportRun.brand_id) == brand_id,
            col(ImportRun.kind) == kind,
            col(ImportRun.file_sha256) == file_sha256,
            col(ImportRun.mapping_sha256) == mapping_sha256,
            col(ImportRun.scope) == scope,
        )
        .order_by(col(ImportRun.id).desc())
        .limit(1)
    )
    return (await session.exec(statement)).first()
