"""What customers are told: asked of messaging in the transaction of the fact, withdrawn when it is none."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.events import BookingFacts, SlotOffered
from appointments.repository import bookings
from appointments.repository import setup as services
from stores import api as stores
from yundian.brands import api as brands
from yundian.messaging import api as messaging
from yundian.messaging.types import MessageWish, Value
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door

FOLLOW_UP_AFTER = dt.timedelta(hours=24)
# Asked by messaging when a reminder is about to go.
STILL_ON = "appointments.still_on"
_FACT = "appointment:"
_REMINDERS = (
    ("appointment.reminder_24h", dt.timedelta(hours=24)),
    ("appointment.reminder_2h", dt.timedelta(hours=2)),
)


class Due(Protocol):
    """A message that is about to be sent."""

    @property
    def message_id(self) -> uuid.UUID: ...
    @property
    def recheck(self) -> str: ...
    @property
    def fact_key(self) -> str: ...


async def confirmed(session: AsyncSession, booking: BookingFacts, *, is_moved: bool, now: dt.datetime) -> None:
    """That it stands, and reminders before it begins."""
    if booking.member_id is None:
        return
    values = await _values(session, booking, has_staff=True)
    template = "appointment.changed" if is_moved else "appointment.confirmed"
    wishes = [await _wish(session, booking, template, values)]
    for name, before in _REMINDERS:
        at = booking.starts_at - before
        if at > now:
            wishes.append(await _wish(session, booking, name, values, send_after=at, recheck=STILL_ON))
    await messaging.queue_many(session, wishes=wishes)


async def changed(session: AsyncSession, booking: BookingFacts, *, version: str) -> None:
    """That somebody else will serve, or that she is to choose."""
    if booking.member_id is not None:
        values = await _values(session, booking, has_staff=True)
        wish = await _wish(session, booking, "appointment.changed", values, version=version)
        await messaging.queue_many(session, wishes=[wish])


async def silence(door: Door, *, booking_id: uuid.UUID) -> None:
    """No reminder any more, from the commit of this transaction on."""
    await messaging.withdraw(door, fact_keys=[f"{_FACT}{booking_id}"])


async def recheck(tx: Tx, *, due: Sequence[Due], now: dt.datetime) -> None:
    """Whether what we wanted to remind of still stands. What is answered late is asked again."""
    asked = {one.message_id: _booking_id(one.fact_key) for one in due if one.recheck == STILL_ON}
    if not asked:
        return
    on = await bookings.still_on(tx, booking_ids=sorted(set(asked.values())), now=now)
    still = {message for message, booking in asked.items() if booking in on}
    await messaging.answer(tx, still=still, outdated=asked.keys() - still)


async def ended(session: AsyncSession, booking: BookingFacts, *, reason: str | None) -> None:
    """No reminder any more; with a reason also a word about it."""
    await messaging.withdraw(session, fact_keys=[_key(booking)])
    if booking.member_id is None or reason is None:
        return
    values = {**await _values(session, booking, has_staff=False), "reason": reason}
    wish = await _wish(session, booking, "appointment.cancelled", values, version="ended")
    await messaging.queue_many(session, wishes=[wish])


async def served(session: AsyncSession, booking: BookingFacts, *, at: dt.datetime) -> None:
    """A word the day after, to whoever wants any."""
    if booking.member_id is not None:
        values = await _values(session, booking, has_staff=True)
        values.pop("starts_at")
        wish = await _wish(
            session, booking, "appointment.follow_up", values, version="served", send_after=at + FOLLOW_UP_AFTER
        )
        await messaging.queue_many(session, wishes=[wish])


async def offered(session: AsyncSession, offer: SlotOffered) -> None:
    """That a time became free, and until when she can have it."""
    service = await services.get_service(session, service_id=offer.service_id)
    shops = await stores.get_shops(session, ids={offer.shop_id})
    await messaging.queue(
        session,
        fact_key=f"wait:{offer.wait_id}:{offer.starts_at.isoformat()}",
        member_id=offer.member_id,
        template="appointment.waitlist_offer",
        values={
            "service": service.name,
            "shop": shops[offer.shop_id].name,
            "starts_at": offer.starts_at,
            "until": offer.expires_at,
        },
        path=f"/m/{await brands.code_of(session)}/appointments",
        zone=shops[offer.shop_id].time_zone,
        useless_after=offer.expires_at,
    )


def _key(booking: BookingFacts, version: str = "") -> str:
    return f"{_FACT}{booking.booking_id}" + (f":{version}" if version else "")


def _booking_id(fact_key: str) -> uuid.UUID:
    return uuid.UUID(fact_key.removeprefix(_FACT).partition(":")[0])


async def _values(session: AsyncSession, booking: BookingFacts, *, has_staff: bool) -> dict[str, Value]:
    shops = await stores.get_shops(session, ids={booking.shop_id})
    values: dict[str, Value] = {
        "service": booking.service_name,
        "shop": shops[booking.shop_id].name,
        "starts_at": booking.starts_at,
    }
    if has_staff:
        values["staff"] = await services.staff_name(session, staff_id=booking.staff_id)
    return values


async def _wish(
    session: AsyncSession,
    booking: BookingFacts,
    template: str,
    values: dict[str, Value],
    *,
    version: str = "",
    send_after: dt.datetime | None = None,
    recheck: str = "",
) -> MessageWish:
    if booking.member_id is None:
        raise RuntimeError("nobody to tell")
    return MessageWish(
        fact_key=_key(booking, version),
        member_id=booking.member_id,
        template=template,
        values=values,
        path=f"/m/{await brands.code_of(session)}/appointments/{booking.code}",
        zone=booking.time_zone,
        send_after=send_after,
        recheck=recheck,
        useless_after=None if version in ("ended", "served") else booking.starts_at,
    )
