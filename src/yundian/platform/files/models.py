"""The tables of files that people bring in.

They are named by the room that had such files first: the release before would not find what is renamed.
"""

import datetime as dt
import uuid
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from yundian.platform.db.base import Row, brand_reference, text_enum


class UploadState(StrEnum):
    """Where an uploaded file stands. Only a file that ended can be tried again."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Upload(Row, table=True):
    """A file that a person brought in, for a worker to read. Who works on it holds it until ``held_until``."""

    __tablename__ = "channels_upload"
    __table_args__ = (
        sa.Index("ix_channels_upload_kept", "brand_id", "is_kept", "created_at"),
        sa.Index("ix_channels_upload_run", "brand_id", "run_id"),
        sa.CheckConstraint("file_bytes >= 0", name="bytes"),
    )

    # Whose files these are (``types.FileKind``), and what within the kind they are for.
    kind: str = Field(sa_type=sa.String(40), sa_column_kwargs={"server_default": "channels.orders"})
    scope: str = Field(sa_column=sa.Column("channel", sa.String(32), nullable=False))
    file_name: str = Field(sa_type=sa.String(255))
    file_bytes: int = Field(sa_type=sa.BigInteger)
    file_sha256: str = Field(sa_type=sa.CHAR(64))
    mapping: str = Field(sa_type=sa.Text)
    state: UploadState = Field(default=UploadState.WAITING, sa_type=text_enum(UploadState))
    # No key: a run may be gone before the memory of its file is.
    run_id: uuid.UUID | None = None
    account_id: uuid.UUID | None = None
    attempts: int = 0
    held_until: dt.datetime | None = None
    error_code: str = Field(default="", sa_type=sa.String(80))
    error_reason: str = Field(default="", sa_type=sa.String(1000))
    ended_at: dt.datetime | None = None
    # False: the file's bytes were removed.
    is_kept: bool = True


class UploadChunk(SQLModel, table=True):
    """A sealed piece of an uploaded file; any worker puts them together again."""

    __tablename__ = "channels_upload_chunk"
    __table_args__ = (brand_reference("upload_id", "channels_upload", ondelete="CASCADE"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    upload_id: uuid.UUID = Field(primary_key=True)
    number: int = Field(primary_key=True)
    data: bytes = Field(sa_type=sa.LargeBinary)
