"""Taking time: whoever is to be busy is tried one after the other inside the database's constraint.

The order is the same everywhere, the customer, the staff, the chair, and nobody waits for one kind while holding a
later one. A time that is taken answers with no row, so that a try that fails undoes nothing that succeeded.
"""

import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from appointments.repository.bookings import insert_part
from appointments.repository.plan_parts import NotOwn, booked
from appointments.types import NewBooking
from yundian.platform.core.ids import new_id
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event
from yundian.platform.outbox.door import brand_of

_LOCK_CAPPED = """
SELECT id, daily_cap FROM appointments_staff WHERE brand_id = $1 AND id = ANY($2::uuid[]) AND daily_cap > 0
ORDER BY id FOR NO KEY UPDATE
"""

_COUNT_DAY = booked(
    NotOwn(busy="o.booking_id IS DISTINCT FROM $4::uuid", booking="b.id IS DISTINCT FROM $4::uuid", session=""),
    whom="$2::uuid[]",
    first="$3",
    last="$3",
)

_JOIN_SESSION = """
UPDATE appointments_session SET taken = taken + 1
WHERE brand_id = $1 AND id = $2 AND is_open AND taken < seats RETURNING staff_id, resource_id
"""


class Kind(StrEnum):
    MEMBER = "member"
    STAFF = "staff"
    CHAIR = "chair"


_TIME = """
INSERT INTO appointments_occupancy
    (brand_id, id, created_at, resource_id, starts_at, ends_at, booking_id, session_id, is_live)
SELECT $1::uuid, $2::uuid, $3::timestamptz, $4::uuid, $5::timestamptz, $6::timestamptz, $7::uuid, $8::uuid, true
{source}
ON CONFLICT ON CONSTRAINT ex_appointments_occupancy_no_overlap DO NOTHING RETURNING id
"""
_TOLD = f"{outbox.fragment(brand='$1', first=2)} WHERE EXISTS (SELECT FROM placed)"
_TIMES = {kind: f"{kind}_time" for kind in Kind}


@lru_cache(maxsize=16)
def _time(gate: str | None) -> str:
    return _TIME.format(source=f"FROM {gate}" if gate else "")


@lru_cache(maxsize=16)
def _found(*kinds: Kind) -> str:
    """Whether the booking was placed, and whose time was taken."""
    return f"SELECT {', '.join(f'EXISTS (TABLE {table})' for table in ('placed', *map(_TIMES.get, kinds)))}"


@dataclass(frozen=True)
class Wanted:
    """One of these has to be free; ``is_served``: only while the service lasts, without its buffers."""

    kind: Kind
    resources: Sequence[uuid.UUID]
    is_served: bool = False


@dataclass
class _Taken:
    """What is ours so far."""

    resources: dict[Kind, uuid.UUID] = field(default_factory=dict)
    tried: dict[Kind, int] = field(default_factory=dict)

    def candidate(self, wanted: Wanted) -> uuid.UUID:
        return wanted.resources[self.tried.get(wanted.kind, 0)]


@dataclass(frozen=True)
class Missed:
    """Nobody of this kind could be had."""

    kind: Kind


Describe = Callable[[NewBooking], Sequence[Event]]


async def take(
    tx: Tx, *, booking: NewBooking, wanted: Sequence[Wanted], is_new_session: bool, describe: Describe
) -> NewBooking | Missed:
    """Write the booking with the first of each kind that can be had, its history and its events.

    One statement when nobody is in the way, one more for each that is. After ``Missed`` roll back. With
    ``is_new_session`` the time of staff and chair belongs to a new group session.
    """
    taken = _Taken()
    asked = [one for one in wanted if one.resources or one.kind is not Kind.MEMBER]
    for one in asked:
        if not one.resources:
            return Missed(one.kind)
    while True:
        left = [one for one in asked if one.kind not in taken.resources]
        chosen = {one.kind: taken.resources.get(one.kind) or taken.candidate(one) for one in asked}
        complete = booking.with_people(chosen.get(Kind.STAFF), chosen.get(Kind.CHAIR))
        cte = Cte()
        gate = _take_parts(cte, tx, complete, left, chosen, is_new_session=is_new_session)
        if is_new_session:
            gate = _session_part(cte, tx, complete, gate)
        insert_part(cte, brand=brand_of(tx), booking=complete, given=gate)
        cte.add("told", _TOLD, brand_of(tx), *outbox.arguments(describe(complete)))
        cte.records_events()
        row = await cte.fetchrow(tx, _found(*(one.kind for one in left)))
        if row is not None and row[0]:
            return complete
        missed = _note(taken, left, list(row or ())[1:])
        if missed is not None:
            return missed


