"""Statements about bookings: writing them, moving them from state to state, and reading them back."""

import datetime as dt
import operator
import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache

import msgspec

from appointments.repository import keeping
from appointments.states import Attention, BookingState, DepositState, ReasonCode
from appointments.types import Actor, BookingView, NewBooking
from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door, brand_of, fetch, run


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a booking."""

    at: dt.datetime
    kind: str
    actor: str
    detail: str


_TYPES = {
    "id": "uuid", "code": "varchar", "created_at": "timestamptz", "shop_id": "uuid", "service_id": "uuid",
    "staff_id": "uuid", "resource_id": "uuid", "session_id": "uuid", "member_id": "uuid", "state": "varchar",
    "deposit_state": "varchar", "source": "varchar", "starts_at": "timestamptz", "ends_at": "timestamptz",
    "buffer_before_min": "int", "buffer_after_min": "int", "time_zone": "varchar", "local_day": "date",
    "service_name": "varchar", "is_any_staff": "boolean", "price_minor": "bigint", "deposit_minor": "bigint",
    "currency": "varchar", "payment_id": "uuid", "expires_at": "timestamptz", "arrived_at": "timestamptz",
    "moved_from": "uuid", "sequence": "int", "request_key": "varchar",
    "cutoff_min": "int", "grace_min": "int", "is_late_cancel_charged": "boolean", "is_no_show_charged": "boolean",
    "channel": "varchar", "asked_at": "timestamptz", "confirmed_at": "timestamptz",
}  # fmt: skip

_READ = """
SELECT now() AS seen_at,
    b.id, b.code, b.shop_id, b.service_id, b.service_name, b.staff_id, s.display_name AS staff_name,
    b.resource_id, r.name AS resource_name, b.session_id, b.member_id, b.state, b.deposit_state, b.source,
    b.attention, b.starts_at, b.ends_at, b.buffer_before_min, b.buffer_after_min, b.time_zone, b.local_day,
    b.is_any_staff, b.price_minor, b.deposit_minor, b.currency, b.payment_id, b.expires_at, b.arrived_at,
    b.started_at, b.ended_at, b.created_at, b.reason, b.reason_code, b.moved_from, b.sequence, b.cutoff_min,
    b.grace_min, b.is_late_cancel_charged, b.is_no_show_charged, b.channel, b.asked_at, b.confirmed_at,
    b.is_day_only, b.external_client, b.link_version,
    CASE WHEN v.name = b.service_name THEN v.name_en ELSE '' END AS service_name_en,
    s.display_name_en AS staff_name_en
FROM appointments_booking b
JOIN appointments_staff s ON s.brand_id = b.brand_id AND s.id = b.staff_id
JOIN appointments_service v ON v.brand_id = b.brand_id AND v.id = b.service_id
LEFT JOIN appointments_resource r ON r.brand_id = b.brand_id AND r.id = b.resource_id
"""
_ORDER = (
    "seen_at", "id", "code", "shop_id", "service_id", "service_name", "staff_id", "staff_name", "resource_id",
    "resource_name", "session_id", "member_id", "state", "deposit_state", "source", "attention", "starts_at",
    "ends_at", "buffer_before_min", "buffer_after_min", "time_zone", "local_day", "is_any_staff", "price_minor",
    "deposit_minor", "currency", "payment_id", "expires_at", "arrived_at", "started_at", "ended_at", "created_at",
    "reason", "reason_code", "moved_from", "sequence", "cutoff_min", "grace_min", "is_late_cancel_charged",
    "is_no_show_charged", "channel", "asked_at", "confirmed_at", "is_day_only", "external_client",
    "link_version", "service_name_en", "staff_name_en",
)  # fmt: skip

MOVE = """
UPDATE appointments_booking SET state = $3::varchar,
    attention = CASE WHEN $3::varchar IN ('requested', 'confirmed') THEN attention ELSE '' END,
    reason = CASE WHEN $5::varchar = '' AND $8::varchar = '' THEN reason ELSE $5::varchar END,
    reason_code = CASE WHEN $5::varchar = '' AND $8::varchar = '' THEN reason_code ELSE $8::varchar END,
    arrived_at = CASE WHEN $3::varchar = 'arrived' THEN $6::timestamptz ELSE arrived_at END,
    confirmed_at = CASE WHEN $3::varchar = 'confirmed' THEN $6::timestamptz ELSE confirmed_at END,
    started_at = CASE WHEN $3::varchar = 'in_service' THEN $6::timestamptz ELSE started_at END,
    ended_at = CASE WHEN $7::boolean THEN $6::timestamptz ELSE NULL END, sequence = sequence + 1
