"""Import runs and what they could not take in."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from yundian.platform.db.base import Row, brand_key, brand_reference, text_enum


class RunState(StrEnum):
    """``running`` also stands after a ``kill -9``; importing the same file again resumes all but ``finished``."""

    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class QuarantineState(StrEnum):
    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


def _count() -> Any:
    return Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})


class ImportRun(Row, table=True):
    """One reading of one file. Counts move with each committed batch, so that a run resumes where it stopped.

    ``scope`` is what beside the kind the file is for (a channel). Where several records make a document, they are
    gathered first: ``lines_read`` of the file stand in ``intake_staged``; then ``records_read`` of ``documents``
    are through, up to ``last_key``. ``tally`` holds the room's own counts.
    """

    __tablename__ = "intake_run"
    __table_args__ = (
        sa.Index("ix_intake_run_same_file", "brand_id", "kind", "file_sha256", "mapping_sha256"),
        sa.Index("ix_intake_run_kind", "brand_id", "kind", "id"),
    )

    kind: str = Field(sa_type=sa.String(40))
    file_name: str = Field(sa_type=sa.String(255))
    # Keyed (``sealing.file_known_by``).
    file_sha256: str = Field(sa_type=sa.CHAR(64))
    mapping_name: str = Field(sa_type=sa.String(80))
    mapping_sha256: str = Field(sa_type=sa.CHAR(64))
    mapping: str = Field(sa_type=sa.Text)
    state: RunState = Field(default=RunState.RUNNING, sa_type=text_enum(RunState))
    records_read: int = Field(default=0, sa_type=sa.BigInteger)
    applied: int = Field(default=0, sa_type=sa.BigInteger)
    unchanged: int = Field(default=0, sa_type=sa.BigInteger)
    quarantined: int = Field(default=0, sa_type=sa.BigInteger)
    error: str = Field(default="", sa_type=sa.String(500))
    finished_at: dt.datetime | None = None
    scope: str = Field(default="", sa_type=sa.String(80), sa_column_kwargs={"server_default": ""})
    file_bytes: int = _count()
    bytes_read: int = _count()
    lines_read: int = _count()
    documents: int = _count()
    is_gathered: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    last_key: str = Field(default="", sa_type=sa.String(200), sa_column_kwargs={"server_default": ""})
    tally: dict[str, int] = Field(default_factory=dict, sa_type=JSONB, sa_column_kwargs={"server_default": "{}"})

    @property
    def share(self) -> float:
        """How much of the work is done, 0 to 1. Gathering counts as a quarter of it."""
        if self.state is RunState.FINISHED:
            return 1.0
        if self.documents:
            return 0.25 + 0.75 * min(1.0, self.records_read / self.documents)
        whole = 0.25 if self.is_gathered or self.lines_read else 1.0
        return whole * min(1.0, self.bytes_read / self.file_bytes) if self.file_bytes else 0.0


class Quarantined(Row, table=True):
    """A record that was not taken in, with the place and the reason. The same content is kept once.

    ``raw`` and ``source`` stand sealed; the release before wrote them open. The repository opens what it reads.
    ``content_hash`` is keyed: a short record could be guessed from a plain one.
    """

    __tablename__ = "intake_quarantine"
    __table_args__ = (
        brand_key("kind", "content_hash"),
        brand_reference("run_id", "intake_run", ondelete="CASCADE"),
        sa.Index("ix_intake_quarantine_state", "brand_id", "kind", "state", "id"),
        sa.Index("ix_intake_quarantine_run", "brand_id", "run_id", "id"),
        sa.Index(
            "ix_intake_quarantine_unsealed", "brand_id", "id", postgresql_where=sa.text("raw_sealed IS NULL")
        ),
    )

    run_id: uuid.UUID
    kind: str = Field(sa_type=sa.String(40))
    line: int = Field(sa_type=sa.BigInteger)
    column_name: str = Field(default="", sa_type=sa.String(200))
    code: str = Field(sa_type=sa.String(80))
    reason: str = Field(sa_type=sa.String(1000))
    # The words of ``reason`` and what stands in them, where it quotes something; none: it is a msgid itself.
    told: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    raw: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": ""})
    source: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    raw_sealed: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    source_sealed: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    content_hash: bytes = Field(sa_type=sa.LargeBinary)
    state: QuarantineState = Field(default=QuarantineState.OPEN, sa_type=text_enum(QuarantineState))
    settled_at: dt.datetime | None = None


class SeenKey(SQLModel, table=True):
    """The keys a running import has met, so that a file of any size is checked for doubles; emptied at its end."""

    __tablename__ = "intake_key"
    __table_args__ = (brand_reference("run_id", "intake_run", ondelete="CASCADE"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    run_id: uuid.UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=sa.String(200))
    line: int = Field(sa_type=sa.BigInteger)
    content_hash: bytes = Field(sa_type=sa.LargeBinary)


class StagedRecords(SQLModel, table=True):
    """Records of one document, as they stand near each other in the file; emptied at the run's end.

    ``payload`` is a list of the records with their lines (``gathering.Gathered``), sealed. ``key`` names the
    document.
    """

    __tablename__ = "intake_staged"
    __table_args__ = (brand_reference("run_id", "intake_run", ondelete="CASCADE"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    run_id: uuid.UUID = Field(primary_key=True)
    key: str = Field(primary_key=True, sa_type=sa.String(200, collation="C"))
    line: int = Field(primary_key=True, sa_type=sa.BigInteger)
    records: int = Field(sa_type=sa.BigInteger)
    payload: bytes = Field(sa_type=sa.LargeBinary)
