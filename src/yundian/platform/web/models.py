"""The answers already given to idempotent requests."""

import datetime as dt

import sqlalchemy as sa
from sqlmodel import Field

from yundian.platform.db.base import Row, brand_key


class IdempotencyKey(Row, table=True):
    """One request that carried an Idempotency-Key, and its answer; written in the transaction of its effects."""

    __tablename__ = "web_idempotency"
    __table_args__ = (
        brand_key("caller", "operation", "key_hash"),
        sa.Index(None, "brand_id", "expires_at"),
    )

    caller: str = Field(sa_type=sa.String(64))
    operation: str = Field(sa_type=sa.String(120))
    key_hash: bytes
    request_hash: bytes
    status: int = 0
    answer: bytes = Field(default=b"", description="encrypted: it may hold personal data")
    expires_at: dt.datetime
