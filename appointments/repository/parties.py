"""Statements about groups that buy a session together."""

import datetime as dt
import uuid

import msgspec

from appointments.repository.bookings import insert_part
from appointments.states import PartyState
from appointments.types import NewBooking
from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event
from yundian.platform.outbox.door import Door, brand_of, fetch, run


class PartyView(msgspec.Struct, frozen=True, kw_only=True):
    """A group's session. ``held_id`` is the booking that holds its time while the group fills."""

    id: uuid.UUID
    group_id: uuid.UUID
    campaign_id: uuid.UUID
    session_id: uuid.UUID
    shop_id: uuid.UUID
    service_id: uuid.UUID
    state: PartyState
    starts_at: dt.datetime
    ends_at: dt.datetime
    staff_id: uuid.UUID
    seats: int
    taken: int
    held_id: uuid.UUID | None


_OFFER = "SELECT service_id FROM appointments_group_offer WHERE brand_id = $1 AND campaign_id = $2"

_PUT_OFFER = """
INSERT INTO appointments_group_offer (brand_id, id, created_at, campaign_id, service_id)
VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (brand_id, campaign_id) DO UPDATE SET service_id = EXCLUDED.service_id
"""

_OPEN = """
INSERT INTO appointments_party (brand_id, id, created_at, group_id, campaign_id, session_id, shop_id, service_id,
    state) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'held')
"""

_READ = """
SELECT p.id, p.group_id, p.campaign_id, p.session_id, p.shop_id, p.service_id, p.state, g.starts_at, g.ends_at,
    g.staff_id, g.seats, g.taken,
    (SELECT b.id FROM appointments_booking b WHERE b.brand_id = $1 AND b.session_id = p.session_id
        AND b.state = 'held' ORDER BY b.id LIMIT 1) AS held_id
FROM appointments_party p JOIN appointments_session g ON g.brand_id = $1 AND g.id = p.session_id
WHERE p.brand_id = $1 AND p.group_id = $2
"""
_ORDER = tuple(PartyView.__struct_fields__)

_END = """
UPDATE appointments_party SET state = $3, ended_at = $4 WHERE brand_id = $1 AND group_id = $2 AND state = 'held'
"""

_TAKEN = "UPDATE appointments_session SET taken = $3 WHERE brand_id = $1 AND id = $2"

_HAND_ON = """
WITH anchor AS (
    UPDATE appointments_booking SET member_id = $3, request_key = $4 WHERE brand_id = $1 AND id = $2
    RETURNING id, starts_at, ends_at
), hers AS (
    INSERT INTO appointments_occupancy
        (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, is_live)
    SELECT $1, $5, $6, $3, a.starts_at, a.ends_at, a.id, true FROM anchor a
    WHERE NOT EXISTS (SELECT FROM appointments_occupancy o
        WHERE o.brand_id = $1 AND o.booking_id = $2 AND o.resource_id = $3 AND o.is_live)
    ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING
)
UPDATE appointments_occupancy SET is_live = false
WHERE brand_id = $1 AND booking_id = $2 AND resource_id <> $3 AND is_live
"""


# Only what the house itself wrote: keys of other bookings are the customers'.
_ORDER_BEHIND = """
WITH RECURSIVE back AS (
    SELECT moved_from, source, request_key FROM appointments_booking WHERE brand_id = $1 AND id = $2
    UNION ALL
    SELECT b.moved_from, b.source, b.request_key FROM back
        JOIN appointments_booking b ON b.brand_id = $1 AND b.id = back.moved_from
)
SELECT request_key FROM back WHERE source = 'group' AND request_key LIKE 'group:%' LIMIT 1
"""

_CHECKED_IN_BY = """
SELECT actor_id FROM appointments_booking_event WHERE brand_id = $1 AND booking_id = $2 AND kind = 'arrived'
ORDER BY id DESC LIMIT 1
"""
_KEY = "group:"


def key_of(order_id: uuid.UUID) -> str:
    """The request that a group member's order is, for her seat."""
    return f"{_KEY}{order_id}"


