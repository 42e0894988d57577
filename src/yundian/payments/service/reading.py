"""What HQ and the payer look at."""

import uuid

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.errors import OrphanUnknown, PaymentUnknown
from yundian.payments.models import Attempt, Payment
from yundian.payments.repository import notices, orphans, refunds, trades
from yundian.payments.states import OrphanStatus, RefundState
from yundian.payments.types import (
    OrphanActionView,
    OrphanView,
    PaymentFilter,
    PaymentLife,
    PaymentView,
    RefundView,
)
from yundian.platform.db.paging import Page, cut, decode_cursor

MOST_ABNORMAL = 100


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
    if wanted.provider is not None or wanted.search:
        query = query.where(_has_attempt(wanted))
    ids, next_cursor = cut((await session.exec(query)).all(), limit, lambda found: (str(found),))
    views = [await _payment(session, found) for found in ids]
    return Page(items=views, next_cursor=next_cursor)


def _has_attempt(wanted: PaymentFilter) -> sa.ColumnElement[bool]:
    one = sa.and_(
        col(Attempt.brand_id) == col(Payment.brand_id),
        col(Attempt.payment_id) == col(Payment.id),
    )
    if wanted.provider is not None:
        one = sa.and_(one, col(Attempt.provider) == wanted.provider)
    if wanted.search:
        one = sa.and_(
            one,
            sa.or_(col(Attempt.out_trade_no) == wanted.search, col(Attempt.provider_ref) == wanted.search),
        )
    return sa.exists().where(one)


async def get_payment(session: AsyncSession, *, payment_id: uuid.UUID) -> PaymentView:
    """One payment, or ``PaymentUnknown``."""
    return await _payment(session, payment_id)


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
    session: AsyncSession, *, status: OrphanStatus, cursor: str | None, limit: int
) -> Page[OrphanView]:
    """Newest first."""
    before = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    rows = await orphans.orphans(session, status=status, before=before, limit=limit + 1)
    items, next_cursor = cut(rows, limit, lambda one: (str(one.id),))
    return Page(items=items, next_cursor=next_cursor)


async def get_orphan(
    session: AsyncSession, *, orphan_id: uuid.UUID
) -> tuple[OrphanView, list[OrphanActionView], list[RefundView]]:
    """One orphan, what was done about it, and what went back."""
    found = await orphans.orphan(session, orphan_id=orphan_id)
    if found is None:
        raise OrphanUnknown
    actions = await orphans.actions(session, orphan_id=orphan_id)
    return found, actions, await refunds.refunds_of(session, column="orphan_id", owner_id=orphan_id)


async def abnormal_refunds(session: AsyncSession) -> list[RefundView]:
    """Refunds that wait for a person, newest first."""
    return await refunds.refunds_in(session, state=RefundState.ABNORMAL, limit=MOST_ABNORMAL)