def _note(taken: _Taken, left: Sequence[Wanted], found: Sequence[bool]) -> Missed | None:
    """Remember what could be had; ``Missed`` when there is nobody left to try."""
    for one, is_taken in zip(left, found, strict=False):
        if is_taken:
            taken.resources[one.kind] = taken.candidate(one)
            continue
        taken.tried[one.kind] = taken.tried.get(one.kind, 0) + 1
        return Missed(one.kind) if taken.tried[one.kind] >= len(one.resources) else None
    # Everybody could be had, but the session was opened by somebody else in between.
    return Missed(Kind.STAFF)


def _take_parts(
    cte: Cte,
    tx: Tx,
    booking: NewBooking,
    left: Sequence[Wanted],
    chosen: dict[Kind, uuid.UUID],
    *,
    is_new_session: bool,
) -> str | None:
    gate: str | None = None
    for one in left:
        first, until = booking.served if one.is_served else booking.occupied
        of_session = is_new_session and one.kind is not Kind.MEMBER
        name = _TIMES[one.kind]
        cte.add(
            name,
            _time(gate),
            brand_of(tx),
            new_id(),
            booking.created_at,
            chosen[one.kind],
            first,
            until,
            None if of_session else booking.id,
            booking.session_id if of_session else None,
        )
        gate = name
    return gate


def _session_part(cte: Cte, tx: Tx, booking: NewBooking, gate: str | None) -> str:
    values = (
        (brand_of(tx), "uuid"),
        (booking.session_id, "uuid"),
        (booking.created_at, "timestamptz"),
        (booking.shop_id, "uuid"),
        (booking.service_id, "uuid"),
        (booking.staff_id, "uuid"),
        (booking.resource_id, "uuid"),
        (booking.starts_at, "timestamptz"),
        (booking.ends_at, "timestamptz"),
        (booking.seats, "int"),
        (booking.is_private, "boolean"),
    )
    selected = ", ".join(f"{cte.value(value)}::{kind}" for value, kind in values)
    cte.part(
        "session",
        "INSERT INTO appointments_session"  # noqa: S608
        " (brand_id, id, created_at, shop_id, service_id, staff_id, resource_id, starts_at, ends_at, seats,"
        f" is_private, taken, is_open) SELECT {selected}, 1, true{f' FROM {gate}' if gate else ''}"
        " ON CONFLICT DO NOTHING RETURNING id",
    )
    return "session"


async def within_caps(
    tx: Tx, *, people: Sequence[uuid.UUID], day: dt.date, but: uuid.UUID | None
) -> list[uuid.UUID]:
    """Those of them who take one more on this day, in their order.

    The rows of all who have a cap stay locked, taken in one order, so that whoever comes next counts this one too.
    """
    caps = {row[0]: row[1] for row in await tx.fetch(_LOCK_CAPPED, brand_of(tx), list(people))}
    if not caps:
        return list(people)
    rows = await tx.fetch(_COUNT_DAY, brand_of(tx), list(caps), day, but)
    taken = {row[0]: row[2] for row in rows}
    return [person for person in people if person not in caps or taken.get(person, 0) < caps[person]]


async def join_session(tx: Tx, *, session_id: uuid.UUID) -> tuple[uuid.UUID, uuid.UUID | None] | None:
    """One more seat, if there is one: who serves and where."""
    row = await tx.fetchrow(_JOIN_SESSION, brand_of(tx), session_id)
    return None if row is None else (row[0], row[1])
