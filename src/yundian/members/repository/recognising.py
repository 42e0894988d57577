"""Identities by the thousand: whose they are, and new ones with the members they make."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

from yundian.members.repository.people import Sealed
from yundian.members.types import IdentityKind
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

# What an identity is found by.
Key = tuple[IdentityKind, str, bytes]

# One look into the index for each, whatever the planner believes of tables that it never counted.
_OWNERS = """
SELECT i.kind, i.scope, i.value_hash, i.member_id, m.is_active
FROM unnest($2::text[], $3::text[], $4::bytea[]) AS k (kind, scope, value_hash)
CROSS JOIN LATERAL (SELECT kind, scope, value_hash, member_id FROM members_identity
    WHERE brand_id = $1 AND kind = k.kind AND scope = k.scope AND value_hash = k.value_hash AND ended_at IS NULL
    LIMIT 1) AS i
CROSS JOIN LATERAL (SELECT status = 'active' AS is_active FROM members_member
    WHERE brand_id = $1 AND id = i.member_id LIMIT 1) AS m
"""

# Identities in the order they come: everybody takes them in the same one, so nobody waits in a circle. A member is
# made only by an identity that was really hers.
_ADD = """
WITH taken AS (
    INSERT INTO members_identity
        (brand_id, id, created_at, member_id, kind, scope, value_hash, value_sealed, verified_at)
    SELECT $1, n.id, $2, n.member_id, n.kind, n.scope, n.value_hash, n.value_sealed, $2
    FROM unnest($3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::bytea[], $8::bytea[])
        WITH ORDINALITY AS n (id, member_id, kind, scope, value_hash, value_sealed, place)
    ORDER BY n.place
    ON CONFLICT (brand_id, kind, scope, value_hash) WHERE ended_at IS NULL DO NOTHING
    RETURNING member_id, kind, scope, value_hash
), made AS (
    INSERT INTO members_member
        (brand_id, id, created_at, updated_at, version, nickname, picture_url, status, joined_via)
    SELECT DISTINCT $1, t.member_id, $2, $2, 1, '', '', 'active', 'import'
    FROM taken t JOIN unnest($9::uuid[]) AS fresh (id) ON fresh.id = t.member_id
)
SELECT kind, scope, value_hash, member_id FROM taken
"""

# Of this transaction alone: nobody else has seen them.
_FOLD = """
WITH folded AS (
    UPDATE members_identity i SET member_id = k.into_id FROM unnest($2::uuid[], $3::uuid[]) AS k (from_id, into_id)
    WHERE i.brand_id = $1 AND i.member_id = k.from_id
)
DELETE FROM members_member WHERE brand_id = $1 AND id = ANY($2::uuid[])
"""


async def owners(tx: Tx, *, keys: Sequence[Key]) -> dict[Key, tuple[uuid.UUID, bool]]:
    """Whose each identity is, and whether that member is active; unknown ones are left out."""
    kinds, scopes = [key[0].value for key in keys], [key[1] for key in keys]
    rows = await tx.fetch(_OWNERS, tx.brand, kinds, scopes, [key[2] for key in keys])
    return {(IdentityKind(row[0]), row[1], row[2]): (row[3], row[4]) for row in rows}


async def add(
    tx: Tx, *, identities: Sequence[tuple[Sealed, uuid.UUID]], fresh: Sequence[uuid.UUID], now: dt.datetime
) -> dict[Key, uuid.UUID]:
    """Give identities to members, of whom the ``fresh`` are made; what somebody has already is left out."""
    sealed = [identity for identity, _ in identities]
    rows = await tx.fetch(
        _ADD,
        tx.brand,
        now,
        [new_id() for _ in identities],
        [member_id for _, member_id in identities],
        [one.kind.value for one in sealed],
        [one.scope for one in sealed],
        [one.value_hash for one in sealed],
        [one.value_sealed for one in sealed],
        list(fresh),
    )
    return {(IdentityKind(row[0]), row[1], row[2]): row[3] for row in rows}


async def fold(tx: Tx, *, members: Mapping[uuid.UUID, uuid.UUID]) -> None:
    """Members made a moment ago, in this transaction, turn out to be others: their identities are those'."""
    await tx.execute(_FOLD, tx.brand, list(members), list(members.values()))
