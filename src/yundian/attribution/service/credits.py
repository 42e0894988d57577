"""Deciding whose an order is, once; ending it; moving it, with audit; telling why."""

import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from stores.errors import ShopUnknown
from yundian.attribution import rules
from yundian.attribution.errors import CreditMoved, CreditNotTransferable, CreditUnknown
from yundian.attribution.events import Credited, CreditReversed, Transferred
from yundian.attribution.repository import credits as rows
from yundian.attribution.repository import touches
from yundian.attribution.repository.touches import Looked
from yundian.attribution.states import CreditState
from yundian.attribution.types import Credit, CreditView, Explanation, GroupOwner, Question, Subject
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.core.words import Words
from yundian.platform.db.database import Tx
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door

MAX_REASON = 400


async def decide(
    tx: Tx,
    *,
    member_id: uuid.UUID | None,
    visitor: bytes | None,
    at: dt.datetime,
    campaign_id: uuid.UUID | None = None,
    group: GroupOwner | None = None,
    item_shop_id: uuid.UUID | None = None,
    fulfil_shop_id: uuid.UUID | None = None,
    home_shop_id: uuid.UUID | None = None,
    own_shop_ids: frozenset[uuid.UUID] = frozenset(),
) -> Credit:
    """One read, then the pure rule."""
    group_shop_id = group.shop_id if group else None
    named = {group_shop_id, item_shop_id, fulfil_shop_id, home_shop_id}
    looked = await touches.look(
        tx, member_id=member_id, visitor=visitor, at=at, shop_ids={shop for shop in named if shop is not None}
    )
    return decide_from(
        looked,
        member_id=member_id,
        at=at,
        campaign_id=campaign_id,
        group=group,
        item_shop_id=item_shop_id,
        fulfil_shop_id=fulfil_shop_id,
        home_shop_id=home_shop_id,
        own_shop_ids=own_shop_ids,
    )


def decide_from(
    looked: Looked,
    *,
    member_id: uuid.UUID | None,
    at: dt.datetime,
    campaign_id: uuid.UUID | None = None,
    group: GroupOwner | None = None,
    item_shop_id: uuid.UUID | None = None,
    fulfil_shop_id: uuid.UUID | None = None,
    home_shop_id: uuid.UUID | None = None,
    own_shop_ids: frozenset[uuid.UUID] = frozenset(),
) -> Credit:
    """The pure rule on what was read."""
    question = Question(
        at=at,
        window_days=looked.window_days,
        member_id=member_id,
        campaign_id=campaign_id,
        group=group,
        item_shop_id=item_shop_id,
        fulfil_shop_id=fulfil_shop_id,
        home_shop_id=home_shop_id,
        own_shop_ids=own_shop_ids,
        closed_shop_ids=looked.closed_shop_ids,
    )
    return rules.decide(question, looked.touches)


def new_credit(*, credit: Credit, subject: Subject, amount: Money, member_id: uuid.UUID | None) -> dict[str, Any]:
    """The row of a decision."""
    return {
        "id": new_id(),
        "created_at": credit.decided_at,
        "subject_type": subject.type,
        "subject_id": subject.id,
        "member_id": member_id,
        "shop_id": credit.shop_id,
        "staff_id": credit.staff_id,
        "campaign_id": credit.campaign_id,
        "rule": credit.rule.value,
        "link_id": credit.link_id,
        "touch_id": credit.touch_id,
        "assist_link_id": credit.assist_link_id,
        "marks": [mark.value for mark in credit.marks],
        "evidence": msgspec.json.encode(credit.evidence).decode(),
        "state": CreditState.PROVISIONAL.value,
        "amount_minor": amount.minor,
        "refunded_minor": 0,
        "currency": amount.currency,
        "decided_at": credit.decided_at,
    }


async def write_credit(
    door: Door, *, credit: Credit, subject: Subject, amount: Money, member_id: uuid.UUID | None
) -> bool:
    """Keep a decision; ``False`` when the subject has a credit already, which stays."""
    return await rows.add(
        door, values=new_credit(credit=credit, subject=subject, amount=amount, member_id=member_id)
    )


async def finalise(door: Door, *, subjects: Sequence[Subject], at: dt.datetime | None = None) -> int:
    """What the credits are for stands. Records ``attribution.credited.v1`` for each, once, however often asked."""
    now = at or clock.now()
    final = await rows.finalise(door, subjects=subjects, now=now)
    await outbox.record(door, *(_credited(credit, now) for credit in final))
    return len(final)


