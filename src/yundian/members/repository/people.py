"""The statements of members. Sign-ins are a hot path and speak asyncpg; HQ's set-up goes through the session."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.members.models import WeChatApp
from yundian.members.states import MemberStatus
from yundian.members.types import AppKind, IdentityKind, JoinedVia
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch, run


@dataclass(frozen=True, slots=True)
class Sealed:
    """An identity as it is stored."""

    kind: IdentityKind
    scope: str
    value_hash: bytes
    value_sealed: bytes = field(repr=False)


_OWNERS = """
SELECT i.kind, i.scope, i.member_id, m.status
FROM unnest($2::text[], $3::text[], $4::bytea[]) AS k (kind, scope, value_hash)
JOIN members_identity i ON i.brand_id = $1 AND i.kind = k.kind AND i.scope = k.scope
    AND i.value_hash = k.value_hash AND i.ended_at IS NULL
JOIN members_member m ON m.brand_id = i.brand_id AND m.id = i.member_id
"""

# The identity first: whoever gets it makes the member, and whoever comes second makes nothing.
_JOIN = """
WITH taken AS (
    INSERT INTO members_identity
        (brand_id, id, created_at, member_id, kind, scope, value_hash, value_sealed, verified_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $3)
    ON CONFLICT (brand_id, kind, scope, value_hash) WHERE ended_at IS NULL DO NOTHING
    RETURNING member_id
)
INSERT INTO members_member
    (brand_id, id, created_at, updated_at, version, nickname, picture_url, status, joined_via)
SELECT $1, member_id, $3, $3, 1, '', '', 'active', $9 FROM taken RETURNING id
"""

_ATTACH = """
INSERT INTO members_identity
    (brand_id, id, created_at, member_id, kind, scope, value_hash, value_sealed, verified_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $3)
ON CONFLICT (brand_id, kind, scope, value_hash) WHERE ended_at IS NULL DO NOTHING RETURNING id
"""

_NAME = """
UPDATE members_member SET nickname = $3, picture_url = $4, updated_at = $5, version = version + 1
WHERE brand_id = $1 AND id = $2 AND (nickname, picture_url) IS DISTINCT FROM ($3, $4)
"""

_CONSENT = """
INSERT INTO members_consent (brand_id, id, created_at, member_id, document, text_version, via)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (brand_id, member_id, document, text_version) DO NOTHING
"""

_REACHES = """
SELECT m.id, m.status, m.locale, i.kind, i.scope, i.value_sealed
FROM members_member m
LEFT JOIN members_identity i ON i.brand_id = m.brand_id AND i.member_id = m.id AND i.ended_at IS NULL
    AND i.kind IN ('phone', 'openid')
WHERE m.brand_id = $1 AND m.id = ANY($2::uuid[]) ORDER BY m.id, i.id
"""

_MEMBER = """
SELECT m.id, m.nickname, m.picture_url, m.status, m.joined_via, m.created_at,
    (SELECT value_sealed FROM members_identity WHERE brand_id = $1 AND member_id = m.id AND kind = 'phone'
        AND ended_at IS NULL ORDER BY id LIMIT 1) AS phone_sealed,
    EXISTS (SELECT FROM members_identity WHERE brand_id = $1 AND member_id = m.id AND kind = 'openid'
        AND ended_at IS NULL) AS has_wechat,
    EXISTS (SELECT FROM members_consent WHERE brand_id = $1 AND member_id = m.id AND document = $3
        AND text_version = $4) AS has_agreed
FROM members_member m WHERE m.brand_id = $1 AND m.id = $2
"""

# One row a key; a refused ask changes nothing, so that asking again and again does not push the time away.
_QUOTA = """
INSERT INTO members_sms_quota AS q (brand_id, id, created_at, key_hash, sent, day_at, last_at)
VALUES ($1, $2, $3, $4, 1, $3, $3)
ON CONFLICT (brand_id, key_hash) DO UPDATE SET
    sent = CASE WHEN q.day_at > $3 - $7::interval THEN q.sent + 1 ELSE 1 END,
    day_at = CASE WHEN q.day_at > $3 - $7::interval THEN q.day_at ELSE $3 END,
    last_at = $3