WHERE brand_id = $1 AND id = $2 AND state = ANY($4::varchar[])
"""

RELEASE = f"""
WITH ours AS (
    UPDATE appointments_occupancy SET is_live = false WHERE brand_id = $1 AND booking_id = $2 AND NOT is_kept
), kept AS (DELETE FROM appointments_occupancy WHERE brand_id = $1 AND booking_id = $2 AND is_kept
    RETURNING resource_id, is_live
), {keeping.given_back("kept")}, left_session AS (
    UPDATE appointments_session g SET taken = g.taken - 1, is_open = g.taken > 1
    FROM appointments_booking b WHERE b.brand_id = $1 AND b.id = $2 AND g.brand_id = $1 AND g.id = b.session_id
    AND g.taken > 0 RETURNING g.id, g.is_open
), kept_session AS (DELETE FROM appointments_occupancy o USING left_session l
    WHERE o.brand_id = $1 AND o.session_id = l.id AND NOT l.is_open AND o.is_kept)
UPDATE appointments_occupancy o SET is_live = false FROM left_session l
WHERE o.brand_id = $1 AND o.session_id = l.id AND NOT l.is_open AND o.is_live AND NOT o.is_kept
"""  # noqa: S608

_LOCK = "SELECT FROM appointments_booking WHERE brand_id = $1 AND id = $2 FOR NO KEY UPDATE"
_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))"

_HOLDS = """
SELECT count(*) FROM appointments_booking WHERE brand_id = $1 AND member_id = $2 AND state = 'held'
AND source <> 'group' AND starts_at > now()
"""

DEPOSIT = """
UPDATE appointments_booking SET deposit_state = $3 WHERE brand_id = $1 AND id = $2
AND deposit_state = ANY($4::varchar[])
"""

HAND_DEPOSIT_ON = """
UPDATE appointments_booking SET deposit_state = 'none', deposit_minor = 0, payment_id = NULL
WHERE brand_id = $1 AND id = $2
"""

NOTE = """
INSERT INTO appointments_booking_event (brand_id, id, created_at, booking_id, kind, actor, actor_id, detail)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

_VALUES = ", ".join(f"${number}::{kind}" for number, kind in enumerate(_TYPES.values(), 2))
_PLACED = (
    f"INSERT INTO appointments_booking (brand_id, attention, reason, {', '.join(_TYPES)})"
    f" SELECT $1::uuid, '', '', {_VALUES}{{source}} RETURNING id, created_at"
)
_NOTED = (
    "INSERT INTO appointments_booking_event (brand_id, id, created_at, booking_id, kind, actor, detail)"
    " SELECT $1::uuid, $2::uuid, created_at, id, $3::varchar, $4::varchar, '' FROM placed"
)
_of_columns = operator.attrgetter(*_TYPES)


@lru_cache(maxsize=16)
def _placed(given: str | None) -> str:
    return _PLACED.format(source=f" FROM {given}" if given else "")


def insert_part(cte: Cte, *, brand: uuid.UUID, booking: NewBooking, given: str | None) -> None:
    """A part ``placed`` that writes the booking if the part ``given`` has a row, and its first line of history."""
    cte.add("placed", _placed(given), brand, *_of_columns(booking))
    cte.add("noted", _NOTED, brand, new_id(), booking.state, booking.source)


