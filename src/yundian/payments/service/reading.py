"""What HQ and the payer look at."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.errors import OrphanUnknown, PaymentUnknown
from yundian.payments.models import Attempt, Payment
from yundian.payments.repository import notices, orphans, refunds, trades
from yundian.payments.states import OrphanStanding, RefundState
from yundian.payments.types import (
    OrphanLife,
    OrphanView,
    PaymentFilter,
    PaymentLife,
    PaymentView,
    RefundView,
)
from yundian.platform.core.ids import first_id_at
from yundian.platform.db.paging import Page, cut, decode_cursor

MOST_ABNORMAL = 100
MOST_SUGGESTED = 10
LOOK_BACK = dt.timedelta(days=14)


async def list_payments(
    session: AsyncSession, *, wanted: PaymentFilter, cursor: str | None, limit: int
) -> Page[PaymentView]:
    """Newest first."""
    query = select(Payment.id).order_by(col(Payment.id).desc()).limit(limit + 1)
    query = query.where(col(Payment.brand_id) == session.info["brand"])
    if wanted.state is not None:
        query = query.where(col(Payment.state) == wanted.state)
    if cursor is not None:
        query = query.where(col(Payment.id) < decode_cursor(cursor, (uuid.UUID,))[0])
    if wanted.provider is not None:
        query = query.where(_has_attempt(col(Attempt.provider) == wanted.provider))
    if wanted.search:
        query = query.where(_is_named(wanted.search))
    ids, next_cursor = cut((await session.exec(query)).all(), limit, lambda found: (str(found),))
    return Page(items=await trades.payments(session, ids=ids), next_cursor=next_cursor)


def _has_attempt(which: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    own = (col(Attempt.brand_id) == col(Payment.brand_id), col(Attempt.payment_id) == col(Payment.id))
    return sa.exists().where(*own, which)


def _is_named(search: str) -> sa.ColumnElement[bool]:
    """By a number under which a provider was asked or answered, or by an id."""
    number = _has_attempt(sa.or_(col(Attempt.out_trade_no) == search, col(Attempt.provider_ref) == search))
    try:
        named = uuid.UUID(search)
    except ValueError:
        return number
    return sa.or_(col(Payment.id) == named, col(Payment.subject_id) == named, number)


async def payments_for(session: AsyncSession, *, orphan: OrphanView, search: str) -> list[PaymentView]:
    """What an orphan may belong to, newest first: what ``search`` names or describes, else what was to be paid
    with such an amount in the days before."""
    paid_at = orphan.paid_at or orphan.created_at
    since, until = paid_at - LOOK_BACK, paid_at + dt.timedelta(days=1)
    around = sa.and_(col(Payment.id) >= first_id_at(since), col(Payment.id) < first_id_at(until))
    if search:
        described = col(Payment.description).icontains(search, autoescape=True)
        fits = sa.or_(_is_named(search), sa.and_(around, described))
    else:
        fits = sa.and_(around, col(Payment.amount_minor) == orphan.amount_minor)
        if orphan.payment_id is not None:
            fits = sa.or_(fits, col(Payment.id) == orphan.payment_id)
    query = select(Payment.id).where(col(Payment.brand_id) == session.info["brand"], fits)
    found = (await session.exec(query.order_by(col(Payment.id).desc()).limit(MOST_SUGGESTED))).all()
    return await trades.payments(session, ids=found)


async def get_payment(session: AsyncSession, *, payment_id: uuid.UUID) -> PaymentView:
    """One payment, or ``PaymentUnknown``."""
    return await _payment(session, payment_id)


async def get_payment_now(session: AsyncSession, *, payment_id: uuid.UUID) -> tuple[PaymentView, dt.datetime]:
    """The same, and what time it is by the database's clock."""
    found = await trades.payment_now(session, payment_id=payment_id)
    if found is None:
        raise PaymentUnknown
    return found


async def _payment(session: AsyncSession, payment_id: uuid.UUID) -> PaymentView:
    found = await trades.payment(session, payment_id=payment_id)
    if found is None:
        raise PaymentUnknown
    return found


async def life_of(session: AsyncSession, *, payment_id: uuid.UUID) -> PaymentLife:
    """Everything that happened to a payment."""
    payment = await _payment(session, payment_id)
    attempts = await trades.attempts(session, payment_id=payment_id)
    return PaymentLife(
        payment=payment,
        attempts=attempts,
        notices=await notices.notices_about(session, numbers=[one.out_trade_no for one in attempts]),
        refunds=await refunds.refunds_of(session, column="payment_id", owner_id=payment_id),
        orphans=await orphans.orphans_of(session, payment_id=payment_id),
    )


async def list_orphans(
    session: AsyncSession, *, standing: OrphanStanding, cursor: str | None, limit: int
) -> Page[OrphanView]:
    """Newest first."""
    before = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    rows = await orphans.orphans(session, standing=standing, before=before, limit=limit + 1)
    items, next_cursor = cut(rows, limit, lambda one: (str(one.id),))
    return Page(items=items, next_cursor=next_cursor)


async def get_orphan(session: AsyncSession, *, orphan_id: uuid.UUID) -> OrphanLife:
    """One orphan, what was done about it, and what went back, or ``OrphanUnknown``."""
    found = await orphans.orphan(session, orphan_id=orphan_id)
    if found is None:
        raise OrphanUnknown
    return OrphanLife(
        orphan=found,
        actions=await orphans.actions(session, orphan_id=orphan_id),
        refunds=await refunds.refunds_of(session, column="orphan_id", owner_id=orphan_id),
    )


async def abnormal_refunds(session: AsyncSession) -> list[RefundView]:
    """Refunds that wait for a person, newest first."""
    return await refunds.refunds_in(session, state=RefundState.ABNORMAL, limit=MOST_ABNORMAL)
