"""拼团预约: a group buys one session. Its time is held while the group fills, booked when it is full, else freed.

The seat that is held is the first member's; the others get theirs when the group is complete. What becomes of the
group is groupbuy's word: what it tells decides, no clock of ours.
"""

import datetime as dt
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import NotGroupOffer, NotNow, TooSoon
from appointments.events import BookingConfirmed
from appointments.repository import bookings
from appointments.repository import parties as repository
from appointments.repository import setup as services
from appointments.repository.parties import PartyView
from appointments.service import booking as book
from appointments.service import facts, life, prepaid, setup
from appointments.states import BookingState, PartyState, ReasonCode, Source
from appointments.types import Actor, BookingView, NewBooking, ServiceView
from groupbuy import api as groups
from groupbuy.api import Buyer, Opening
from groupbuy.errors import TermsAreFixed
from groupbuy.types import CampaignView, CampaignWithItems, Checkout, Wanted
from groupbuy.types import Wish as GroupWish
from yundian.orders import api as paid
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door

# How a campaign names who opens its groups.
OPENS_WITH = "appointments"


@dataclass(frozen=True, kw_only=True)
class GroupStart:
    """Where and when a group wants its session. ``staff_id`` of ``None``: whoever is free."""

    campaign_code: str
    sku_id: uuid.UUID
    shop_id: uuid.UUID
    start: dt.datetime
    staff_id: uuid.UUID | None = None


def check_offer(whole: CampaignWithItems, service: ServiceView) -> None:
    """Refuse (``InvalidInput``) what groups of this campaign cannot buy a session of."""
    campaign = whole.campaign
    if service.seats < campaign.size:
        raise InvalidInput("service", "it has fewer seats than a group has members")
    if campaign.late_policy.value != "refund":
        # A group that late money opened by itself would have no time.
        raise InvalidInput("campaign", "late money has to go back: a new group would have no time")
    if service.deposit_minor:
        raise InvalidInput("service", "it asks for a deposit, and a group pays beforehand")


async def offer(session: AsyncSession, *, campaign_id: uuid.UUID, service_id: uuid.UUID) -> None:
    """Groups of this campaign, a draft still, will buy a session of this service.

    Raises:
        InvalidInput, CampaignUnknown, TermsAreFixed, ServiceUnknown
    """
    service = await services.get_service(session, service_id=service_id)
    whole = await groups.open_with(session, campaign_id=campaign_id, name=OPENS_WITH)
    is_draft = whole.campaign.state.value == "draft"
    if not is_draft and service_id != await repository.service_of(session, campaign_id=campaign_id):
        # Whoever is in a group of it, or reads its page, was told of another session.
        raise TermsAreFixed(fields=["service"])
    check_offer(whole, service)
    await repository.offer(session, campaign_id=campaign_id, service_id=service_id, now=clock.now())


@dataclass(frozen=True, kw_only=True)
class Offered:
    """A campaign, and the service that its groups buy a session of."""

    campaign: CampaignView
    service: ServiceView


async def offered(session: AsyncSession) -> list[Offered]:
    """Every campaign that sells sessions, the newest first."""
    pairs = await repository.offers(session)
    campaigns = {
        one.campaign.id: one.campaign
        for one in await groups.campaigns_of(session, ids=[campaign for campaign, _service in pairs])
    }
    found = {one.id: one for one in await setup.list_services(session)}
    return [
        Offered(campaign=campaigns[campaign], service=found[service])
        for campaign, service in pairs
        if campaign in campaigns
    ]


async def service_of(door: Door, *, campaign_id: uuid.UUID) -> ServiceView:
    """What groups of a campaign buy a session of; ``NotGroupOffer`` when it is none."""
    service_id = await repository.service_of(door, campaign_id=campaign_id)
    if service_id is None:
        raise NotGroupOffer
    return await services.get_service(door, service_id=service_id)


async def open_group(database: Database, *, keyring: Keyring, buyer: Buyer, wish: GroupStart) -> Checkout:
    """Open a group, place its first order and hold its session, in one transaction or not at all.

    Raises the refusal of the group-buy or of the time, whichever is in the way. Records ``BookingHeld``.
    """

    async def hold(tx: Tx, opening: Opening) -> None:
        await _hold(tx, opening, wish)

    async def attempt() -> Checkout:
        return await groups.open_group(
            database,
            keyring=keyring,
            buyer=buyer,
            wish=GroupWish(
                campaign_code=wish.campaign_code, lines=(Wanted(wish.sku_id),), pickup_shop_id=wish.shop_id
            ),
            together=hold,
        )

    return await book.persistently(attempt)


