"""Refunds: asked for, approved, sent, and asked about until they ended."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping

from yundian.payments.errors import NotRefundable, OrphanUnknown, PaymentUnknown, RefundUnknown
from yundian.payments.ports import PaymentProvider, Providers
from yundian.payments.repository import orphans, trades
from yundian.payments.repository import refunds as repository
from yundian.payments.rules import RefundFact
from yundian.payments.service import settling
from yundian.payments.service.accounts import open_accounts
from yundian.payments.states import REFUND, OrphanReason, RefundState
from yundian.payments.types import (
    ProviderAccount,
    ProviderRefund,
    RefundOrder,
    RefundResult,
    RefundStanding,
    RefundView,
    Refused,
)
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.money import Money
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database
from yundian.platform.outbox.door import Door

_NUMBER_LENGTH = 24
_LONGEST_REASON = 80


async def request_refund(
    door: Door,
    *,
    payment_id: uuid.UUID,
    amount_minor: int,
    reason: str,
    actor_id: uuid.UUID | None,
    needs_approval: bool = False,
) -> RefundView:
    """Set the amount aside and have it sent back, at once or after somebody approved.

    Raises:
        NotRefundable: more than what was paid and not set aside for other refunds.
    """
    payment = await trades.payment(door, payment_id=payment_id)
    if payment is None:
        raise PaymentUnknown
    paid = await repository.paid_attempt(door, payment_id=payment_id)
    is_set_aside = amount_minor > 0 and await repository.reserve(
        door, payment_id=payment_id, amount_minor=amount_minor
    )
    if paid is None or not is_set_aside:
        raise NotRefundable(refundable_minor=payment.refundable_minor)
    account_id, out_trade_no = paid
    return await repository.add_refund(
        door,
        values=_values(amount_minor, reason, actor_id, needs_approval=needs_approval)
        | {
            "payment_id": payment_id,
            "account_id": account_id,
            "out_trade_no": out_trade_no,
            "total_minor": payment.captured_minor,
            "currency": payment.currency,
        },
    )


async def refund_orphan(
    door: Door, *, orphan_id: uuid.UUID, amount_minor: int | None, reason: str, actor_id: uuid.UUID | None
) -> RefundView:
    """Send an orphan's money back, whole unless an amount is named."""
    orphan = await orphans.orphan(door, orphan_id=orphan_id, lock=True)
    if orphan is None:
        raise OrphanUnknown
    left = orphan.amount_minor - orphan.reserved_minor
    amount = left if amount_minor is None else amount_minor
    is_money = orphan.reason is not OrphanReason.UNKNOWN_REFUND and amount > 0
    if not is_money or not await repository.reserve_orphan(door, orphan_id=orphan_id, amount_minor=amount):
        raise NotRefundable(refundable_minor=left)
    return await repository.add_refund(
        door,
        values=_values(amount, reason, actor_id, needs_approval=False)
        | {
            "orphan_id": orphan_id,
            "account_id": orphan.account_id,
            "out_trade_no": orphan.out_trade_no,
            "total_minor": orphan.amount_minor,
            "currency": orphan.currency,
        },
    )


def _values(
    amount_minor: int, reason: str, actor_id: uuid.UUID | None, *, needs_approval: bool
) -> dict[str, object]:
    now = clock.now()
    return {
        "id": new_id(),
        "created_at": now,
        "out_refund_no": "R" + readable_code(_NUMBER_LENGTH),
        "amount_minor": amount_minor,
        "reason": reason[:_LONGEST_REASON],
        "requested_by": actor_id,
        "approved_by": None if needs_approval else actor_id,
        "state": (RefundState.REQUESTED if needs_approval else RefundState.APPROVED).value,
        "next_poll_at": None if needs_approval else now,
    }


async def approve(door: Door, *, refund_id: uuid.UUID, actor_id: uuid.UUID | None) -> None:
    """Send it. Also an abnormal one again, under its own number."""
    sources = REFUND.sources_of(RefundState.APPROVED)
    wanted = [state for state in sources if state is not RefundState.SUBMITTED]
    if not await repository.move(
        door,
        refund_id=refund_id,
        sources=wanted,
        target=RefundState.APPROVED,
        next_poll_at=clock.now(),
        actor_id=actor_id,
    ):
        await _refuse(door, refund_id, RefundState.APPROVED)


