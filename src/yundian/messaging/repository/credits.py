"""Consents: a number that never goes below zero, and an entry for each change of it."""

import datetime as dt
import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_GAIN = """
WITH fresh AS (
    INSERT INTO messaging_credit_entry
        (brand_id, id, created_at, member_id, app_id, template_id, reference, change)
    SELECT $1, e.id, $2, $3, $4, e.template_id, $5, 1
    FROM unnest($6::uuid[], $7::varchar[]) AS e (id, template_id)
    ON CONFLICT (brand_id, member_id, app_id, template_id, reference) DO NOTHING
    RETURNING template_id
)
INSERT INTO messaging_credit AS c (brand_id, id, created_at, member_id, app_id, template_id, remaining)
SELECT $1, gen_random_uuid(), $2, $3, $4, template_id, 1 FROM fresh ORDER BY template_id
ON CONFLICT (brand_id, member_id, app_id, template_id) DO UPDATE SET remaining = c.remaining + 1
RETURNING template_id
"""

_USE = """
WITH used AS (
    UPDATE messaging_credit SET remaining = remaining - 1
    WHERE brand_id = $1 AND member_id = $2 AND app_id = $3 AND template_id = $4 AND remaining > 0
    RETURNING 1
)
INSERT INTO messaging_credit_entry (brand_id, id, created_at, member_id, app_id, template_id, reference, change)
SELECT $1, $5, $6, $2, $3, $4, $7, -1 FROM used
"""

_GIVE_BACK = """
WITH back AS (
    INSERT INTO messaging_credit_entry
        (brand_id, id, created_at, member_id, app_id, template_id, reference, change)
    VALUES ($1, $5, $6, $2, $3, $4, $7, 1)
    ON CONFLICT (brand_id, member_id, app_id, template_id, reference) DO NOTHING
    RETURNING 1
)
UPDATE messaging_credit SET remaining = remaining + 1
WHERE brand_id = $1 AND member_id = $2 AND app_id = $3 AND template_id = $4 AND EXISTS (SELECT FROM back)
"""

_VOID = """
WITH held AS (
    SELECT id, remaining FROM messaging_credit
    WHERE brand_id = $1 AND member_id = $2 AND app_id = $3 AND template_id = $4 AND remaining > 0
        AND NOT EXISTS (SELECT FROM messaging_credit_entry WHERE brand_id = $1 AND member_id = $2
            AND app_id = $3 AND template_id = $4 AND reference = $7) FOR UPDATE
), gone AS (
    UPDATE messaging_credit c SET remaining = 0 FROM held WHERE c.brand_id = $1 AND c.id = held.id
    RETURNING held.remaining
)
INSERT INTO messaging_credit_entry (brand_id, id, created_at, member_id, app_id, template_id, reference, change)
SELECT $1, $5, $6, $2, $3, $4, $7, -remaining FROM gone
ON CONFLICT (brand_id, member_id, app_id, template_id, reference) DO NOTHING
"""

_COUNT = """
INSERT INTO messaging_day_count AS c (brand_id, id, created_at, member_id, day, sent)
SELECT $1, $2, $3, $4, $5, 1 WHERE $6 > 0
ON CONFLICT (brand_id, member_id, day) DO UPDATE SET sent = c.sent + 1 WHERE c.sent < $6
"""


@dataclass(frozen=True, slots=True)
class CreditKey:
    """Whose consent for which template of which app."""

    member_id: uuid.UUID
    app_id: str
    template_id: str


async def gain(
    door: Door, *, member_id: uuid.UUID, app_id: str, template_ids: Sequence[str], reference: str, now: dt.datetime
) -> list[str]:
    """One more consent each; the same dialogue told again changes nothing. Which templates gained."""
    ids = [new_id() for _ in template_ids]
    rows = await fetch(
        door, _GAIN, brand_of(door), now, member_id, app_id, f"gained:{reference}", ids, list(template_ids)
    )
    return [row[0] for row in rows]


async def use(door: Door, *, key: CreditKey, attempt_id: uuid.UUID, now: dt.datetime) -> bool:
    """Take one; whether there was one."""
    return await _change(door, _USE, key, f"used:{attempt_id}", now) > 0


async def give_back(door: Door, *, key: CreditKey, attempt_id: uuid.UUID, now: dt.datetime) -> None:
    """The message certainly did not go: the consent stands. Once for each try."""
    await _change(door, _GIVE_BACK, key, f"returned:{attempt_id}", now)


async def void(door: Door, *, key: CreditKey, reference: str, now: dt.datetime) -> None:
    """WeChat says that there is no consent: what we counted was wrong, or she took it back. Once per reference."""
    await _change(door, _VOID, key, reference, now)


async def _change(door: Door, sql: str, key: CreditKey, reference: str, now: dt.datetime) -> int:
    whose = (key.member_id, key.app_id, key.template_id)
    return await run(door, sql, brand_of(door), *whose, new_id(), now, reference)


async def credits_of(door: Door, *, member_id: uuid.UUID) -> dict[tuple[str, str], int]:
    """What is left, by app and template."""
    sql = "SELECT app_id, template_id, remaining FROM messaging_credit WHERE brand_id = $1 AND member_id = $2"
    return {(row[0], row[1]): row[2] for row in await fetch(door, sql, brand_of(door), member_id)}


async def count_day(door: Door, *, member_id: uuid.UUID, day: dt.date, most: int, now: dt.datetime) -> bool:
    """Count one more on that day, if there may be."""
    return await run(door, _COUNT, brand_of(door), new_id(), now, member_id, day, most) > 0
