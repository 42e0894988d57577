"""Parts of the statements that ask which times can be had.

``$1`` is the brand, then what ``Question.arguments`` gives in its order: ``$2`` shop, ``$3`` service, ``$4`` and
``$5`` the first and the last moment at which something may begin, ``$6`` and ``$7`` the days around them, ``$8``
member, ``$9`` since when no-shows count, ``$10`` whether it is asked who was booked when, ``$11`` a booking, or
with ``OF_SESSION`` a group session, whose own time does not count.
"""

import datetime as dt
import struct
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from appointments.rules.days import CELL_MIN, cell_of
from appointments.states import DayRule
from appointments.types import (
    Busy,
    ChairPlan,
    HoursEntry,
    Plans,
    ServiceView,
    SessionPlan,
    ShopDayEntry,
    StaffPlan,
)
from stores import api as stores

# Pairs of numbers in bytes, the first and the end cell of each: their text would cost either side far more.
CELLS = """string_agg(int8send((date_part('epoch', o.starts_at)::bigint / 300 << 32)
    | (date_part('epoch', o.ends_at)::bigint + 299) / 300), '') AS cells"""


@dataclass(frozen=True)
class NotOwn:
    """Which busy times ``o``, bookings ``b`` and sessions ``g`` count: not those of ``$11``, which is moved."""

    busy: str
    booking: str
    session: str


# A session that is kept as a whole, for what is moved, is in nobody's way but others'.
_KEPT_WHOLE = """NOT EXISTS (SELECT FROM appointments_occupancy k WHERE k.brand_id = $1 AND k.resource_id = g.id
    AND k.is_live AND k.is_kept AND {whose})"""

OF_BOOKING = NotOwn(
    busy="(o.booking_id IS NULL OR o.booking_id IS DISTINCT FROM $11::uuid)",
    booking="b.id IS DISTINCT FROM $11::uuid",
    session=f"NOT g.is_private AND {_KEPT_WHOLE.format(whose='k.booking_id = $11::uuid')}",
)
_OF_ITS_PEOPLE = """booking_id IN (SELECT x.id FROM appointments_booking x
    WHERE x.brand_id = $1 AND x.session_id = $11::uuid)"""
# A group session that is moved as a whole.
OF_SESSION = NotOwn(
    busy=f"o.session_id IS DISTINCT FROM $11::uuid AND NOT (o.is_kept AND coalesce(o.{_OF_ITS_PEOPLE}, false))",
    booking="b.session_id IS DISTINCT FROM $11::uuid",
    session=f"NOT g.is_private AND g.id <> $11::uuid AND {_KEPT_WHOLE.format(whose=f'k.{_OF_ITS_PEOPLE}')}",
)

BUSY_STATES = "('held', 'requested', 'confirmed', 'arrived', 'in_service', 'completed')"

_SHOP_DAYS = """coalesce((SELECT json_agg(json_build_array(d.day, d.opens, d.closes)) FROM appointments_shop_day d
    WHERE d.brand_id = $1 AND d.shop_id = $2 AND d.day BETWEEN $6 AND $7), '[]')"""

_RULE = """(SELECT json_build_array(r.holidays, r.workdays) FROM appointments_shop_rule r
    WHERE r.brand_id = $1 AND r.shop_id = $2)"""

_MEMBER = """(SELECT json_build_array(
    count(*) FILTER (WHERE b.state = 'held' AND b.starts_at > now()),
    count(*) FILTER (WHERE b.state IN ('no_show', 'no_show_penalized') AND b.starts_at > $9))
    FROM appointments_booking b WHERE b.brand_id = $1 AND b.member_id = $8::uuid AND b.starts_at > $9)"""

# None for whoever has written something already, and so might see what others do not.
REVISION = """(SELECT r.revision FROM appointments_setup_revision r WHERE r.brand_id = $1 AND r.id = $1
    AND pg_current_xact_id_if_assigned() IS NULL)"""

NEVER: Busy = ((), ())


def live(own: NotOwn, *, since: str, until: str) -> str:
    """Busy times ``o`` that reach into the time between two moments.

    Plain comparisons, which row policies leave their index. Nothing takes longer than a day (a constraint), so
    that the index is read from one end of the asked time to the other and not to the end of all time.
    """
    return f"""FROM appointments_occupancy o WHERE o.brand_id = $1 AND o.is_live
    AND o.ends_at > {since} AND o.ends_at < {until} + interval '24 hours' AND o.starts_at < {until}
    AND {own.busy}"""


def taken(own: NotOwn, *, whom: str, since: str, until: str, served: str) -> str:
    """Who or what of ``whom`` is busy between two moments; the customer from ``$4`` until ``served``."""
    return f"""SELECT o.resource_id AS id {live(own, since=since, until=until)} AND o.resource_id = ANY({whom})
    AND (o.resource_id IS DISTINCT FROM $8::uuid OR (o.ends_at > $4 AND o.starts_at < {served}))"""  # noqa: S608


