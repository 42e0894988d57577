"""A batch of shops from a file, applied in a handful of statements however many they are."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from stores.repository import past
from stores.types import Interval
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx

# Column, its type in the temporary table, and whether an existing shop takes it from the file.
_COLUMNS = {
    "name": "text",
    "name_en": "text",
    "country": "text",
    "province": "text",
    "city": "text",
    "district": "text",
    "address": "text",
    "address_en": "text",
    "postcode": "text",
    "phone": "text",
    "latitude": "float8",
    "longitude": "float8",
    "time_zone": "text",
    "source_ref": "text",
}


class Upserted(NamedTuple):
    shop_id: uuid.UUID
    code: str
    is_new: bool


async def upsert(
    tx: Tx,
    *,
    rows: Sequence[Mapping[str, object]],
    fields: frozenset[str],
    source: str,
    now: dt.datetime,
) -> list[Upserted]:
    """Insert new shops and update the mapped ``fields`` of known ones where something differs.

    The answer holds the inserted and the changed; shops that were the same already are left out.
    """
    columns = ["id", "code", "status", *_COLUMNS]
    types = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
    await tx.execute(f"CREATE TEMP TABLE stores_shop_in (id uuid, code text, status text, {types}) ON COMMIT DROP")
    await tx.copy("stores_shop_in", columns, [[row[name] for name in columns] for row in rows])
    taken = [name for name in _COLUMNS if name in fields]
    assignments = ", ".join(f"{name} = excluded.{name}" for name in taken)
    mine = ", ".join(f"s.{name}" for name in taken)
    theirs = ", ".join(f"excluded.{name}" for name in taken)
    names = ", ".join(_COLUMNS)
    # Only names of columns are put in, from the list above.
    found = await tx.fetch(
        "INSERT INTO stores_shop AS s"  # noqa: S608
        f" (brand_id, id, created_at, updated_at, version, source, code, status, {names})"
        f" SELECT $1, id, $2, $2, 1, $3, code, status, {names} FROM stores_shop_in ORDER BY code"
        f" ON CONFLICT (brand_id, code) DO UPDATE SET {assignments}, source = excluded.source,"
        " updated_at = excluded.updated_at, version = s.version + 1"
        f" WHERE ({mine}) IS DISTINCT FROM ({theirs})"
        " RETURNING s.id, s.code",
        tx.brand,
        now,
        source,
    )
    proposed = {row["id"] for row in rows}
    # A replay of quarantine may follow in the same transaction.
    await tx.execute("DROP TABLE stores_shop_in")
    return [Upserted(row["id"], row["code"], row["id"] in proposed) for row in found]


async def hours_by_code(tx: Tx, *, codes: Sequence[str]) -> dict[str, tuple[uuid.UUID, tuple[Interval, ...]]]:
    """Each shop's id and weekly hours, by its code."""
    rows = await tx.fetch(
        "SELECT s.id, s.code, h.weekday, h.opens, h.closes FROM stores_shop s LEFT JOIN stores_opening_hours h"
        " ON h.brand_id = s.brand_id AND h.shop_id = s.id WHERE s.brand_id = $1 AND s.code = ANY($2)"
        " ORDER BY s.code, h.weekday, h.opens",
        tx.brand,
        list(codes),
    )
    found: dict[str, tuple[uuid.UUID, tuple[Interval, ...]]] = {}
    for row in rows:
        shop_id, hours = found.get(row["code"], (row["id"], ()))
        if row["weekday"] is not None:
            hours = (*hours, Interval(row["weekday"], row["opens"], row["closes"]))
        found[row["code"]] = (shop_id, hours)
    return found


async def replace_hours(
    tx: Tx,
    *,
    hours: Mapping[uuid.UUID, Sequence[Interval]],
    already_touched: Sequence[uuid.UUID],
    now: dt.datetime,
) -> None:
    """Write the hours of these shops anew, and count up the version of those not touched in this batch."""
    shop_ids = list(hours)
    await past.keep(tx, shop_ids=shop_ids)
    await tx.execute(
        "DELETE FROM stores_opening_hours WHERE brand_id = $1 AND shop_id = ANY($2)", tx.brand, shop_ids
    )
    rows = [
        (new_id(), shop_id, one.weekday, one.opens, one.closes) for shop_id, week in hours.items() for one in week
    ]
    if rows:
        ids, shops, weekdays, opens, closes = (list(column) for column in zip(*rows, strict=True))
        await tx.execute(
            "INSERT INTO stores_opening_hours (brand_id, id, created_at, shop_id, weekday, opens, closes)"
            " SELECT $1, w.id, $2, w.shop_id, w.weekday, w.opens, w.closes"
            " FROM unnest($3::uuid[], $4::uuid[], $5::int2[], $6::int2[], $7::int2[])"
            " AS w(id, shop_id, weekday, opens, closes)",
            tx.brand,
            now,
            ids,
            shops,
            weekdays,
            opens,
            closes,
        )
    await tx.execute(
        "UPDATE stores_shop SET version = version + 1, updated_at = $3"
        " WHERE brand_id = $1 AND id = ANY($2) AND NOT id = ANY($4)",
        tx.brand,
        shop_ids,
        now,
        list(already_touched),
    )
