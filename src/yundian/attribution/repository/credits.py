"""Statements about credits: written once, then conditional updates only."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec

from yundian.attribution.types import CreditView, Evidence, Subject, TransferView
from yundian.platform.db.cte import Cte
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_CREDIT = ", ".join(f"c.{name}" for name in CreditView.__struct_fields__)
_TYPES = {"evidence": "jsonb", "marks": "varchar[]"}
_SUBJECTS = "unnest($2::varchar[], $3::uuid[]) AS s (type, id)"
_IS_SUBJECT = "c.brand_id = $1 AND c.subject_type = s.type AND c.subject_id = s.id"


def credit_of(row: Sequence[Any]) -> CreditView:
    values = dict(zip(CreditView.__struct_fields__, row, strict=True))
    evidence = values["evidence"]
    # jsonb is text under one door and a dict under the other.
    values["evidence"] = (
        msgspec.json.decode(evidence, type=Evidence)
        if isinstance(evidence, str)
        else msgspec.convert(evidence, Evidence)
    )
    return msgspec.convert(values, CreditView, strict=False)


def credit_part(cte: Cte, *, brand_id: uuid.UUID, values: Mapping[str, Any], given: str, name: str) -> None:
    """The INSERT as a part of a larger statement: a row if ``given`` has one and the subject has no credit yet."""
    cte.add(name, _credit_sql(tuple(values), given), brand_id, *values.values())


@cache
def _credit_sql(columns: tuple[str, ...], given: str) -> str:
    marks = ", ".join(f"${number}{_cast(column)}" for number, column in enumerate(columns, 2))
    return (
        f"INSERT INTO attribution_credit (brand_id, {', '.join(columns)})"  # noqa: S608
        f" SELECT $1::uuid, {marks} FROM {given} LIMIT 1"
        " ON CONFLICT (brand_id, subject_type, subject_id) DO NOTHING RETURNING id"
    )


async def add(door: Door, *, values: Mapping[str, Any]) -> bool:
    """Whether it was the first credit of the subject."""
    marks = ", ".join(f"${number}{_cast(column)}" for number, column in enumerate(values, 2))
    rows = await fetch(
        door,
        f"INSERT INTO attribution_credit (brand_id, {', '.join(values)}) SELECT $1::uuid, {marks}"
        " ON CONFLICT (brand_id, subject_type, subject_id) DO NOTHING RETURNING id",
        brand_of(door),
        *values.values(),
    )
    return bool(rows)


def _cast(column: str) -> str:
    known = {
        **_TYPES,
        **dict.fromkeys(("amount_minor", "refunded_minor"), "bigint"),
        **dict.fromkeys(("created_at", "decided_at"), "timestamptz"),
        **dict.fromkeys(("subject_type", "rule", "state", "currency"), "varchar"),
    }
    return f"::{known.get(column, 'uuid')}"


async def of_subject(door: Door, *, subject: Subject) -> CreditView | None:
    rows = await fetch(
        door,
        f"SELECT {_CREDIT} FROM attribution_credit c"  # noqa: S608
        " WHERE c.brand_id = $1 AND c.subject_type = $2 AND c.subject_id = $3",
        brand_of(door),
        subject.type,
        subject.id,
    )
    return credit_of(tuple(rows[0])) if rows else None


async def finalise(door: Door, *, subjects: Sequence[Subject], now: dt.datetime) -> list[CreditView]:
    """Those that were provisional and are final now."""
    rows = await fetch(
        door,
        "UPDATE attribution_credit c SET state = 'final', final_at = $4"  # noqa: S608
        f" FROM {_SUBJECTS} WHERE {_IS_SUBJECT} AND c.state = 'provisional' RETURNING {_CREDIT}",
        *_arguments(door, subjects),
        now,
    )
    return [credit_of(tuple(row)) for row in rows]


async def reverse(door: Door, *, subjects: Sequence[Subject], now: dt.datetime) -> list[tuple[CreditView, bool]]:
    """Those that stood and came to nothing now; and whether each was final."""
    rows = await fetch(
        door,
        "UPDATE attribution_credit c SET state = 'reversed', reversed_at = $4"  # noqa: S608
        f" FROM {_SUBJECTS} WHERE {_IS_SUBJECT} AND c.state <> 'reversed'"
        f" RETURNING {_CREDIT}, c.final_at IS NOT NULL",
        *_arguments(door, subjects),
        now,
    )
    return [(credit_of(tuple(row)[:-1]), bool(row[-1])) for row in rows]


async def refunded(door: Door, *, subjects: Sequence[Subject], sums: Sequence[int]) -> int:
    """What was paid back of each so far; it only grows."""
    return await run(
        door,
        "UPDATE attribution_credit c SET refunded_minor = s.minor"  # noqa: S608
        " FROM (SELECT type, id, max(minor) AS minor"
        " FROM unnest($2::varchar[], $3::uuid[], $4::bigint[]) AS u (type, id, minor) GROUP BY type, id) AS s"
        f" WHERE {_IS_SUBJECT} AND c.refunded_minor < s.minor",
        *_arguments(door, subjects),
        list(sums),
    )


def _arguments(door: Door, subjects: Sequence[Subject]) -> tuple[uuid.UUID, list[str], list[uuid.UUID]]:
    return brand_of(door), [subject.type for subject in subjects], [subject.id for subject in subjects]


async def transfer(
    door: Door,
    *,
    credit_id: uuid.UUID,
    from_shop_id: uuid.UUID | None,
    to_shop_id: uuid.UUID | None,
    values: Mapping[str, Any],
) -> CreditView | None:
    """Move it, if it is still where the caller saw it; ``None`` if not. Back at the shop of its link, it is the
    sharer's again."""
    names = list(values)
    marks = ", ".join(f"${number}" for number in range(5, len(names) + 5))
    rows = await fetch(
        door,
        "WITH moved AS (UPDATE attribution_credit c SET shop_id = $4::uuid, staff_id = (SELECT l.staff_id"  # noqa: S608
        " FROM attribution_link l WHERE l.brand_id = $1 AND l.id = c.link_id AND l.shop_id = $4)"
        " WHERE c.brand_id = $1 AND c.id = $2 AND c.shop_id IS NOT DISTINCT FROM $3::uuid"
        f" AND c.state <> 'reversed' RETURNING {_CREDIT}),"
        " kept AS (INSERT INTO attribution_transfer (brand_id, credit_id, from_shop_id, to_shop_id,"
        f" {', '.join(names)}) SELECT $1, c.id, $3, $4, {marks} FROM moved c)"
        f" SELECT {_CREDIT} FROM moved c",
        brand_of(door),
        credit_id,
        from_shop_id,
        to_shop_id,
        *values.values(),
    )
    return credit_of(tuple(rows[0])) if rows else None


async def transfers(door: Door, *, credit_id: uuid.UUID) -> list[TransferView]:
    """The newest first."""
    rows = await fetch(
        door,
        "SELECT id, created_at, from_shop_id, to_shop_id, actor_id, actor_name, reason FROM attribution_transfer"
        " WHERE brand_id = $1 AND credit_id = $2 ORDER BY id DESC",
        brand_of(door),
        credit_id,
    )
    fields = TransferView.__struct_fields__
    return [msgspec.convert(dict(zip(fields, row, strict=True)), TransferView, strict=False) for row in rows]