async def give_up(door: Door, *, refund_id: uuid.UUID) -> None:
    """Reject what was asked for, or end an abnormal one that was settled by hand; the amount is free again."""
    refund = await repository.refund(door, refund_id=refund_id)
    if refund is None:
        raise RefundUnknown
    if not await repository.move(
        door,
        refund_id=refund_id,
        sources=[RefundState.REQUESTED, RefundState.ABNORMAL],
        target=RefundState.CLOSED,
        next_poll_at=None,
    ):
        await _refuse(door, refund_id, RefundState.CLOSED)
    owner = refund.payment_id or refund.orphan_id
    table = "payments_payment" if refund.payment_id else "payments_orphan"
    if owner is not None:
        await repository.book(door, table=table, moves=[(owner, 0, refund.amount_minor)])


async def _refuse(door: Door, refund_id: uuid.UUID, target: RefundState) -> None:
    refund = await repository.refund(door, refund_id=refund_id)
    if refund is None:
        raise RefundUnknown
    REFUND.check(refund.state, target)


async def sweep(
    database: Database,
    *,
    keyring: Keyring,
    providers: Providers,
    brand_id: uuid.UUID,
    limit: int,
    now: dt.datetime,
) -> int:
    """Send refunds and ask about those under way; how many. Each call is outside any transaction."""
    async with database.connection(brand_id) as tx:
        due = await repository.claim_due(tx, now=now, limit=limit)
        accounts = await open_accounts(tx, keyring=keyring, ids={one.account_id for one in due})
    if not due:
        return 0
    step("payments.refund_claimed")
    answers = await asyncio.gather(*(_ask(providers, accounts, one) for one in due))
    step("payments.refund_answered")
    facts = [fact for fact in answers if fact is not None]
    async with database.connection(brand_id) as tx:
        await settling.lock(tx, refund_numbers=[fact.out_refund_no for fact in facts])
        await settling.settle_refunds(tx, facts=facts)
    step("payments.refund_recorded")
    return len(due)


async def _ask(
    providers: Providers, accounts: Mapping[uuid.UUID, ProviderAccount], refund: RefundView
) -> RefundFact | None:
    """Send it the first time; afterwards ask, and send it again under its number if the provider has none."""
    client = providers.of(accounts[refund.account_id])
    if refund.polls == 1:
        return _fact(refund, await _send(client, refund), is_sent=True)
    found = await client.query_refund(out_trade_no=refund.out_trade_no, out_refund_no=refund.out_refund_no)
    if not (isinstance(found, ProviderRefund) and found.standing is RefundStanding.ABSENT):
        return _fact(refund, found, is_sent=False)
    return _fact(refund, await _send(client, refund), is_sent=True)


async def _send(client: PaymentProvider, refund: RefundView) -> RefundResult:
    result = await client.refund(
        RefundOrder(
            out_trade_no=refund.out_trade_no,
            out_refund_no=refund.out_refund_no,
            amount=Money(refund.amount_minor, refund.currency),
            total=Money(refund.total_minor, refund.currency),
            reason=refund.reason,
        )
    )
    step("payments.refund_sent")
    return result


def _fact(refund: RefundView, result: RefundResult, *, is_sent: bool) -> RefundFact | None:
    """``None``: nothing new is known; the next look is set already."""
    number = refund.out_refund_no
    if isinstance(result, ProviderRefund):
        return RefundFact(
            out_refund_no=number,
            standing=result.standing,
            provider_ref=result.provider_ref,
            amount_minor=result.amount.minor if result.amount else None,
            refunded_at=result.refunded_at,
        )
    if not isinstance(result, Refused) or not is_sent:
        return None
    # Unsent: wait for the next turn, as approved. A definite no needs a person: money, or rights, are missing.
    standing = RefundStanding.PROCESSING if result.retryable else RefundStanding.ABNORMAL
    return RefundFact(out_refund_no=number, standing=standing, failure=result.code, is_unsent=result.retryable)
