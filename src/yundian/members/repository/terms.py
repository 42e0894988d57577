"""The brand's own texts that members agree to; the newest is the one that counts."""

import datetime as dt
import uuid

import msgspec

from yundian.members.types import TermsView
from yundian.platform.outbox.door import Door, brand_of, fetch

_FIELDS = TermsView.__struct_fields__


async def newest(door: Door) -> TermsView | None:
    sql = f"SELECT {', '.join(_FIELDS)} FROM members_terms WHERE brand_id = $1 ORDER BY number DESC LIMIT 1"  # noqa: S608
    rows = await fetch(door, sql, brand_of(door))
    return msgspec.convert(dict(zip(_FIELDS, rows[0], strict=True)), TermsView) if rows else None


async def add(
    door: Door, *, terms_id: uuid.UUID, terms: TermsView, actor_id: uuid.UUID | None, now: dt.datetime
) -> bool:
    """Whether the number was free: two people publish one after the other, never over each other."""
    sql = (
        "INSERT INTO members_terms (brand_id, id, created_at, number, text_version, text_zh, text_en, actor_id)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (brand_id, number) DO NOTHING RETURNING id"
    )
    values = (terms_id, now, terms.number, terms.text_version, terms.text_zh, terms.text_en, actor_id)
    return bool(await fetch(door, sql, brand_of(door), *values))