WHERE q.last_at <= $3 - $5::interval AND (q.sent < $6 OR q.day_at <= $3 - $7::interval)
RETURNING sent
"""

_CLAIM_TRY = """
UPDATE members_sms_code SET tries = tries + 1
WHERE brand_id = $1 AND id = $2 AND (used_at IS NULL OR used_at > $5) AND expires_at > $3 AND tries < $4
RETURNING code_hash
"""

_USE_CODE = """
UPDATE members_sms_code SET used_at = coalesce(used_at, $3)
WHERE brand_id = $1 AND id = $2 AND (used_at IS NULL OR used_at > $4) AND expires_at > $3 RETURNING id
"""

_USE_STATE = """
INSERT INTO members_used_state (brand_id, id, created_at, state_hash) VALUES ($1, $2, $3, $4)
ON CONFLICT (brand_id, state_hash) DO NOTHING RETURNING id
"""

_ADD_EVENT = """
INSERT INTO members_wechat_event
    (brand_id, id, created_at, app_id, ref_hash, kind, openid_hash, openid_sealed, scene, happened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (brand_id, app_id, ref_hash) DO NOTHING RETURNING id
"""


async def owners(tx: Tx, *, identities: Sequence[Sealed]) -> list[asyncpg.Record]:
    """The members that these identities are, at most one each."""
    kinds, scopes = [i.kind.value for i in identities], [i.scope for i in identities]
    return await tx.fetch(_OWNERS, tx.brand, kinds, scopes, [i.value_hash for i in identities])


async def join(tx: Tx, *, identity: Sealed, via: JoinedVia, now: dt.datetime) -> uuid.UUID | None:
    """A new member with this identity; ``None`` when somebody has it (waits for who is taking it now)."""
    i = identity
    found: uuid.UUID | None = await tx.fetchval(
        _JOIN, tx.brand, new_id(), now, new_id(), i.kind.value, i.scope, i.value_hash, i.value_sealed, via.value
    )
    return found


async def attach(tx: Tx, *, member_id: uuid.UUID, identity: Sealed, now: dt.datetime) -> bool:
    """Whether nobody had the identity."""
    i = identity
    args = (tx.brand, new_id(), now, member_id, i.kind.value, i.scope, i.value_hash, i.value_sealed)
    return await tx.fetchval(_ATTACH, *args) is not None


async def lock_member(tx: Tx, *, member_id: uuid.UUID) -> MemberStatus | None:
    """The member's state; until this transaction ends nobody else binds something to her."""
    query = "SELECT status FROM members_member WHERE brand_id = $1 AND id = $2 FOR NO KEY UPDATE"
    found = await tx.fetchval(query, tx.brand, member_id)
    return None if found is None else MemberStatus(found)


async def phone_hashes(tx: Tx, *, member_id: uuid.UUID) -> set[bytes]:
    """The phones of a member."""
    query = (
        "SELECT value_hash FROM members_identity"
        " WHERE brand_id = $1 AND member_id = $2 AND kind = 'phone' AND ended_at IS NULL"
    )
    return {row["value_hash"] for row in await tx.fetch(query, tx.brand, member_id)}


async def owner_of(tx: Tx, *, identity: Sealed) -> uuid.UUID | None:
    rows = await owners(tx, identities=[identity])
    return rows[0]["member_id"] if rows else None


async def openid_sealed(tx: Tx, *, member_id: uuid.UUID, app_id: str) -> bytes | None:
    """The newest of the member's openids in an app."""
    query = (
        "SELECT value_sealed FROM members_identity WHERE brand_id = $1 AND member_id = $2 AND kind = 'openid'"
        " AND scope = $3 AND ended_at IS NULL ORDER BY id DESC LIMIT 1"
    )
    found: bytes | None = await tx.fetchval(query, tx.brand, member_id, app_id)
    return found


async def name_member(tx: Tx, *, member_id: uuid.UUID, nickname: str, picture_url: str, now: dt.datetime) -> None:
    await tx.execute(_NAME, tx.brand, member_id, nickname, picture_url, now)


async def add_consent(
    door: Door, *, member_id: uuid.UUID, document: str, text_version: str, via: JoinedVia, now: dt.datetime
) -> None:
    """Note that a member agreed; the first time counts."""
    await run(door, _CONSENT, brand_of(door), new_id(), now, member_id, document, text_version, via.value)


async def agreed(door: Door, *, ids: Sequence[uuid.UUID], document: str, text_version: str) -> set[uuid.UUID]:
    """Which of the members agreed to the text in this version."""
    query = (
        "SELECT member_id FROM members_consent"
        " WHERE brand_id = $1 AND member_id = ANY($2::uuid[]) AND document = $3 AND text_version = $4"
    )
    return {row[0] for row in await fetch(door, query, brand_of(door), list(ids), document, text_version)}


async def reaches(door: Door, *, ids: Sequence[uuid.UUID]) -> Sequence[Sequence[Any]]:
    """Id and status of members, with kind, scope and sealed value of each phone and openid, the newest last."""
    return await fetch(door, _REACHES, brand_of(door), list(ids))


async def speak(door: Door, *, member_id: uuid.UUID, locale: str, is_guess: bool) -> None:
    """Her language from now on; a guess replaces nothing."""
    query = (
        "UPDATE members_member SET locale = $3 WHERE brand_id = $1 AND id = $2 AND locale <> $3"
        " AND (locale = '' OR NOT $4)"
    )
    await run(door, query, brand_of(door), member_id, locale, is_guess)


async def owner_of_phone(door: Door, *, value_hash: bytes) -> uuid.UUID | None:
    query = (
        "SELECT member_id FROM members_identity WHERE brand_id = $1 AND kind = 'phone' AND scope = ''"
        " AND value_hash = $2 AND ended_at IS NULL"
    )
    rows = await fetch(door, query, brand_of(door), value_hash)
    found: uuid.UUID | None = rows[0][0] if rows else None
    return found


async def member(tx: Tx, *, member_id: uuid.UUID, document: str, text_version: str) -> asyncpg.Record | None:
    """The member with her sealed phone, and whether she agreed to the text."""
    return await tx.fetchrow(_MEMBER, tx.brand, member_id, document, text_version)


async def count_code(
    tx: Tx, *, key_hash: bytes, gap: dt.timedelta, per_day: int, day: dt.timedelta, now: dt.datetime
) -> dt.datetime | None:
    """Count one message; the time from which the next may go if this one may not."""
    args = (tx.brand, new_id(), now, key_hash, gap, per_day, day)
    if await tx.fetchval(_QUOTA, *args) is not None:
        return None
    query = "SELECT sent, day_at, last_at FROM members_sms_quota WHERE brand_id = $1 AND key_hash = $2"
    row = await tx.fetchrow(query, tx.brand, key_hash)
    if row is None:
        return now + gap
    is_spent = row["sent"] >= per_day and row["day_at"] > now - day
    until: dt.datetime = row["day_at"] + day if is_spent else row["last_at"] + gap
    return until


async def forgive_gap(tx: Tx, *, key_hash: bytes, gap: dt.timedelta) -> None:
    """The message did not go: the next may at once. The day's count stays."""
    await tx.execute(
        "UPDATE members_sms_quota SET last_at = last_at - $3::interval WHERE brand_id = $1 AND key_hash = $2",
        tx.brand, key_hash, gap,
    )  # fmt: skip


async def add_code(
    tx: Tx, *, code_id: uuid.UUID, phone_hash: bytes, code_hash: bytes, now: dt.datetime, expires_at: dt.datetime
) -> None:
    await tx.execute(
        "INSERT INTO members_sms_code (brand_id, id, created_at, phone_hash, code_hash, expires_at, tries)"
        " VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT (brand_id, id) DO UPDATE"
        " SET code_hash = EXCLUDED.code_hash, expires_at = EXCLUDED.expires_at, tries = 0, used_at = NULL",
        tx.brand, code_id, now, phone_hash, code_hash, expires_at,
    )  # fmt: skip


async def is_code_open(tx: Tx, *, code_id: uuid.UUID, now: dt.datetime) -> bool:
    """Whether a code may still be entered."""
    query = "SELECT true FROM members_sms_code WHERE brand_id = $1 AND id = $2 AND expires_at > $3"
    return bool(await tx.fetchval(f"{query} AND used_at IS NULL", tx.brand, code_id, now))


async def claim_try(
    tx: Tx, *, code_id: uuid.UUID, now: dt.datetime, max_tries: int, same_tap: dt.timedelta
) -> bytes | None:
    """Count one try before the code is looked at; its hash if it may be tried."""
    found: bytes | None = await tx.fetchval(_CLAIM_TRY, tx.brand, code_id, now, max_tries, now - same_tap)
    return found


async def use_code(tx: Tx, *, code_id: uuid.UUID, now: dt.datetime, same_tap: dt.timedelta) -> bool:
    """Whether the code was still good for something: it is used once, by as many taps as that took."""
    return await tx.fetchval(_USE_CODE, tx.brand, code_id, now, now - same_tap) is not None


async def use_state(tx: Tx, *, state_hash: bytes, now: dt.datetime) -> bool:
    """Whether nobody came back with this state before."""
    return await tx.fetchval(_USE_STATE, tx.brand, new_id(), now, state_hash) is not None


async def add_event(
    tx: Tx, *, event_id: uuid.UUID, app_id: str, ref_hash: bytes, kind: str, openid: Sealed, scene: str,
    happened_at: dt.datetime, now: dt.datetime,
) -> bool:  # fmt: skip
    """Whether WeChat had not told this before."""
    args = (
        tx.brand, event_id, now, app_id, ref_hash, kind, openid.value_hash, openid.value_sealed, scene,
        happened_at,
    )  # fmt: skip
    return await tx.fetchval(_ADD_EVENT, *args) is not None


async def scans_of(tx: Tx, *, member_ids: Sequence[uuid.UUID]) -> list[asyncpg.Record]:
    """What members did at the official account with a scene, also before they were members."""
    query = (
        "SELECT i.member_id, e.id AS event_id FROM members_identity i JOIN members_wechat_event e"
        " ON e.brand_id = i.brand_id AND e.openid_hash = i.value_hash AND e.app_id = i.scope AND e.scene <> ''"
        " WHERE i.brand_id = $1 AND i.member_id = ANY($2::uuid[]) AND i.kind = 'openid' AND i.ended_at IS NULL"
    )
    return await tx.fetch(query, tx.brand, list(member_ids))


async def app_row(tx: Tx, *, kind: AppKind | None = None, app_id: str | None = None) -> asyncpg.Record | None:
    """The brand's app of a kind, or with an id."""
    query = (
        "SELECT kind, app_id, secret_sealed, token_sealed, aes_key_sealed FROM members_wechat_app"
        " WHERE brand_id = $1 AND ($2::text IS NULL OR kind = $2) AND ($3::text IS NULL OR app_id = $3) LIMIT 1"
    )
    return await tx.fetchrow(query, tx.brand, kind.value if kind else None, app_id)


async def apps(session: AsyncSession, *, brand_id: uuid.UUID) -> Sequence[WeChatApp]:
    query = select(WeChatApp).where(col(WeChatApp.brand_id) == brand_id).order_by(col(WeChatApp.kind).desc())
    return (await session.exec(query)).all()


async def app_of_kind(session: AsyncSession, *, brand_id: uuid.UUID, kind: AppKind) -> WeChatApp | None:
    query = select(WeChatApp).where(col(WeChatApp.brand_id) == brand_id, col(WeChatApp.kind) == kind)
    return (await session.exec(query)).one_or_none()


async def purge(tx: Tx, *, now: dt.datetime) -> None:
    """Forget codes, counts and used ways back once they can refuse nothing any more."""
    long_ago = now - dt.timedelta(days=2)
    for query in (
        "DELETE FROM members_sms_code WHERE brand_id = $1 AND expires_at < $2",
        "DELETE FROM members_sms_quota WHERE brand_id = $1 AND last_at < $2",
        "DELETE FROM members_used_state WHERE brand_id = $1 AND created_at < $2",
    ):
        await tx.execute(query, tx.brand, long_ago)
