"""The statements of gathering: records wait until all of their document are there."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from yundian.platform.db.database import Tx

_MOST_ROWS = 4_096


@dataclass(frozen=True, slots=True)
class Piece:
    """Some records of one document, as the file has them near each other; ``line`` is the first one's."""

    key: str
    line: int
    records: int
    payload: bytes


async def stage(tx: Tx, *, run_id: uuid.UUID, pieces: Sequence[Piece]) -> None:
    """Keep some records of documents."""
    await tx.execute(
        "INSERT INTO intake_staged (brand_id, run_id, key, line, records, payload)"
        " SELECT $1, $2, w.key, w.line, w.records, w.payload"
        " FROM unnest($3::text[], $4::bigint[], $5::bigint[], $6::bytea[]) AS w(key, line, records, payload)",
        tx.brand,
        run_id,
        [piece.key for piece in pieces],
        [piece.line for piece in pieces],
        [piece.records for piece in pieces],
        [piece.payload for piece in pieces],
    )


async def advance_gathering(
    tx: Tx, *, run_id: uuid.UUID, expected: int, lines: int, quarantined: int, bytes_read: int
) -> bool:
    """Count what was gathered; false when another process did in between. The quarantined are of no document."""
    status = await tx.execute(
        "UPDATE intake_run SET lines_read = lines_read + $4, records_read = records_read + $5,"
        " quarantined = quarantined + $5, bytes_read = $6"
        " WHERE brand_id = $1 AND id = $2 AND lines_read = $3 AND NOT is_gathered AND state = 'running'",
        tx.brand,
        run_id,
        expected,
        lines,
        quarantined,
        bytes_read,
    )
    return status == "UPDATE 1"


async def end_gathering(tx: Tx, *, run_id: uuid.UUID) -> int | None:
    """The whole file was read: how many documents it makes in all; None when another process ended it."""
    documents: int | None = await tx.fetchval(
        "UPDATE intake_run SET is_gathered = true, documents = records_read + ("
        "  SELECT count(DISTINCT key) FROM intake_staged WHERE brand_id = $1 AND run_id = $2)"
        " WHERE brand_id = $1 AND id = $2 AND NOT is_gathered AND state = 'running' RETURNING documents",
        tx.brand,
        run_id,
    )
    return documents


async def pieces_after(tx: Tx, *, run_id: uuid.UUID, key: str, line: int, max_bytes: int) -> list[Piece]:
    """The next pieces in the order of their documents, as many as fit; at least one where there is one."""
    rows = await tx.fetch(
        "SELECT key, line, records, payload FROM (SELECT s.*,"
        "  sum(octet_length(payload)) OVER (ORDER BY key, line) - octet_length(payload) AS before"
        "  FROM (SELECT key, line, records, payload FROM intake_staged WHERE brand_id = $1 AND run_id = $2"
        "   AND (key, line) > ($3, $4) ORDER BY key, line LIMIT $6) AS s) AS w"
        " WHERE before < $5 ORDER BY key, line",
        tx.brand,
        run_id,
        key,
        line,
        max_bytes,
        _MOST_ROWS,
    )
    return [Piece(row["key"], row["line"], row["records"], row["payload"]) for row in rows]