def booked(own: NotOwn, *, whom: str, first: str = "$6", last: str = "$7") -> str:
    """How many appointments each of ``whom`` has on each day: ``staff_id, local_day, n``.

    A group session is one of hers who serves, however many sit in it. What is kept for an appointment that its
    shop moved counts: it may come back.
    """
    between = f"BETWEEN {first}::date AND {last}::date"
    near = f"""o.ends_at > {first}::date - interval '2 days' AND o.starts_at < {last}::date + interval '3 days'
        AND o.brand_id = $1 AND o.is_kept AND {own.busy}"""
    zone = """(SELECT z.time_zone FROM appointments_booking z WHERE z.brand_id = $1
        AND CASE WHEN o.booking_id IS NULL THEN z.session_id = o.session_id ELSE z.id = o.booking_id END
        LIMIT 1)"""
    return f"""SELECT staff_id, local_day, count(DISTINCT what) AS n FROM (
    SELECT b.staff_id, b.local_day, coalesce(b.session_id, b.id) AS what FROM appointments_booking b
    WHERE b.brand_id = $1 AND b.local_day {between} AND b.state IN {BUSY_STATES} AND b.staff_id = ANY({whom})
        AND {own.booking}
    UNION ALL
    SELECT o.resource_id, (o.starts_at AT TIME ZONE {zone})::date, coalesce(o.session_id, o.booking_id)
    FROM appointments_occupancy o WHERE {near} AND o.is_live AND o.resource_id = ANY({whom})
    UNION ALL
    SELECT g.staff_id, (g.starts_at AT TIME ZONE {zone})::date, g.id FROM appointments_occupancy o
    JOIN appointments_session g ON g.brand_id = $1 AND g.id = o.resource_id
    WHERE {near} AND NOT o.is_live AND g.staff_id = ANY({whom})
) counted WHERE local_day {between} GROUP BY staff_id, local_day"""  # noqa: S608


def last_booked(*, busy: str) -> str:
    """When somebody ``s`` was booked last. Nobody asks that of who is ``busy``."""
    return f"""(SELECT b.created_at FROM appointments_booking b WHERE b.brand_id = $1 AND b.staff_id = s.id
    AND b.state IN {BUSY_STATES} AND $10::boolean AND s.id <> ALL({busy}) ORDER BY b.created_at DESC LIMIT 1)"""  # noqa: S608


def around(own: NotOwn) -> str:
    """Everything but the people, the chairs and when they are busy: keys and values of a JSON object."""
    sessions = f"""coalesce((SELECT json_agg(json_build_object('id', g.id, 'staff_id', g.staff_id,
        'starts_at', g.starts_at, 'left', g.seats - g.taken))
    FROM appointments_session g WHERE g.brand_id = $1 AND g.shop_id = $2 AND g.service_id = $3 AND g.is_open
    AND {own.session} AND g.starts_at >= $4 AND g.starts_at <= $5), '[]')"""  # noqa: S608
    return f"""'now', now(), 'shop', {stores.opening_json("$2")}, 'sessions', {sessions},
    'shop_days', {_SHOP_DAYS}, 'rule', {_RULE}, 'member', {_MEMBER}"""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked: what begins from ``since`` until ``until``, both included.

    ``is_booking`` also asks who was booked when; ``moving`` is a booking whose own time does not count, or with
    ``is_session`` a group session.
    """

    shop_id: uuid.UUID
    service_id: uuid.UUID
    since: dt.datetime
    until: dt.datetime
    first: dt.date
    last: dt.date
    member_id: uuid.UUID | None
    no_shows_since: dt.datetime
    is_booking: bool
    moving: uuid.UUID | None
    is_session: bool = False

    @property
    def is_moment(self) -> bool:
        return self.since == self.until

    @property
    def arguments(self) -> tuple[object, ...]:
        """In the order of the parts' parameters, after the brand."""
        return msgspec.structs.astuple(self)[:-1]


class Shop(msgspec.Struct, frozen=True, array_like=True):
    """Where: its zone, whether it is in business, and its weekly hours."""

    time_zone: str
    is_in_business: bool
    hours: tuple[HoursEntry, ...]


class Around(msgspec.Struct):
    """What ``around`` gave: all but the people, the chairs and when they are busy."""

    now: dt.datetime
    shop: Shop | None
    sessions: tuple[SessionPlan, ...]
    shop_days: tuple[ShopDayEntry, ...]
    rule: tuple[DayRule, DayRule] | None
    member: tuple[int, int]

    def plans(
        self,
        *,
        service: ServiceView,
        staff: tuple[StaffPlan, ...],
        chairs: tuple[uuid.UUID, ...],
        busy: Mapping[uuid.UUID, Busy],
        member_id: uuid.UUID | None,
    ) -> Plans:
        """All of it together."""
        holidays, workdays = self.rule or (DayRule.AS_USUAL, DayRule.AS_USUAL)
        return Plans(
            service=service,
            staff=staff,
            chairs=tuple(ChairPlan(id, busy.get(id, NEVER)) for id in chairs),
            sessions=self.sessions,
            shop_days=self.shop_days,
            holidays=holidays,
            workdays=workdays,
            member_busy=busy.get(member_id, NEVER) if member_id else NEVER,
            member_holds=self.member[0],
            member_no_shows=self.member[1],
            asked_at=self.now,
        )


def busy_then(question: Question, service: ServiceView, ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, Busy]:
    """What ``taken`` gave: whoever is busy in the time of a moment is so for all of it."""
    first = cell_of(question.since) - service.buffer_before_min // CELL_MIN
    minutes = service.buffer_before_min + service.duration_min + service.buffer_after_min
    return dict.fromkeys(ids, ((first,), (first + minutes // CELL_MIN,)))


def busy_of(cells: bytes | None) -> Busy:
    """What ``CELLS`` gave."""
    if not cells:
        return NEVER
    numbers = struct.unpack(f">{len(cells) // 4}i", cells)
    return numbers[::2], numbers[1::2]
