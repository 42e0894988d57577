"""The waiting list: joining it, leaving it, and what becomes of an offer. Who is offered what: ``line``."""

import datetime as dt
import uuid
from zoneinfo import ZoneInfo

from appointments.errors import AlreadyWaiting, NotOffered, NotWaiting, NoWaitlist, WaitUnknown
from appointments.events import BookingConfirmed, BookingFacts, BookingRequested
from appointments.repository import bookings, waits
from appointments.repository import setup as services
from appointments.rules import life as life_rules
from appointments.service import booking as book
from appointments.service import facts, life, line, planning
from appointments.states import BookingState, DepositState, Source, WaitMode, WaitState
from appointments.types import Actor, BookingView, Stretch
from stores import api as stores
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door

_HERS = frozenset({BookingState.REQUESTED, BookingState.CONFIRMED})


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
    """At the end of the line of a day.

    Raises ``NoWaitlist``, ``AlreadyWaiting``, or ``NotOffered`` on a day on which nobody named could begin, had
    nobody booked: a place that waits for nothing.
    """
    service = await services.get_service(door, service_id=service_id)
    if service.wait_mode is WaitMode.OFF:
        raise NoWaitlist
    shop = await stores.get_opening(door, shop_id=shop_id)
    today = now.astimezone(ZoneInfo(shop.time_zone)).date()
    if not today <= day <= today + dt.timedelta(days=service.horizon_days):
        raise InvalidInput("day", "not a day that can be booked")
    asked = await planning.ask(
        door, shop_id=shop_id, service_id=service_id, stretch=Stretch(day, day), now=now, member_id=member_id
    )
    if day not in asked.openings.open_days(staff_id):
        raise NotOffered
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


async def leave(door: Door, *, wait_id: uuid.UUID, member_id: uuid.UUID) -> None:
    """Out of the line; what was held for her goes to the next one."""
    wait = await waits.by_id(door, wait_id=wait_id)
    if wait is None or wait.member_id != member_id:
        raise WaitUnknown
    await waits.move(
        door, wait_id=wait_id, sources=[WaitState.WAITING, WaitState.OFFERED], target=WaitState.WITHDRAWN
    )
    # Looked at again: an offer that was being made to her was waited for.
    left = await waits.by_id(door, wait_id=wait_id)
    if left is None or left.booking_id is None:
        return
    held = await bookings.by_id(door, booking_id=left.booking_id, is_locked=True)
    if held is not None and held.state is BookingState.HELD:
        await life.cancel(door, held, by=Actor.CUSTOMER, actor_id=member_id, now=held.seen_at)


async def accept(
    door: Door, booking: BookingView, *, keyring: Keyring, return_path: str, now: dt.datetime, payer: str = ""
) -> str:
    """She takes what is held for her from the waiting list; where its deposit is paid, if one has to be.

    ``booking`` is locked. Without a deposit it records ``BookingConfirmed`` or ``BookingRequested``. Whoever takes
    it twice has it.
    """
    if booking.source is Source.WAITLIST and booking.state in _HERS:
        return ""
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
            payer=payer,
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


async def stands(door: Door, *, wait_id: uuid.UUID, expires_at: dt.datetime) -> bool:
    """Whether an offer that ends then is still to be taken."""
    wait = await waits.by_id(door, wait_id=wait_id)
    return wait is not None and wait.state is WaitState.OFFERED and wait.offer_expires_at == expires_at


async def settle(door: Door, *, booking_id: uuid.UUID, target: WaitState) -> None:
    """What became of an offer that was held."""
    wait = await waits.by_booking(door, booking_id=booking_id)
    if wait is not None:
        await waits.move(door, wait_id=wait.id, sources=[WaitState.OFFERED], target=target)


async def taken(door: Door, booking: BookingFacts) -> None:
    """A time that was offered to all is somebody's: hers, if she was told, and the others wait on."""
    settled = await waits.take(
        door,
        booking_id=booking.booking_id,
        member_id=booking.member_id,
        shop_id=booking.shop_id,
        service_id=booking.service_id,
        start=booking.starts_at,
    )
    if settled:
        await line.wake(door, shop_ids=[booking.shop_id])


async def lapse(door: Door, *, wait_id: uuid.UUID) -> None:
    """Nobody answered an offer that went to all: it is held for whoever waits to have one of her own."""
    if await waits.move(door, wait_id=wait_id, sources=[WaitState.OFFERED], target=WaitState.LAPSED):
        wait = await waits.by_id(door, wait_id=wait_id)
        if wait is not None:
            await line.wake(door, shop_ids=[wait.shop_id])
