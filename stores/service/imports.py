"""Shops from files: what ``platform.intake`` needs to know about them."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stores.repository import bulk
from stores.repository.bulk import Upserted
from stores.rules import hours as hour_rules
from stores.rules.places import to_wgs84
from stores.rules.shops import checked
from stores.service.shops import announcements
from stores.states import ShopStatus
from stores.types import Datum, Interval, ShopFields, ShopRecord
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.db.database import Tx
from yundian.platform.intake.types import Applied, ImportKind, Origin, Problem
from yundian.platform.outbox import outbox

MAPPINGS = Path(__file__).parents[1] / "mappings"


@dataclass(frozen=True, slots=True)
class _Ready:
    """A record that passed every rule of a shop."""

    row: dict[str, object]
    hours: tuple[Interval, ...]

    @property
    def code(self) -> str:
        return str(self.row["code"])


async def apply(tx: Tx, origin: Origin, records: Sequence[ShopRecord]) -> Applied:
    """Bring a batch of shops in. Records ``ShopAdded``, ``ShopOpened``, ``ShopChanged``."""
    now = clock.now()
    ready: list[_Ready] = []
    refused: dict[int, Problem] = {}
    for position, record in enumerate(records):
        try:
            ready.append(_ready(record))
        except InvalidInput as error:
            refused[position] = _problem(error)
    if not ready:
        return Applied(refused=refused)
    rows = [one.row for one in ready]
    touched = await bulk.upsert(tx, rows=rows, fields=origin.fields, source=origin.mapping, now=now)
    if "hours" in origin.fields:
        touched += await _apply_hours(tx, ready, touched=touched, now=now)
    status = {one.code: ShopStatus(str(one.row["status"])) for one in ready}
    events = [
        event
        for one in touched
        for event in announcements(one.shop_id, is_new=one.is_new, status=status[one.code])
    ]
    await outbox.record(tx, *events)
    return Applied(applied=len(touched), unchanged=len(ready) - len(touched), refused=refused)


SHOPS = ImportKind(name="stores.shops", record=ShopRecord, key=lambda record: record.code, apply=apply)


async def _apply_hours(
    tx: Tx, ready: Sequence[_Ready], *, touched: Sequence[Upserted], now: dt.datetime
) -> list[Upserted]:
    """Write the hours that differ; the answer holds the shops in which nothing else did."""
    standing = await bulk.hours_by_code(tx, codes=[one.code for one in ready])
    differing = {one.code: one.hours for one in ready if standing[one.code][1] != one.hours}
    if not differing:
        return []
    await bulk.replace_hours(
        tx,
        hours={standing[code][0]: week for code, week in differing.items()},
        already_touched=[one.shop_id for one in touched],
        now=now,
    )
    known = {one.code for one in touched}
    return [Upserted(standing[code][0], code, is_new=False) for code in differing if code not in known]


def _ready(record: ShopRecord) -> _Ready:
    place = None
    if record.latitude is not None and record.longitude is not None:
        place = to_wgs84(latitude=record.latitude, longitude=record.longitude, datum=record.datum or Datum.WGS84)
    elif record.latitude is not record.longitude:
        raise InvalidInput("longitude", "give both coordinates or none")
    fields = checked(
        ShopFields(
            code=record.code,
            name=record.name,
            name_en=record.name_en or "",
            time_zone=record.time_zone,
            country=record.country or "CN",
            province=record.province or "",
            city=record.city or "",
            district=record.district or "",
            address=record.address or "",
            address_en=record.address_en or "",
            postcode=record.postcode or "",
            phone=record.phone or "",
            latitude=place.latitude if place is not None else None,
            longitude=place.longitude if place is not None else None,
        )
    )
    row: dict[str, object] = {name: getattr(fields, name) for name in fields.__struct_fields__}
    row |= {"id": new_id(), "status": record.status or "open", "source_ref": record.source_ref or ""}
    return _Ready(row, hour_rules.parse(record.hours) if record.hours is not None else ())


def _problem(error: InvalidInput) -> Problem:
    first = error.facts["errors"][0]  # type: ignore[index]
    facts = {name: str(value) for name, value in error.facts.items() if name != "errors"}
    return Problem.quoting("stores.invalid_shop", str(first["message"]), str(first["field"]), **facts)
