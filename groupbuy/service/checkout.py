"""A seat, its order, its credit and its payment in one statement (ADR 0016).

One read of ours with attribution's, then the statement. Nothing of it stays when a gate lets nothing through:
the transaction rolls back, and a second look says why.
"""

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from groupbuy import rules
from groupbuy.errors import (
    AlreadyIn,
    CampaignUnknown,
    GroupFull,
    GroupOver,
    GroupUnknown,
    LimitReached,
    OpensElsewhere,
    ShopNotIncluded,
    SoldOut,
)
from groupbuy.repository import checkout as rows
from groupbuy.repository.checkout import Gates, Offer
from groupbuy.service.seats import (
    Buyer,
    GateShut,
    NewSeat,
    gate_parts,
    is_through,
    owner_of,
    payment_part,
    result_parts,
)
from groupbuy.states import SeatState
from groupbuy.types import CampaignView, Checkout, GroupView, SeatView, Wish
from stores.errors import OutOfStock
from yundian.attribution import api as attribution
from yundian.attribution.types import Credit
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import DomainError
from yundian.platform.core.steps import step
from yundian.platform.db.cte import Cte
from yundian.platform.db.database import Database, Tx

# Adds parts of the caller's to the statement, given the answer it will have.
Keep = Callable[[Cte, Checkout], None]


class Opening(NamedTuple):
    """A group that is being opened, in this transaction."""

    group_id: uuid.UUID
    group_code: str
    campaign: CampaignView
    leader_member_id: uuid.UUID
    pickup_shop_id: uuid.UUID
    deadline_at: dt.datetime


# What an upper room does in the transaction that opens a group; whatever it raises undoes all of it.
Together = Callable[[Tx, Opening], Awaitable[None]]


async def check_out(
    database: Database,
    *,
    keyring: Keyring,
    buyer: Buyer,
    wish: Wish,
    keep: Keep | None = None,
    has_key: bool = False,
    together: Together | None = None,
) -> Checkout:
    """Take a seat in the group, or open a new one, and place the order to pay for.

    Whoever holds an unpaid seat there gets it again (``is_new`` false). ``keep`` adds the caller's own parts; with
    ``has_key`` one of them is called ``kept`` and must have a row.

    Raises:
        GroupUnknown, CampaignUnknown, CampaignNotRunning, GroupFull, GroupOver, AlreadyIn, LimitReached, SoldOut,
        OutOfStock, ShopNotIncluded, SkuNotInCampaign, TooManyPieces
    """
    now = clock.house()
    try:
        async with database.connection(buyer.brand_id) as tx:
            offer = await _offer(tx, buyer, wish, now)
            if offer.meets_at not in (None, wish.pickup_shop_id):
                # Where its first member chose to meet is where everybody meets.
                wish = msgspec.structs.replace(wish, pickup_shop_id=offer.meets_at)
                offer = await _offer(tx, buyer, wish, now)
            if offer.mine is not None:
                return _again(keyring, buyer, offer, offer.mine)
            made = await _place(tx, keyring, buyer, wish, offer, now, keep, has_key=has_key, together=together)
            step("groupbuy.seat_taken")
    except GateShut as shut:
        return await _look_again(database, keyring, buyer, wish, shut.gates)
    step("groupbuy.seat_committed")
    return made


async def _offer(tx: Tx, buyer: Buyer, wish: Wish, now: dt.datetime) -> Offer:
    offer = await rows.read_offer(tx, wish=wish, member_id=buyer.member_id, visitor=buyer.visitor, at=now)
    if offer is None:
        raise GroupUnknown if wish.group_code else CampaignUnknown
    return offer