async def by_id(door: Door, *, booking_id: uuid.UUID, is_locked: bool = False) -> BookingView | None:
    """One booking; ``is_locked`` until the transaction ends."""
    if is_locked:
        # Before it is read with who serves: somebody else may while this waits, and the joined row would be gone.
        await run(door, _LOCK, brand_of(door), booking_id)
    found = await _read(door, "WHERE b.brand_id = $1 AND b.id = $2", booking_id)
    return found[0] if found else None


async def count_holds(tx: Tx, *, member_id: uuid.UUID) -> int:
    """How many times are held for her; until the transaction ends nobody else counts hers."""
    await tx.execute(_ONE_AT_A_TIME, f"appointments.holds:{brand_of(tx)}:{member_id}")
    return int(await tx.fetchval(_HOLDS, brand_of(tx), member_id))


async def by_ids(door: Door, *, booking_ids: Sequence[uuid.UUID]) -> list[BookingView]:
    """Those that exist."""
    return await _read(door, "WHERE b.brand_id = $1 AND b.id = ANY($2::uuid[])", list(booking_ids))


async def by_code(door: Door, *, code: str, member_id: uuid.UUID | None = None) -> BookingView | None:
    """By what its customer shows; ``member_id``: if it is hers."""
    which = "WHERE b.brand_id = $1 AND b.code = $2 AND ($3::uuid IS NULL OR b.member_id = $3)"
    found = await _read(door, which, code, member_id)
    return found[0] if found else None


async def by_request(door: Door, *, member_id: uuid.UUID | None, key: str) -> BookingView | None:
    """What she asked for by this key; of ``None``: what nobody's booking was asked for by."""
    if member_id is None:
        found = await _read(door, "WHERE b.brand_id = $1 AND b.member_id IS NULL AND b.request_key = $2", key)
    else:
        hers = "WHERE b.brand_id = $1 AND b.member_id = $2 AND b.request_key = $3"
        found = await _read(door, hers, member_id, key)
    return found[0] if found else None


async def lock_request(tx: Tx, *, key: str) -> None:
    """Nobody else asks by this key until the transaction ends."""
    await tx.execute(_ONE_AT_A_TIME, f"appointments.request:{brand_of(tx)}:{key}")


async def moved_to(door: Door, *, booking_id: uuid.UUID) -> BookingView | None:
    """What took the place of a booking."""
    found = await _read(door, "WHERE b.brand_id = $1 AND b.moved_from = $2", booking_id)
    return found[0] if found else None


async def of_member(
    door: Door, *, member_id: uuid.UUID, since: dt.datetime, until: dt.datetime | None, limit: int
) -> list[BookingView]:
    """Her bookings that end in a stretch of time, the earliest first."""
    return await _read(
        door,
        "WHERE b.brand_id = $1 AND b.member_id = $2 AND b.ends_at >= $3"
        " AND ($4::timestamptz IS NULL OR b.ends_at < $4) AND b.state NOT IN ('rescheduled', 'expired')"
        " ORDER BY b.starts_at, b.id LIMIT $5",
        member_id, since, until, limit,
    )  # fmt: skip


async def of_day(door: Door, *, shop_id: uuid.UUID, day: dt.date) -> list[BookingView]:
    """A shop's day, in order; what was moved away or never paid is left out."""
    return await _read(
        door,
        "WHERE b.brand_id = $1 AND b.shop_id = $2 AND b.local_day = $3"
        " AND b.state NOT IN ('rescheduled', 'expired') ORDER BY b.starts_at, b.id",
        shop_id, day,
    )  # fmt: skip


