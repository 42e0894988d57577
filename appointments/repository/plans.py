"""All that decides which times can be had, in one statement."""

import datetime as dt
import uuid

import msgspec

from appointments.types import Plans
from yundian.platform.outbox.door import Door, brand_of, fetch

# A resource's live times as two arrays of cells; plain comparisons, which row policies leave their index.
_BUSY = """(SELECT json_build_array(
    coalesce(array_agg(date_part('epoch', o.starts_at)::bigint / 300), '{{}}'),
    coalesce(array_agg((date_part('epoch', o.ends_at)::bigint + 299) / 300), '{{}}'))
    FROM appointments_occupancy o WHERE o.brand_id = $1 AND o.resource_id = {resource} AND o.is_live
    AND o.ends_at > $4 AND o.starts_at < $5 {and_not})"""

_LAST_BOOKED = """(SELECT max(b.created_at) FROM appointments_booking b WHERE b.brand_id = $1 AND b.staff_id = s.id
    AND b.state IN ('held', 'requested', 'confirmed', 'arrived', 'in_service', 'completed') AND $10::boolean)"""

# A group session is one appointment of hers, however many sit in it.
_BOOKED = """(SELECT json_object_agg(d.local_day, d.n) FROM (
    SELECT b.local_day, count(DISTINCT coalesce(b.session_id, b.id)) AS n FROM appointments_booking b
    WHERE b.brand_id = $1 AND b.staff_id = s.id AND b.local_day BETWEEN $6 AND $7 AND s.daily_cap > 0
    AND b.state IN ('held', 'requested', 'confirmed', 'arrived', 'in_service', 'completed')
    AND b.id IS DISTINCT FROM $11::uuid GROUP BY b.local_day) d)"""

_STAFF = """(SELECT json_agg(json_build_object(
    'id', s.id, 'name', s.display_name, 'cap', s.daily_cap,
    'plan', coalesce((SELECT json_agg(json_build_array(p.weekday, p.kind, p.starts, p.ends))
        FROM appointments_plan_span p WHERE p.brand_id = $1 AND p.staff_id = s.id
        AND (p.shop_id = $2 OR p.kind = 'break')), '[]'),
    'days', coalesce((SELECT json_agg(json_build_array(
            d.day, d.kind, d.starts, d.ends, coalesce(d.shop_id = $2, false)))
        FROM appointments_staff_day d WHERE d.brand_id = $1 AND d.staff_id = s.id
        AND d.day BETWEEN $6 AND $7), '[]'),
    'busy', {busy}, 'booked', coalesce({booked}, '{{}}'), 'last_booked_at', {last_booked}) ORDER BY s.id)
    FROM appointments_skill k
    JOIN appointments_staff_shop h ON h.brand_id = $1 AND h.staff_id = k.staff_id AND h.shop_id = $2
    JOIN appointments_staff s ON s.brand_id = $1 AND s.id = k.staff_id AND s.status = 'active'
    WHERE k.brand_id = $1 AND k.service_id = $3)"""

_CHAIRS = """(SELECT json_agg(json_build_object('id', r.id, 'busy', {busy}) ORDER BY r.name, r.id)
    FROM appointments_resource r WHERE r.brand_id = $1 AND r.shop_id = $2 AND r.kind = service.chair_kind
    AND r.status = 'active' AND service.chair_kind <> '')"""

_SESSIONS = """(SELECT json_agg(json_build_object('id', g.id, 'staff_id', g.staff_id, 'starts_at', g.starts_at,
        'left', g.seats - g.taken))
    FROM appointments_session g WHERE g.brand_id = $1 AND g.shop_id = $2 AND g.service_id = $3 AND g.is_open
    AND NOT g.is_private AND g.starts_at >= $4 AND g.starts_at < $5)"""

_DAYS = """(SELECT json_agg(json_build_array(d.day, d.opens, d.closes)) FROM appointments_shop_day d
    WHERE d.brand_id = $1 AND d.shop_id = $2 AND d.day BETWEEN $6 AND $7)"""

_RULE = "(SELECT r.{rule} FROM appointments_shop_rule r WHERE r.brand_id = $1 AND r.shop_id = $2)"

_MEMBER = """(SELECT count(*) FROM appointments_booking b
    WHERE b.brand_id = $1 AND b.member_id = $8::uuid AND {condition})"""

_NOT_OURS = "AND (o.booking_id IS NULL OR o.booking_id IS DISTINCT FROM $11::uuid)"

# The texts that are put together here are our own; every value is a parameter.
LOAD = f"""
SELECT json_build_object(
    'service', row_to_json(service),
    'staff', coalesce({
    _STAFF.format(busy=_BUSY.format(resource="s.id", and_not=_NOT_OURS), booked=_BOOKED, last_booked=_LAST_BOOKED)
}, '[]'),
    'chairs', coalesce({_CHAIRS.format(busy=_BUSY.format(resource="r.id", and_not=_NOT_OURS))}, '[]'),
    'sessions', coalesce({_SESSIONS}, '[]'),
    'shop_days', coalesce({_DAYS}, '[]'),
    'holidays', coalesce({_RULE.format(rule="holidays")}, 'as_usual'),
    'workdays', coalesce({_RULE.format(rule="workdays")}, 'as_usual'),
    'member_busy', {_BUSY.format(resource="$8::uuid", and_not=_NOT_OURS)},
    'member_holds', {_MEMBER.format(condition="b.state = 'held' AND b.starts_at > now()")},
    'member_no_shows', {
    _MEMBER.format(condition="b.state IN ('no_show', 'no_show_penalized') AND b.starts_at > $9")
})::text
FROM appointments_service service WHERE service.brand_id = $1 AND service.id = $3
"""  # noqa: S608


async def load(
    door: Door,
    *,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    since: dt.datetime,
    until: dt.datetime,
    first: dt.date,
    last: dt.date,
    member_id: uuid.UUID | None,
    no_shows_since: dt.datetime,
    is_booking: bool,
    moving: uuid.UUID | None,
) -> Plans | None:
    """The plans of a shop for one service. ``is_booking`` also asks who was booked when; ``moving`` is a booking
    whose own time does not count."""
    rows = await fetch(
        door,
        LOAD,
        brand_of(door),
        shop_id,
        service_id,
        since,
        until,
        first,
        last,
        member_id,
        no_shows_since,
        is_booking,
        moving,
    )
    return msgspec.json.decode(rows[0][0], type=Plans) if rows else None