async def order_behind(door: Door, *, booking_id: uuid.UUID) -> uuid.UUID | None:
    """The order that a group's member paid for this booking, or for the one that it was moved from."""
    rows = await fetch(door, _ORDER_BEHIND, brand_of(door), booking_id)
    return uuid.UUID(rows[0][0].removeprefix(_KEY)) if rows else None


async def checked_in_by(door: Door, *, booking_id: uuid.UUID) -> uuid.UUID | None:
    """The account that checked her in last."""
    rows = await fetch(door, _CHECKED_IN_BY, brand_of(door), booking_id)
    return rows[0][0] if rows else None


async def service_of(door: Door, *, campaign_id: uuid.UUID) -> uuid.UUID | None:
    """What the groups of a campaign buy a session of."""
    rows = await fetch(door, _OFFER, brand_of(door), campaign_id)
    return rows[0][0] if rows else None


async def offers(door: Door) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Campaigns and the services their groups buy, the newest first."""
    sql = "SELECT campaign_id, service_id FROM appointments_group_offer WHERE brand_id = $1 ORDER BY id DESC"
    return [(row[0], row[1]) for row in await fetch(door, sql, brand_of(door))]


async def offer(door: Door, *, campaign_id: uuid.UUID, service_id: uuid.UUID, now: dt.datetime) -> None:
    """Groups of the campaign buy a session of this service; a draft may change its mind."""
    await run(door, _PUT_OFFER, brand_of(door), new_id(), now, campaign_id, service_id)


async def open_party(
    tx: Tx, *, group_id: uuid.UUID, campaign_id: uuid.UUID, held: NewBooking, now: dt.datetime
) -> None:
    await tx.execute(
        _OPEN, tx.brand, new_id(), now, group_id, campaign_id, held.session_id, held.shop_id, held.service_id
    )


async def of_group(door: Door, *, group_id: uuid.UUID, is_locked: bool = False) -> PartyView | None:
    """The session of a group; ``is_locked`` until the transaction ends."""
    lock = " FOR NO KEY UPDATE OF p" if is_locked else ""
    rows = await fetch(door, _READ + lock, brand_of(door), group_id)
    if not rows:
        return None
    return msgspec.convert(dict(zip(_ORDER, rows[0], strict=True)), PartyView, strict=False)


async def end(door: Door, *, group_id: uuid.UUID, state: PartyState, now: dt.datetime) -> bool:
    """Booked or freed, once."""
    return await run(door, _END, brand_of(door), group_id, state.value, now) == 1


async def seat_everybody(door: Door, *, session_id: uuid.UUID, count: int) -> None:
    await run(door, _TAKEN, brand_of(door), session_id, count)


async def hand_on(door: Door, *, booking_id: uuid.UUID, member_id: uuid.UUID, key: str, now: dt.datetime) -> None:
    """The seat that was held is this member's, and so is her time where she has it; the time of whoever held it
    before is her own again."""
    await run(door, _HAND_ON, brand_of(door), booking_id, member_id, key, new_id(), now)


async def seat(tx: Tx, *, booking: NewBooking, told: Event) -> None:
    """A seat of the session for one more of the group; her own time is taken where she has it."""
    cte, brand = Cte(), brand_of(tx)
    insert_part(cte, brand=brand, booking=booking, given=None)
    values = (brand, new_id(), booking.created_at, booking.member_id, *booking.served, booking.id)
    kinds = ("uuid", "uuid", "timestamptz", "uuid", "timestamptz", "timestamptz", "uuid")
    selected = ", ".join(f"{cte.value(value)}::{kind}" for value, kind in zip(values, kinds, strict=True))
    cte.part(
        "member_time",
        "INSERT INTO appointments_occupancy"  # noqa: S608  (names of our own, every value is a parameter)
        " (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, is_live)"
        f" SELECT {selected}, true FROM placed"
        " ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING",
    )
    first = cte.values(outbox.arguments([told]))
    events = outbox.fragment(brand=cte.value(brand), first=first)
    cte.part("told", f"{events} WHERE EXISTS (SELECT FROM placed)")
    cte.records_events()
    await cte.fetchrow(tx, "SELECT 1")
