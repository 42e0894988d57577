"""Sales channels, and what came in through them as it was received."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from yundian.channels.states import ChannelKind, InboxState
from yundian.channels.types import DocumentKind
from yundian.platform.db.base import (
    EditableRow,
    Row,
    brand_key,
    brand_reference,
    currency_code,
    minor_units,
    text_enum,
)


class Channel(EditableRow, table=True):
    """Where orders come from that are not placed in this house."""

    __tablename__ = "channels_channel"
    __table_args__ = (
        brand_key("code"),
        sa.CheckConstraint("code ~ '^[a-z][a-z0-9_]{0,31}$'", name="code"),
        sa.CheckConstraint("name_zh <> '' AND name_en <> ''", name="named"),
    )

    code: str = Field(sa_type=sa.String(32))
    name_zh: str = Field(sa_type=sa.String(80))
    name_en: str = Field(sa_type=sa.String(80))
    kind: ChannelKind = Field(sa_type=text_enum(ChannelKind))
    # Where a document names no shop: in which zone its day is.
    time_zone: str = Field(sa_type=sa.String(64))
    currency: str = currency_code()
    is_active: bool = True


class Document(Row, table=True):
    """A document as it was received: each content once. ``is_current``: what its order or return says now.

    ``subject_id`` is that order or return, ``member_id`` whom its verified identities name. Amounts are what the
    document says, positive for a refund. Without ``run_id`` it came over HTTP.
    ``raw_sealed`` is its text as it came, which names people.
    """

    __tablename__ = "channels_document"
    __table_args__ = (
        brand_key("channel", "external_shop", "external_id", "content_hash", name="uq_channels_document_content"),
        sa.Index("ix_channels_document_kind", "brand_id", "channel", "kind", "id"),
        sa.Index("ix_channels_document_occurred", "brand_id", "channel", "occurred_at"),
        sa.Index(
            "ix_channels_document_not_applied",
            "brand_id",
            "state",
            "id",
            postgresql_where=sa.text("state <> 'applied'"),
        ),
        sa.Index(
            "ix_channels_document_different",
            "brand_id",
            "channel",
            "id",
            postgresql_where=sa.text("is_different AND is_current"),
        ),
    )

    channel: str = Field(sa_type=sa.String(32))
    external_shop: str = Field(sa_type=sa.String(64))
    external_id: str = Field(sa_type=sa.String(120))
    content_hash: bytes = Field(sa_type=sa.LargeBinary)
    version: int | None = Field(default=None, sa_type=sa.BigInteger)
    updated_at: dt.datetime | None = None
    kind: DocumentKind = Field(sa_type=text_enum(DocumentKind, 16))
    state: InboxState = Field(sa_type=text_enum(InboxState, 16))
    is_current: bool
    subject_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    occurred_at: dt.datetime
    amount_minor: int = minor_units()
    currency: str = currency_code()
    is_different: bool = False
    run_id: uuid.UUID | None = None
    line: int = 0
    raw_sealed: bytes = Field(sa_type=sa.LargeBinary)


class Claim(SQLModel, table=True):
    """An identity that a document names and nobody has proven: a keyed hash. Credited once, to who proves it."""

    __tablename__ = "channels_claim"
    __table_args__ = (
        brand_reference("member_id", "members_member"),
        sa.Index(
            "ix_channels_claim_open", "brand_id", "value_hash", postgresql_where=sa.text("member_id IS NULL")
        ),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    channel: str = Field(primary_key=True, sa_type=sa.String(32))
    external_shop: str = Field(primary_key=True, sa_type=sa.String(64))
    external_id: str = Field(primary_key=True, sa_type=sa.String(120))
    kind: str = Field(primary_key=True, sa_type=sa.String(32))
    scope: str = Field(primary_key=True, sa_type=sa.String(64))
    value_hash: bytes = Field(primary_key=True, sa_type=sa.LargeBinary)
    created_at: dt.datetime
    member_id: uuid.UUID | None = None
    credited_at: dt.datetime | None = None
