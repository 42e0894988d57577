"""What decides when people are at work in some shops, in one statement."""

import datetime as dt
import uuid
from collections.abc import Collection

import msgspec

from appointments.repository.plan_parts import Shop
from appointments.rules.shifts import ANYTHING
from appointments.states import DayRule
from appointments.types import DayEntry, PlanEntry, Plans, ShopDayEntry, StaffPlan
from stores import api as stores
from yundian.platform.outbox.door import Door, brand_of, fetch

_WEEK = """(SELECT json_agg(json_build_array(w.weekday, w.kind, w.starts, w.ends)
        ORDER BY w.weekday, w.starts, w.kind)
    FROM appointments_plan_span w WHERE w.brand_id = $1 AND w.staff_id = p.id
    AND (w.shop_id = wanted.id OR w.kind = 'break'))"""

_OTHER_DAYS = """(SELECT json_agg(
        json_build_array(d.day, d.kind, d.starts, d.ends, coalesce(d.shop_id = wanted.id, false)))
    FROM appointments_staff_day d WHERE d.brand_id = $1 AND d.staff_id = p.id AND d.day BETWEEN $3 AND $4)"""

# The texts that are put together here are our own; every value is a parameter.
_LOAD = f"""
SELECT wanted.id, json_build_object(
    'shop', {stores.opening_json("wanted.id")},
    'staff', coalesce((SELECT json_agg(json_build_array(p.id, p.created_at, {_WEEK}, {_OTHER_DAYS}) ORDER BY p.id)
        FROM appointments_staff_shop h
        JOIN appointments_staff p ON p.brand_id = $1 AND p.id = h.staff_id AND p.status = 'active'
        WHERE h.brand_id = $1 AND h.shop_id = wanted.id), '[]'),
    'days', coalesce((SELECT json_agg(json_build_array(d.day, d.opens, d.closes)) FROM appointments_shop_day d
        WHERE d.brand_id = $1 AND d.shop_id = wanted.id AND d.day BETWEEN $3 AND $4), '[]'),
    'rule', (SELECT json_build_array(r.holidays, r.workdays) FROM appointments_shop_rule r
        WHERE r.brand_id = $1 AND r.shop_id = wanted.id))::text
FROM unnest($2::uuid[]) AS wanted(id)
"""  # noqa: S608


class _Person(msgspec.Struct, array_like=True):
    id: uuid.UUID
    created_at: dt.datetime
    plan: tuple[PlanEntry, ...] | None
    days: tuple[DayEntry, ...] | None


class _Found(msgspec.Struct):
    shop: Shop | None
    staff: list[_Person]
    days: tuple[ShopDayEntry, ...]
    rule: tuple[DayRule, DayRule] | None


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A shop, the plans of its people, and since when each of them is known."""

    shop: Shop
    plans: Plans
    entered: dict[uuid.UUID, dt.datetime]


async def load(
    door: Door, *, shop_ids: Collection[uuid.UUID], first: dt.date, last: dt.date
) -> dict[uuid.UUID, Loaded]:
    """By shop; ``first`` and ``last`` are the days whose exceptions are read."""
    rows = await fetch(door, _LOAD, brand_of(door), list(shop_ids), first, last)
    weeks: dict[tuple[PlanEntry, ...], tuple[PlanEntry, ...]] = {}
    made: dict[uuid.UUID, Loaded] = {}
    for shop_id, text in rows:
        found = msgspec.json.decode(text, type=_Found)
        if found.shop is None:
            continue
        usual = DayRule.AS_USUAL
        holidays, workdays = found.rule or (usual, usual)
        # Many work by the same week: the same object, which is worked out once.
        staff = tuple(
            StaffPlan(one.id, "", 0, weeks.setdefault(one.plan or (), one.plan or ()), one.days or ())
            for one in found.staff
        )
        made[shop_id] = Loaded(
            shop=found.shop,
            plans=Plans(service=ANYTHING, staff=staff, shop_days=found.days, holidays=holidays, workdays=workdays),
            entered={one.id: one.created_at for one in found.staff},
        )
    return made