async def _place(
    tx: Tx,
    keyring: Keyring,
    buyer: Buyer,
    wish: Wish,
    offer: Offer,
    now: dt.datetime,
    keep: Keep | None,
    *,
    has_key: bool,
    together: Together | None,
) -> Checkout:
    campaign, group = offer.campaign, offer.group
    if group is None:
        rules.check_running(campaign, now)
        if campaign.opens_with and together is None:
            raise OpensElsewhere(opens_with=campaign.opens_with)
    else:
        check_joinable(group, now)
    if offer.meets_at is None and not offer.is_shop_included:
        raise ShopNotIncluded
    chosen = rules.choose(wish.lines, offer.items, pieces_per_seat=campaign.pieces_per_seat)
    credit = attribution.decide_from(
        offer.looked,
        member_id=buyer.member_id,
        at=now,
        campaign_id=campaign.id,
        group=owner_of(group) if group is not None else None,
        fulfil_shop_id=wish.pickup_shop_id,
        own_shop_ids=buyer.own_shop_ids,
    )
    if offer.meets_at is None:
        await _check_pickup(tx, campaign, wish, credit)
    seat = NewSeat.of(buyer, campaign, group, chosen, wish, credit, now)
    cte = Cte()
    gate_parts(cte, seat=seat, now=now)
    result_parts(cte, seat=seat)
    payment_part(cte, keyring=keyring, seat=seat)
    answer = seat.checkout(keyring)
    if keep is not None:
        keep(cte, answer)
    gates = await rows.run(cte, tx, has_key=has_key)
    if not is_through(gates, lines=len(chosen)):
        raise GateShut(gates)
    if group is None and together is not None:
        await together(
            tx,
            Opening(
                group_id=seat.ids.group,
                group_code=seat.ids.group_code,
                campaign=campaign,
                leader_member_id=buyer.member_id,
                pickup_shop_id=wish.pickup_shop_id,
                deadline_at=seat.deadline_at,
            ),
        )
    return answer


def check_joinable(group: GroupView, now: dt.datetime) -> None:
    """Refuse what is over or full."""
    if not group.is_joinable(now):
        raise GroupOver(state=group.state.value, group_code=group.code)
    if not group.has_room:
        raise GroupFull(group_code=group.code, deadline_at=group.deadline_at.isoformat())


def _again(keyring: Keyring, buyer: Buyer, offer: Offer, mine: SeatView) -> Checkout:
    """The unpaid seat she has: in this group, or, where she would open one, wherever it is."""
    is_here = offer.group is None or offer.group.id == mine.group_id
    if mine.state is not SeatState.RESERVED or not is_here or mine.payment_id is None:
        raise AlreadyIn(group_code=offer.mine_code, state=mine.state.value, order_number=mine.order_number)
    return Checkout(
        seat_id=mine.id,
        group_id=mine.group_id,
        group_code=offer.mine_code,
        order_id=mine.order_id,
        order_number=mine.order_number,
        payment_id=mine.payment_id,
        pay_path=payments.pay_path(keyring, brand_id=buyer.brand_id, payment_id=mine.payment_id),
        total_minor=mine.total_minor,
        currency=mine.currency,
        expires_at=mine.expires_at,
        is_new=False,
    )


async def _check_pickup(tx: Tx, campaign: CampaignView, wish: Wish, credit: Credit) -> None:
    """Without a choice it is collected where the order belongs, unless that shop takes no part."""
    own = credit.shop_id
    if campaign.has_pickup_choice or own is None or own == wish.pickup_shop_id:
        return
    if campaign.is_all_shops or await rows.includes(tx, campaign_id=campaign.id, shop_id=own):
        raise ShopNotIncluded


async def _look_again(database: Database, keyring: Keyring, buyer: Buyer, wish: Wish, gates: Gates) -> Checkout:
    """After a gate was shut: what happened meanwhile. Her own second click may have won."""
    async with database.connection(buyer.brand_id) as tx:
        offer = await _offer(tx, buyer, wish, clock.house())
    if offer.mine is not None:
        return _again(keyring, buyer, offer, offer.mine)
    raise refusal(offer, wish, gates, clock.house())


def refusal(offer: Offer, wish: Wish, gates: Gates, now: dt.datetime) -> DomainError:
    """Why the first gate that was shut is shut."""
    if not gates.group:
        return _group_refusal(offer, now)
    if not gates.seat:
        return LimitReached(limit=offer.campaign.per_member_limit)
    short = [
        str(line.sku_id)
        for line in wish.lines
        if line.sku_id in offer.items and offer.items[line.sku_id].left < line.quantity
    ]
    if gates.quota < len(wish.lines):
        return SoldOut(sku_ids=short or [str(line.sku_id) for line in wish.lines])
    return OutOfStock(shop_id=str(wish.pickup_shop_id))


def _group_refusal(offer: Offer, now: dt.datetime) -> DomainError:
    try:
        if offer.group is None:
            rules.check_running(offer.campaign, now)
        else:
            check_joinable(offer.group, now)
    except DomainError as error:
        return error
    # It was full when the statement ran, and a seat came free since.
    return GroupFull(group_code=offer.group.code if offer.group is not None else "")
