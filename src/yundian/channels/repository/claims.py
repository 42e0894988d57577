"""Identities that documents name and nobody has proven: kept as keyed hashes, credited once."""

import datetime as dt
import uuid
from collections.abc import Collection, Mapping

from yundian.channels.rules import Claimed, Identity, Key
from yundian.platform.db.database import Tx

_ADD = """
INSERT INTO channels_claim (brand_id, created_at, channel, external_shop, external_id, kind, scope, value_hash)
SELECT $1, $2, * FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[])
ON CONFLICT DO NOTHING
"""
_OPEN = """
SELECT DISTINCT kind, scope, value_hash FROM channels_claim
WHERE brand_id = $1 AND member_id IS NULL AND value_hash = ANY($2::bytea[])
"""
_CREDIT = """
UPDATE channels_claim c SET member_id = o.member_id, credited_at = $2
FROM unnest($3::text[], $4::text[], $5::bytea[], $6::uuid[]) AS o (kind, scope, value_hash, member_id)
WHERE c.brand_id = $1 AND c.member_id IS NULL AND c.value_hash = o.value_hash AND c.kind = o.kind
    AND c.scope = o.scope
RETURNING c.channel, c.external_shop, c.external_id
"""
_CREDITED = """
SELECT c.channel, c.external_shop, c.external_id, c.kind, c.scope, c.value_hash, c.member_id
FROM unnest($2::text[], $3::text[], $4::text[]) AS k (channel, shop, external_id)
CROSS JOIN LATERAL (SELECT * FROM channels_claim WHERE brand_id = $1 AND channel = k.channel
    AND external_shop = k.shop AND external_id = k.external_id OFFSET 0) AS c
WHERE c.member_id IS NOT NULL
"""


async def has_any(tx: Tx) -> bool:
    """Whether the brand has claims at all: most never have."""
    found: bool = await tx.fetchval("SELECT EXISTS (SELECT FROM channels_claim WHERE brand_id = $1)", tx.brand)
    return found


async def add(tx: Tx, *, claims: Collection[tuple[Key, Identity]], now: dt.datetime) -> None:
    """Keep them; known ones stay as they are."""
    rows = [(*key, *identity) for key, identity in claims]
    await tx.execute(_ADD, tx.brand, now, *map(list, zip(*rows, strict=True)))


async def open_among(tx: Tx, *, hashes: Collection[bytes]) -> list[Identity]:
    """What of this is claimed and not credited."""
    return [tuple(row) for row in await tx.fetch(_OPEN, tx.brand, list(hashes))]


async def credit(tx: Tx, *, owners: Mapping[Identity, uuid.UUID], now: dt.datetime) -> set[Key]:
    """Give open claims to whoever proved them, once; the keys of the documents."""
    kinds, scopes, hashes = map(list, zip(*owners, strict=True))
    rows = await tx.fetch(_CREDIT, tx.brand, now, kinds, scopes, hashes, list(owners.values()))
    return {(row[0], row[1], row[2]) for row in rows}


async def credited(tx: Tx, *, keys: Collection[Key]) -> list[Claimed]:
    """The credited claims of these documents."""
    rows = await tx.fetch(_CREDITED, tx.brand, *map(list, zip(*keys, strict=True)))
    return [Claimed((row[0], row[1], row[2]), (row[3], row[4], row[5]), row[6]) for row in rows]