async def open_days(
    door: Door, *, shop_id: uuid.UUID, since: dt.date, now: dt.datetime
) -> list[tuple[dt.date, int, int]]:
    """The next days on which something is open: how many wait for the shop, and how many were asked to choose."""
    sql = (
        "SELECT local_day, count(*) FILTER (WHERE state = 'requested'),"
        " count(*) FILTER (WHERE attention = 'choose') FROM appointments_booking"
        " WHERE brand_id = $1 AND shop_id = $2 AND local_day >= $3 AND starts_at > $4"
        " AND (state = 'requested' OR (state = 'confirmed' AND attention = 'choose'))"
        " GROUP BY local_day ORDER BY local_day LIMIT 14"
    )
    return [(row[0], row[1], row[2]) for row in await fetch(door, sql, brand_of(door), shop_id, since, now)]


async def of_staff(
    door: Door, *, staff_id: uuid.UUID, first: dt.date, last: dt.date, states: Iterable[BookingState]
) -> list[BookingView]:
    return await _read(
        door,
        "WHERE b.brand_id = $1 AND b.staff_id = $2 AND b.local_day BETWEEN $3 AND $4"
        " AND b.state = ANY($5::varchar[]) ORDER BY b.starts_at, b.id",
        staff_id, first, last, [state.value for state in states],
    )  # fmt: skip


async def coming(
    door: Door,
    *,
    staff_id: uuid.UUID | None,
    shop_id: uuid.UUID | None,
    since: dt.datetime,
    states: Iterable[BookingState],
    limit: int,
) -> list[BookingView]:
    """What begins later, of somebody or in a shop, the next first."""
    return await _read(
        door,
        "WHERE b.brand_id = $1 AND ($2::uuid IS NULL OR b.staff_id = $2) AND ($3::uuid IS NULL OR b.shop_id = $3)"
        " AND b.local_day >= ($4::timestamptz)::date - 1 AND b.starts_at > $4 AND b.state = ANY($5::varchar[])"
        " ORDER BY b.starts_at, b.id LIMIT $6",
        staff_id, shop_id, since, [state.value for state in states], limit,
    )  # fmt: skip


async def same_of_member(
    door: Door, *, member_id: uuid.UUID, shop_id: uuid.UUID, service_id: uuid.UUID, starts_at: dt.datetime
) -> BookingView | None:
    """Her live booking of exactly this."""
    found = await _read(
        door,
        "WHERE b.brand_id = $1 AND b.member_id = $2 AND b.shop_id = $3 AND b.service_id = $4"
        " AND b.starts_at = $5 AND b.state IN ('held', 'requested', 'confirmed')",
        member_id, shop_id, service_id, starts_at,
    )  # fmt: skip
    return found[0] if found else None


async def still_on(
    door: Door, *, booking_ids: Sequence[uuid.UUID], now: dt.datetime
) -> dict[uuid.UUID, Attention]:
    """Which of them stand and are still to come, and what is open about them."""
    sql = (
        "SELECT id, attention FROM appointments_booking WHERE brand_id = $1 AND id = ANY($2::uuid[])"
        " AND state IN ('confirmed', 'requested') AND starts_at > $3"
    )
    return {row[0]: Attention(row[1]) for row in await fetch(door, sql, brand_of(door), list(booking_ids), now)}


async def just_moved(door: Door, *, booking_ids: Sequence[uuid.UUID], since: dt.datetime) -> set[uuid.UUID]:
    """Which of them were moved away since then."""
    sql = (
        "SELECT id FROM appointments_booking WHERE brand_id = $1 AND id = ANY($2::uuid[])"
        " AND state = 'rescheduled' AND ended_at > $3"
    )
    return {row[0] for row in await fetch(door, sql, brand_of(door), list(booking_ids), since)}


async def moment(door: Door) -> dt.datetime:
    """What time it is by the database's clock."""
    [row] = await fetch(door, "SELECT now()")
    return msgspec.convert(row[0], dt.datetime)


async def history(door: Door, *, booking_id: uuid.UUID) -> list[HistoryEntry]:
    """What happened, oldest first."""
    rows = await fetch(
        door,
        "SELECT created_at, kind, actor, detail FROM appointments_booking_event"
        " WHERE brand_id = $1 AND booking_id = $2 ORDER BY id",
        brand_of(door),
        booking_id,
    )
    return [HistoryEntry(at=at, kind=kind, actor=actor, detail=detail) for at, kind, actor, detail in rows]


