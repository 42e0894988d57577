"""What is set up in shops, counted in one statement."""

import uuid
from collections.abc import Collection

import msgspec

from appointments.rules.readiness import Counts
from stores import api as stores
from yundian.platform.outbox.door import Door, brand_of, fetch

_HERE = """FROM appointments_staff_shop h
    JOIN appointments_staff p ON p.brand_id = $1 AND p.id = h.staff_id AND p.status = 'active'"""
_PERFORMED = f"""(SELECT count(DISTINCT v.id) {_HERE}
    JOIN appointments_skill k ON k.brand_id = $1 AND k.staff_id = p.id
    JOIN appointments_service v ON v.brand_id = $1 AND v.id = k.service_id AND v.status = 'active'
    WHERE h.brand_id = $1 AND h.shop_id = wanted.id {{and_chair}})"""
_WITH_CHAIR = """AND (v.chair_kind = '' OR EXISTS (SELECT FROM appointments_resource r
        WHERE r.brand_id = $1 AND r.shop_id = wanted.id AND r.kind = v.chair_kind AND r.status = 'active'))"""

# The texts that are put together here are our own; every value is a parameter.
_COUNTS = f"""
SELECT wanted.id, {stores.opening_json("wanted.id")}::text,
    (SELECT count(*) {_HERE} WHERE h.brand_id = $1 AND h.shop_id = wanted.id),
    (SELECT count(DISTINCT w.staff_id) {_HERE}
        JOIN appointments_plan_span w ON w.brand_id = $1 AND w.staff_id = p.id AND w.shop_id = h.shop_id
        AND w.kind = 'work' WHERE h.brand_id = $1 AND h.shop_id = wanted.id),
    (SELECT count(*) FROM appointments_resource r
        WHERE r.brand_id = $1 AND r.shop_id = wanted.id AND r.status = 'active'),
    {_PERFORMED.format(and_chair="")}, {_PERFORMED.format(and_chair=_WITH_CHAIR)}
FROM unnest($2::uuid[]) AS wanted(id)
"""  # noqa: S608

_KINDS = """
SELECT chair_kind FROM appointments_service WHERE brand_id = $1 AND chair_kind <> ''
UNION SELECT kind FROM appointments_resource WHERE brand_id = $1 ORDER BY 1
"""

_NEEDED = f"""
SELECT DISTINCT v.chair_kind {_HERE}
JOIN appointments_skill k ON k.brand_id = $1 AND k.staff_id = p.id
JOIN appointments_service v ON v.brand_id = $1 AND v.id = k.service_id AND v.status = 'active'
WHERE h.brand_id = $1 AND h.shop_id = $2 AND v.chair_kind <> '' AND NOT EXISTS (
    SELECT FROM appointments_resource r
    WHERE r.brand_id = $1 AND r.shop_id = $2 AND r.kind = v.chair_kind AND r.status = 'active')
ORDER BY 1
"""  # noqa: S608

_DEPOSITS = """
SELECT EXISTS (SELECT FROM appointments_service
    WHERE brand_id = $1 AND status = 'active' AND (deposit_minor > 0 OR no_show_limit > 0))
"""


async def counts(door: Door, *, shop_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Counts]:
    """By shop; those that do not exist are left out."""
    found = {}
    for shop_id, opening, people, planned, chairs, performed, offered in await fetch(
        door, _COUNTS, brand_of(door), list(shop_ids)
    ):
        if opening is None:
            continue
        _zone, is_in_business, hours = msgspec.json.decode(opening)
        found[shop_id] = Counts(
            is_in_business=is_in_business,
            has_hours=bool(hours),
            people=people,
            planned=planned,
            chairs=chairs,
            performed=performed,
            offered=offered,
        )
    return found


async def chair_kinds(door: Door) -> list[str]:
    """What the brand's services need and its shops have, by name."""
    return [kind for (kind,) in await fetch(door, _KINDS, brand_of(door))]


async def needed_kinds(door: Door, *, shop_id: uuid.UUID) -> list[str]:
    """Of which kinds there is no chair in a shop, though a service needs one that somebody there performs."""
    return [kind for (kind,) in await fetch(door, _NEEDED, brand_of(door), shop_id)]


async def takes_deposits(door: Door) -> bool:
    """Whether any service that can be booked takes a deposit, from everybody or after missed appointments."""
    ((does,),) = await fetch(door, _DEPOSITS, brand_of(door))
    return bool(does)