async def _hold(tx: Tx, opening: Opening, wish: GroupStart) -> None:
    service = await service_of(tx, campaign_id=opening.campaign.id)
    if wish.start < opening.deadline_at + dt.timedelta(minutes=service.notice_min):
        # It would begin before anybody knows whether the group is complete.
        raise TooSoon(notice_min=service.notice_min, deadline_at=opening.deadline_at.isoformat())
    held = await book.take(
        tx,
        wish=book.Wish(
            shop_id=wish.shop_id,
            service_id=service.id,
            start=wish.start,
            staff_id=wish.staff_id,
            member_id=opening.leader_member_id,
            source=Source.GROUP,
            held_until=opening.deadline_at,
            seats=opening.campaign.size,
        ),
    )
    await repository.open_party(
        tx, group_id=opening.group_id, campaign_id=opening.campaign.id, held=held, now=held.created_at
    )


async def fill(tx: Tx, *, group_id: uuid.UUID, orders: Mapping[uuid.UUID, uuid.UUID], now: dt.datetime) -> None:
    """The group is complete: everybody has a seat, told to each. ``orders`` are members' orders.

    Who was paid back meanwhile has none, and nobody has one when all were.

    Records ``BookingConfirmed`` for each member.
    """
    party = await repository.of_group(tx, group_id=group_id, is_locked=True)
    if party is None or not await repository.end(tx, group_id=group_id, state=PartyState.BOOKED, now=now):
        return
    if party.held_id is None:
        raise NotNow(state="freed")
    held = await life.see(tx, booking_id=party.held_id, is_locked=True)
    orders = await _not_paid_back(tx, orders)
    if not orders:
        await life.expire(tx, held, now=now)
        return
    first = held.member_id if held.member_id is not None and held.member_id in orders else next(iter(orders))
    key = repository.key_of(orders[first])
    await repository.hand_on(tx, booking_id=held.id, member_id=first, key=key, now=now)
    await bookings.move(
        tx, booking_id=held.id, sources=[BookingState.HELD], target=BookingState.CONFIRMED, now=now
    )
    await bookings.note(
        tx, booking_id=held.id, kind="confirmed", actor=Actor.SYSTEM, actor_id=None, now=now, detail="group"
    )
    anchor = msgspec.structs.replace(held, member_id=first)
    await outbox.record(tx, BookingConfirmed(booking=facts.of(anchor)))
    for member_id, order_id in orders.items():
        if member_id != first:
            seat = _seat_of(anchor, member_id, order_id, now)
            await repository.seat(tx, booking=seat, told=BookingConfirmed(booking=facts.of(seat)))
    await repository.seat_everybody(tx, session_id=party.session_id, count=len(orders))


async def _not_paid_back(tx: Tx, orders: Mapping[uuid.UUID, uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Whoever has her money back before she had a seat gets none: the word of it came first."""
    found = await paid.get_orders(tx, order_ids=list(orders.values()))
    gone = {one.id for one in found.values() if one.paid_minor and one.refunded_minor >= one.paid_minor}
    return {member_id: order_id for member_id, order_id in orders.items() if order_id not in gone}


async def free(tx: Tx, *, group_id: uuid.UUID, now: dt.datetime) -> None:
    """The group did not make it: its time can be had again. Records ``BookingExpired`` and ``SlotFreed``."""
    party = await repository.of_group(tx, group_id=group_id, is_locked=True)
    if party is None or not await repository.end(tx, group_id=group_id, state=PartyState.FREED, now=now):
        return
    if party.held_id is not None:
        await life.expire(tx, await life.see(tx, booking_id=party.held_id, is_locked=True), now=now)


async def give_seat_back(door: Door, *, member_id: uuid.UUID, order_id: uuid.UUID, now: dt.datetime) -> None:
    """Her money is back after the group was complete: so is her seat, if she was not served yet."""
    found = await prepaid.booking_of(door, member_id=member_id, order_id=order_id)
    if found is None:
        return
    booking = await life.see(door, booking_id=found.id, is_locked=True)
    if booking.state is BookingState.CONFIRMED and booking.starts_at > now:
        await life.cancel(door, booking, by=Actor.SYSTEM, actor_id=None, now=now, reason_code=ReasonCode.REFUNDED)


async def party_of(door: Door, *, group_id: uuid.UUID) -> PartyView | None:
    """When and where a group meets."""
    return await repository.of_group(door, group_id=group_id)


def _seat_of(anchor: BookingView, member_id: uuid.UUID, order_id: uuid.UUID, now: dt.datetime) -> NewBooking:
    same = {name: getattr(anchor, name) for name in NewBooking.__struct_fields__ if hasattr(anchor, name)}
    return NewBooking(
        **{
            **same,
            "id": new_id(),
            "code": readable_code(10),
            "created_at": now,
            "asked_at": now,
            "confirmed_at": now,
            "member_id": member_id,
            "state": BookingState.CONFIRMED,
            "request_key": repository.key_of(order_id),
            "expires_at": None,
            "moved_from": None,
            "sequence": 0,
        }
    )
