"""The waiting list: a freed time is offered to one after the other, held for each; or to all at once."""

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

from appointments.errors import AlreadyWaiting, NotWaiting, NoWaitlist, WaitUnknown
from appointments.events import BookingConfirmed, BookingRequested, SlotFreed, SlotOffered
from appointments.repository import bookings, waits
from appointments.repository import setup as services
from appointments.rules import life as life_rules
from appointments.service import booking as book
from appointments.service import facts, life, planning
from appointments.states import BookingState, DepositState, Source, WaitMode, WaitState
from appointments.types import Actor, BookingView, ServiceView, WaitView
from stores import api as stores
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox, timers
from yundian.platform.outbox.door import Door

OFFER_TIMER = "appointments.offer"
# A line longer than this is not served from one freed time.
_LINE = 50


async def join(
    door: Door,
    *,
    member_id: uuid.UUID,
    shop_id: uuid.UUID,
    service_id: uuid.UUID,
    staff_id: uuid.UUID | None,
    day: dt.date,
    window: tuple[int, int] = (0, 1440),
    now: dt.datetime,
) -> None:
    """At the end of the line of a day. Raises ``NoWaitlist`` or ``AlreadyWaiting``."""
    service = await services.get_service(door, service_id=service_id)
    if service.wait_mode is WaitMode.OFF:
        raise NoWaitlist
    shop = await stores.get_opening(door, shop_id=shop_id)
    today = now.astimezone(ZoneInfo(shop.time_zone)).date()
    if not today <= day <= today + dt.timedelta(days=service.horizon_days):
        raise InvalidInput("day", "not a day that can be booked")
    added = await waits.add(
        door,
        member_id=member_id,
        shop_id=shop_id,
        service_id=service_id,
        staff_id=staff_id,
        day=day,
        window=window,
        now=now,
    )
    if added is None:
        raise AlreadyWaiting


async def leave(door: Door, *, wait_id: uuid.UUID, member_id: uuid.UUID, now: dt.datetime) -> None:
    """Out of the line; what was held for her goes to the next one."""
    wait = await waits.by_id(door, wait_id=wait_id)
    if wait is None or wait.member_id != member_id:
        raise WaitUnknown
    await waits.move(
        door, wait_id=wait_id, sources=[WaitState.WAITING, WaitState.OFFERED], target=WaitState.WITHDRAWN
    )
    if wait.booking_id is None:
        return
    held = await bookings.by_id(door, booking_id=wait.booking_id, is_locked=True)
    if held is not None and held.state is BookingState.HELD:
        await life.cancel(door, held, by=Actor.CUSTOMER, actor_id=member_id, now=now)


async def offer(tx: Tx, *, freed: SlotFreed, now: dt.datetime) -> None:
    """Offer a freed time to whoever waits for it. Records ``SlotOffered``."""
    service = await services.get_service(tx, service_id=freed.service_id)
    if service.wait_mode is WaitMode.OFF or freed.starts_at <= now:
        return
    shop = await stores.get_opening(tx, shop_id=freed.shop_id)
    local = freed.starts_at.astimezone(ZoneInfo(shop.time_zone))
    line = await waits.line(
        tx,
        shop_id=freed.shop_id,
        service_id=freed.service_id,
        staff_id=freed.staff_id,
        day=freed.local_day,
        minute=local.hour * 60 + local.minute,
        limit=_LINE,
    )
    for wait in line:
        if not await _can_have(tx, wait, freed, now):
            continue
        if service.wait_mode is WaitMode.BROADCAST:
            await _tell(tx, wait, service, freed, now)
        elif await _hold(tx, wait, service, freed, now):
            return


async def accept(door: Door, booking: BookingView, *, keyring: Keyring, return_path: str, now: dt.datetime) -> str:
    """She takes what is held for her from the waiting list; where its deposit is paid, if one has to be.

    ``booking`` is locked. Without a deposit it records ``BookingConfirmed`` or ``BookingRequested``.
    """
    is_open = booking.state is BookingState.HELD and booking.source is Source.WAITLIST
    if not is_open or booking.expires_at is None or booking.expires_at <= now:
        raise NotWaiting
    if booking.deposit_state is DepositState.REQUIRED:
        return await book.open_payment(
            door,
            keyring=keyring,
            booking_id=booking.id,
            amount=Money(booking.deposit_minor, booking.currency),
            description=booking.service_name,
            expires_at=booking.expires_at,
            return_path=return_path,
        )
    target = life_rules.first_state(await services.get_service(door, service_id=booking.service_id))
    if not await bookings.move(door, booking_id=booking.id, sources=[BookingState.HELD], target=target, now=now):
        raise NotWaiting
    await bookings.note(
        door, booking_id=booking.id, kind=target.value, actor=Actor.CUSTOMER, actor_id=booking.member_id, now=now
    )
    told = facts.of(booking)
    is_confirmed = target is BookingState.CONFIRMED
    await outbox.record(door, BookingConfirmed(booking=told) if is_confirmed else BookingRequested(booking=told))
    return ""


async def settle(door: Door, *, booking_id: uuid.UUID, target: WaitState) -> None:
    """What became of an offer that was held."""
    wait = await waits.by_booking(door, booking_id=booking_id)
    if wait is not None:
        await waits.move(door, wait_id=wait.id, sources=[WaitState.OFFERED], target=target)


async def lapse(door: Door, *, wait_id: uuid.UUID) -> None:
    """Nobody answered an offer that went to all."""
    await waits.move(door, wait_id=wait_id, sources=[WaitState.OFFERED], target=WaitState.LAPSED)


async def _can_have(tx: Tx, wait: WaitView, freed: SlotFreed, now: dt.datetime) -> bool:
    asked = await planning.ask(
        tx,
        shop_id=wait.shop_id,
        service_id=wait.service_id,
        at=freed.starts_at,
        now=now,
        member_id=wait.member_id,
    )
    return asked.openings.refusal(freed.starts_at, wait.staff_id) is None


async def _hold(tx: Tx, wait: WaitView, service: ServiceView, freed: SlotFreed, now: dt.datetime) -> bool:
    left_min = int((freed.starts_at - now).total_seconds()) // 60
    wish = book.Wish(
        shop_id=wait.shop_id,
        service_id=wait.service_id,
        start=freed.starts_at,
        staff_id=wait.staff_id,
        member_id=wait.member_id,
        source=Source.WAITLIST,
        hold_min=max(1, min(service.offer_min, left_min)),
        wait_id=wait.id,
    )
    held = await book.take(tx, wish=wish, now=now)
    return await waits.move(
        tx,
        wait_id=wait.id,
        sources=[WaitState.WAITING],
        target=WaitState.OFFERED,
        start=freed.starts_at,
        expires_at=now + dt.timedelta(minutes=service.offer_min),
        booking_id=held.id,
    )


async def _tell(tx: Tx, wait: WaitView, service: ServiceView, freed: SlotFreed, now: dt.datetime) -> None:
    expires_at = min(now + dt.timedelta(minutes=service.offer_min), freed.starts_at)
    await waits.move(
        tx,
        wait_id=wait.id,
        sources=[WaitState.WAITING],
        target=WaitState.OFFERED,
        start=freed.starts_at,
        expires_at=expires_at,
    )
    await timers.set_timer(tx, name=OFFER_TIMER, key=str(wait.id), due_at=expires_at)
    await outbox.record(
        tx,
        SlotOffered(
            wait_id=wait.id,
            member_id=wait.member_id,
            shop_id=wait.shop_id,
            service_id=wait.service_id,
            starts_at=freed.starts_at,
            expires_at=expires_at,
            booking_id=None,
        ),
    )