async def move(
    door: Door,
    *,
    booking_id: uuid.UUID,
    sources: Sequence[BookingState],
    target: BookingState,
    now: dt.datetime,
    reason: str = "",
    reason_code: ReasonCode = ReasonCode.NONE,
    is_end: bool = False,
) -> bool:
    """To another state, from one of these only."""
    names, code = [state.value for state in sources], reason_code.value
    return await run(door, MOVE, brand_of(door), booking_id, target.value, names, reason, now, is_end, code) == 1


async def unarrive(door: Door, *, booking_id: uuid.UUID) -> bool:
    """As if she had not been checked in."""
    sql = (
        "UPDATE appointments_booking SET state = 'confirmed', arrived_at = NULL, sequence = sequence + 1"
        " WHERE brand_id = $1 AND id = $2 AND state = 'arrived'"
    )
    return await run(door, sql, brand_of(door), booking_id) == 1


async def release(door: Door, *, booking_id: uuid.UUID) -> None:
    """Give back the time of staff, chair and customer; a group session's when its last seat is given back."""
    await run(door, RELEASE, brand_of(door), booking_id)


async def move_deposit(
    door: Door, *, booking_id: uuid.UUID, sources: Sequence[DepositState], target: DepositState
) -> bool:
    names = [state.value for state in sources]
    return await run(door, DEPOSIT, brand_of(door), booking_id, target.value, names) == 1


async def hand_deposit_on(door: Door, *, booking_id: uuid.UUID) -> None:
    """Another booking has it now."""
    await run(door, HAND_DEPOSIT_ON, brand_of(door), booking_id)


async def set_payment(door: Door, *, booking_id: uuid.UUID, payment_id: uuid.UUID) -> None:
    sql = "UPDATE appointments_booking SET payment_id = $3 WHERE brand_id = $1 AND id = $2"
    await run(door, sql, brand_of(door), booking_id, payment_id)


async def set_attention(door: Door, *, booking_id: uuid.UUID, attention: Attention) -> None:
    sql = "UPDATE appointments_booking SET attention = $3, sequence = sequence + 1 WHERE brand_id = $1 AND id = $2"
    await run(door, sql, brand_of(door), booking_id, attention.value)


async def set_people(
    door: Door, *, booking: BookingView, staff_id: uuid.UUID, resource_id: uuid.UUID | None
) -> None:
    """Somebody else, or another chair, at the same time; the constraint refuses who is busy."""
    for old, new in ((booking.staff_id, staff_id), (booking.resource_id, resource_id)):
        if old is not None and new is not None and old != new:
            await keeping.drop(door, booking_id=booking.id)  # It may be in its own way.
            sql = (
                "UPDATE appointments_occupancy SET resource_id = $4"
                " WHERE brand_id = $1 AND booking_id = $2 AND resource_id = $3 AND is_live AND NOT is_kept"
            )
            await run(door, sql, brand_of(door), booking.id, old, new)
    sql = (
        "UPDATE appointments_booking SET staff_id = $3, resource_id = $4, sequence = sequence + 1"
        " WHERE brand_id = $1 AND id = $2"
    )
    await run(door, sql, brand_of(door), booking.id, staff_id, resource_id)


async def note(
    door: Door,
    *,
    booking_id: uuid.UUID,
    kind: str,
    actor: Actor,
    actor_id: uuid.UUID | None,
    now: dt.datetime,
    detail: str = "",
) -> None:
    """A line in the booking's history."""
    await run(door, NOTE, brand_of(door), new_id(), now, booking_id, kind, actor.value, actor_id, detail)


async def _read(door: Door, condition: str, *args: object) -> list[BookingView]:
    rows = await fetch(door, f"{_READ} {condition}", brand_of(door), *args)
    return [msgspec.convert(dict(zip(_ORDER, row, strict=True)), BookingView, strict=False) for row in rows]