async def reverse(door: Door, *, subjects: Sequence[Subject], at: dt.datetime | None = None) -> int:
    """They came to nothing. Records ``attribution.reversed.v1`` for each, once; repeating is harmless."""
    now = at or clock.now()
    found = await rows.reverse(door, subjects=subjects, now=now)
    events = (_reversed(credit, was_final, now) for credit, was_final in found)
    await outbox.record(door, *events)
    return len(found)


async def get_credit(door: Door, *, subject: Subject) -> CreditView:
    """``CreditUnknown`` when there is none."""
    found = await rows.of_subject(door, subject=subject)
    if found is None:
        raise CreditUnknown
    return found


async def explain(
    session: AsyncSession, *, subject: Subject, visible: frozenset[uuid.UUID] | None = None
) -> Explanation:
    """Why this shop, and what happened since. With ``visible``: only what one of these shops has."""
    credit = await get_credit(session, subject=subject)
    if visible is not None and credit.shop_id not in visible:
        raise CreditUnknown
    moved = await rows.transfers(session, credit_id=credit.id)
    evidence = credit.evidence
    ids = {
        credit.shop_id,
        evidence.item_shop_id,
        evidence.fulfil_shop_id,
        evidence.home_shop_id,
        evidence.group.shop_id if evidence.group else None,
        *(touch.shop_id for touch in evidence.touches),
        *(shop for one in moved for shop in (one.from_shop_id, one.to_shop_id)),
    }
    shops = await stores.get_shops(session, ids={shop for shop in ids if shop is not None})
    names = {shop_id: Words(shop.name, shop.name_en) for shop_id, shop in shops.items()}
    return Explanation(credit=credit, transfers=tuple(moved), shop_names=names)


async def transfer(
    session: AsyncSession,
    *,
    subject: Subject,
    from_shop_id: uuid.UUID | None,
    to_shop_id: uuid.UUID | None,
    reason: str,
    actor_id: uuid.UUID | None,
    actor_name: str = "",
) -> CreditView:
    """Move a credit from the shop where the caller saw it to another (null: HQ), and keep who, when and why.

    Records ``attribution.transferred.v1``. To undo it is another transfer.

    Raises:
        CreditUnknown: nothing is credited there. ShopUnknown: no such shop.
        CreditMoved: somebody else was faster. CreditNotTransferable: it came to nothing, or is there already.
    """
    text = reason.strip()
    if not 1 <= len(text) <= MAX_REASON:
        raise InvalidInput("reason", "1 to 400 characters")
    if to_shop_id is not None and to_shop_id not in await stores.get_shops(session, ids={to_shop_id}):
        raise ShopUnknown
    credit = await get_credit(session, subject=subject)
    if credit.state is CreditState.REVERSED or from_shop_id == to_shop_id:
        raise CreditNotTransferable
    now, transfer_id = clock.now(), new_id()
    values = {
        "id": transfer_id,
        "created_at": now,
        "actor_id": actor_id,
        "actor_name": actor_name[:80],
        "reason": text,
    }
    moved = await rows.transfer(
        session, credit_id=credit.id, from_shop_id=from_shop_id, to_shop_id=to_shop_id, values=values
    )
    if moved is None:
        raise CreditMoved
    await outbox.record(session, _transferred(moved, transfer_id, from_shop_id, now))
    return moved


def _credited(credit: CreditView, now: dt.datetime) -> Credited:
    return Credited(
        credit_id=credit.id,
        subject_type=credit.subject_type,
        subject_id=credit.subject_id,
        shop_id=credit.shop_id,
        staff_id=credit.staff_id,
        campaign_id=credit.campaign_id,
        rule=credit.rule.value,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        final_at=now,
    )


def _reversed(credit: CreditView, was_final: bool, now: dt.datetime) -> CreditReversed:
    return CreditReversed(
        credit_id=credit.id,
        subject_type=credit.subject_type,
        subject_id=credit.subject_id,
        shop_id=credit.shop_id,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        was_final=was_final,
        reversed_at=now,
    )


def _transferred(
    credit: CreditView, transfer_id: uuid.UUID, from_shop_id: uuid.UUID | None, now: dt.datetime
) -> Transferred:
    return Transferred(
        credit_id=credit.id,
        transfer_id=transfer_id,
        subject_type=credit.subject_type,
        subject_id=credit.subject_id,
        from_shop_id=from_shop_id,
        to_shop_id=credit.shop_id,
        staff_id=credit.staff_id,
        state=credit.state.value,
        amount_minor=credit.amount_minor,
        currency=credit.currency,
        transferred_at=now,
    )
