"""What customers are told: asked of messaging in the transaction of the fact, withdrawn when it is none."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Protocol

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.events import BookingCancelled, BookingDeclined, BookingFacts, SlotOffered
from appointments.repository import bookings
from appointments.repository import setup as services
from appointments.rules import life
from appointments.states import Attention
from stores import api as stores
from stores.types import ShopView
from yundian.brands import api as brands
from yundian.messaging import api as messaging
from yundian.messaging.types import MessageWish, Value
from yundian.platform.core.words import Words
from yundian.platform.db.database import Tx
from yundian.platform.outbox.door import Door

FOLLOW_UP_AFTER = dt.timedelta(hours=24)
# Asked by messaging when a reminder is about to go.
STILL_ON = "appointments.still_on"
_FACT = "appointment:"
_CHOOSE = ":choose"
# How long before she is reminded, and until when that is of use: the later one tells all that the earlier would.
_REMINDERS = (
    ("appointment.reminder_24h", dt.timedelta(hours=24), dt.timedelta(hours=2)),
    ("appointment.reminder_2h", dt.timedelta(hours=2), dt.timedelta(0)),
)
# What the house noted for itself before its notes had codes: no sentence to a customer.
_NOTED_BEFORE = frozenset({"no answer", "refunded"})


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
    for name, before, until in _REMINDERS:
        at, last = booking.starts_at - before, booking.starts_at - until
        if at > now:
            wish = await _wish(session, booking, name, values, send_after=at, useless_after=last, recheck=STILL_ON)
            wishes.append(wish)
    await messaging.queue_many(session, wishes=wishes)


async def changed(session: AsyncSession, booking: BookingFacts, *, version: str) -> None:
    """That somebody else will serve, or that she is to choose; reminders say so too."""
    if booking.member_id is not None:
        values = await _values(session, booking, has_staff=True)
        template = "appointment.choose" if version == "choose" else "appointment.reassigned"
        await messaging.revise(session, fact_key=_key(booking), values=values)
        wish = await _wish(session, booking, template, values, version=version, recheck=STILL_ON)
        await messaging.queue_many(session, wishes=[wish])


async def silence(door: Door, *, booking_id: uuid.UUID) -> None:
    """No reminder any more, from the commit of this transaction on."""
    await messaging.withdraw(door, fact_keys=[f"{_FACT}{booking_id}"])


async def recheck(tx: Tx, *, due: Sequence[Due], now: dt.datetime) -> None:
    """Whether what we wanted to tell still stands. What is answered late is asked again."""
    ours = [one for one in due if one.recheck == STILL_ON]
    asked = {_booking_id(one.fact_key) for one in ours}
    # What a shop moved a moment ago may be back in the next one: we are asked again.
    may_return = await bookings.just_moved(tx, booking_ids=sorted(asked), since=now - 2 * life.UNDO_FOR)
    ours = [one for one in ours if _booking_id(one.fact_key) not in may_return]
    if ours:
        on = await still(tx, due=ours, now=now)
        await messaging.answer(tx, still=on, outdated={one.message_id for one in ours} - on)


async def still(tx: Tx, *, due: Sequence[Due], now: dt.datetime) -> set[uuid.UUID]:
    """Which messages tell what is true: nobody is reminded of what nobody can serve, nor asked to choose anew what
    somebody serves again."""
    asked = {one.message_id: _booking_id(one.fact_key) for one in due}
    to_choose = {one.message_id for one in due if one.fact_key.endswith(_CHOOSE)}
    on = await bookings.still_on(tx, booking_ids=sorted(set(asked.values())), now=now)
    return {
        message
        for message, booking in asked.items()
        if booking in on and (on[booking] is Attention.CHOOSE) == (message in to_choose)
    }


async def over(session: AsyncSession, booking: BookingFacts) -> None:
    """No reminder any more."""
    await messaging.withdraw(session, fact_keys=[_key(booking)])


async def ended(session: AsyncSession, event: BookingDeclined | BookingCancelled) -> None:
    """A word about it, with the reason in people's words if there is one."""
    booking = event.booking
    await over(session, booking)
    if booking.member_id is None:
        return
    is_note = event.reason_code is None and event.reason in _NOTED_BEFORE
    values = {**await _values(session, booking, has_staff=False), "reason": "" if is_note else event.reason}
    template = "appointment.declined" if isinstance(event, BookingDeclined) else "appointment.cancelled"
    wish = await _wish(session, booking, template, values, version="ended")
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
        # The same time may be freed, offered and taken more than once.
        fact_key=f"wait:{offer.wait_id}:{offer.starts_at.isoformat()}:{offer.expires_at.isoformat()}",
        member_id=offer.member_id,
        template="appointment.waitlist_offer",
        values={
            "service": Words(service.name, service.name_en),
            "shop": _shop(shops[offer.shop_id]),
            "starts_at": offer.starts_at,
            "until": offer.expires_at,
        },
        path=f"/m/{await brands.code_of(session)}/appointments",
        zone=shops[offer.shop_id].time_zone,
        shop_id=offer.shop_id,
        useless_after=offer.expires_at,
    )


def _key(booking: BookingFacts, version: str = "") -> str:
    return f"{_FACT}{booking.booking_id}" + (f":{version}" if version else "")


def _booking_id(fact_key: str) -> uuid.UUID:
    return uuid.UUID(fact_key.removeprefix(_FACT).partition(":")[0])


async def _values(session: AsyncSession, booking: BookingFacts, *, has_staff: bool) -> dict[str, Value]:
    shops = await stores.get_shops(session, ids={booking.shop_id})
    values: dict[str, Value] = {
        "service": await _service(session, booking),
        "shop": _shop(shops[booking.shop_id]),
        "starts_at": booking.starts_at,
    }
    if has_staff:
        names = await services.staff_names(session, staff_ids=[booking.staff_id])
        values["staff"] = names.get(booking.staff_id, "")
    return values


def _shop(shop: ShopView) -> Words:
    return Words(shop.name, shop.name_en)


async def _service(session: AsyncSession, booking: BookingFacts) -> Words:
    """Under the name it was booked by; a service that is called otherwise now has no English for that."""
    service = await services.get_service(session, service_id=booking.service_id)
    return Words(booking.service_name, service.name_en if service.name == booking.service_name else "")


async def _wish(
    session: AsyncSession,
    booking: BookingFacts,
    template: str,
    values: dict[str, Value],
    *,
    version: str = "",
    send_after: dt.datetime | None = None,
    useless_after: dt.datetime | None = None,
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
        shop_id=booking.shop_id,
        send_after=send_after,
        recheck=recheck,
        useless_after=useless_after or (None if version in ("ended", "served") else booking.starts_at),
    )
