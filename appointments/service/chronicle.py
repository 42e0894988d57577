"""An appointment on a member's timeline: written anew from how it stands, so that order does not matter."""

import uuid
from collections.abc import Sequence

from appointments.events import ProductTried
from appointments.repository import bookings
from appointments.states import MISSED, BookingState
from appointments.types import BookingView
from yundian.members import api as members
from yundian.members.types import Happening, TimelineKind
from yundian.platform.db.database import Tx

CHANNEL = "appointment"
_ENDED = frozenset({BookingState.CANCELLED, BookingState.CANCELLED_LATE, BookingState.DECLINED})


async def keep(tx: Tx, *, booking_ids: Sequence[uuid.UUID]) -> None:
    """Bring the timelines of whoever booked these in line."""
    found = await bookings.by_ids(tx, booking_ids=sorted(set(booking_ids)))
    refs = [("appointment", booking_id) for booking_id in sorted(set(booking_ids))]
    await members.replace_happenings(tx, refs=refs, happenings=[each for one in found for each in _of(one)])


async def keep_tried(tx: Tx, *, tried: Sequence[ProductTried]) -> None:
    """What was tried, once for each product and appointment."""
    happenings = [
        Happening(
            member_id=one.booking.member_id,
            kind=TimelineKind.TRIED,
            ref_type="tried",
            ref_id=uuid.uuid5(one.booking.booking_id, one.sku_id.hex),
            at=one.tried_at,
            number=one.booking.code,
            channel=CHANNEL,
            shop_id=one.booking.shop_id,
            facts={"name": one.name},
        )
        for one in tried
        if one.booking.member_id is not None
    ]
    await members.replace_happenings(tx, refs=[], happenings=happenings)


def _of(one: BookingView) -> list[Happening]:
    if one.member_id is None or one.state is BookingState.RESCHEDULED:
        return []
    moments = {
        TimelineKind.APPOINTED: one.confirmed_at,
        TimelineKind.ARRIVED: one.arrived_at,
        TimelineKind.SERVED: one.ended_at if one.state is BookingState.COMPLETED else None,
        TimelineKind.MISSED: one.ended_at if one.state in MISSED else None,
        TimelineKind.APPOINTMENT_ENDED: one.ended_at if one.state in _ENDED else None,
    }
    return [
        Happening(
            member_id=one.member_id,
            kind=kind,
            ref_type="appointment",
            ref_id=one.id,
            at=at,
            number=one.code,
            channel=CHANNEL,
            shop_id=one.shop_id,
            currency=one.currency,
            facts=_facts(one),
        )
        for kind, at in moments.items()
        if at is not None
    ]


def _facts(one: BookingView) -> dict[str, str | int]:
    facts: dict[str, str | int] = {"name": f"{one.service_name} · {one.staff_name}"}
    if one.service_name_en or one.staff_name_en:
        english = (one.service_name_en or one.service_name, one.staff_name_en or one.staff_name)
        facts["name_en"] = " · ".join(english)
    return facts
