"""Tables of files that are looked at before they are brought in: what is in them, what HQ says their words mean,
and what was made of them."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from yundian.platform.db.base import Row


class Survey(Row, table=True):
    """One look at an uploaded file, whose scope is this row's id. ``next_upload_id``: what came of it.

    ``found`` (sealed: it quotes the file) goes when the file does; ``layout``, which column is which, is
    remembered for the next file with the same names of columns (``header_hash``).
    """

    __tablename__ = "appointments_import_survey"
    __table_args__ = (
        sa.Index(None, "brand_id", "header_hash", "id"),
        sa.Index(None, "brand_id", "next_upload_id"),
        # What is forgotten next.
        sa.Index(
            "ix_appointments_import_survey_found",
            "brand_id",
            "created_at",
            postgresql_where=sa.text("found IS NOT NULL"),
        ),
    )

    mapping: str = Field(default="", sa_type=sa.Text)
    header_hash: str = Field(default="", sa_type=sa.String(64))
    layout: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
    rows_read: int = Field(default=0, sa_type=sa.BigInteger)
    permille: int = 0
    found: bytes | None = Field(default=None, sa_type=sa.LargeBinary)
    next_upload_id: uuid.UUID | None = None
    is_import: bool = False


class ImportWord(SQLModel, table=True):
    """What a word of another system's files means here: ``means`` is an id, or a state.

    ``source`` is the mapping's name; ``within`` is the shop in which somebody is called so, else zero.
    """

    __tablename__ = "appointments_import_word"
    __table_args__ = (sa.Index(None, "brand_id", "means"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    source: str = Field(primary_key=True, sa_type=sa.String(80))
    kind: str = Field(primary_key=True, sa_type=sa.String(8))
    within: uuid.UUID = Field(primary_key=True)
    said: str = Field(primary_key=True, sa_type=sa.String(160))
    means: str = Field(sa_type=sa.String(40))
    created_at: dt.datetime
    account_id: uuid.UUID | None = None


class ImportDraft(SQLModel, table=True):
    """A shop, service or person that was made of a file's words: nothing of it can be booked until HQ confirms.

    ``rows`` of the file named it, from ``first_day`` to ``last_day``.
    """

    __tablename__ = "appointments_import_draft"
    __table_args__ = (sa.Index(None, "brand_id", "survey_id"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    made_id: uuid.UUID = Field(primary_key=True)
    kind: str = Field(sa_type=sa.String(8))
    survey_id: uuid.UUID
    created_at: dt.datetime
    rows: int = Field(default=0, sa_type=sa.BigInteger)
    first_day: dt.date | None = None
    last_day: dt.date | None = None
    confirmed_at: dt.datetime | None = None
