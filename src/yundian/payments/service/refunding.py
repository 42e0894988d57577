"""Refunds: asked for, approved, sent, and asked about until they ended."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import msgspec

from yundian.payments.errors import (
    NotRefundable,
    OrphanTaken,
    OrphanUnknown,
    PaymentUnknown,
    RefundUnknown,
    TooManyRefunds,
)
from yundian.payments.ports import PaymentProvider, Providers
from yundian.payments.repository import orphans, requests, trades
from yundian.payments.repository import refunds as repository
from yundian.payments.rules import RefundFact
from yundian.payments.service import settling
from yundian.payments.service.accounts import open_accounts
from yundian.payments.states import REFUND, OrphanReason, OrphanStatus, RefundState
from yundian.payments.types import (
    ProviderAccount,
    ProviderRefund,
    RefundOrder,
    RefundResult,
    RefundStanding,
    RefundView,
    RefundWish,
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
        TooManyRefunds: it was refunded in as many parts as a provider takes.
    """
    wish = RefundWish(payment_id=payment_id, reason=reason, amount_minor=amount_minor)
    made = await request_refunds(door, wishes=[wish], actor_id=actor_id, needs_approval=needs_approval)
    if payment_id in made:
        return made[payment_id]
    payment = await trades.payment(door, payment_id=payment_id)
    if payment is None:
        raise PaymentUnknown
    if await requests.count_of(door, payment_id=payment_id) >= requests.MOST_PER_PAYMENT:
        raise TooManyRefunds(most=requests.MOST_PER_PAYMENT)
    raise NotRefundable(refundable_minor=payment.refundable_minor)


async def request_refunds(
    door: Door, *, wishes: Sequence[RefundWish], actor_id: uuid.UUID | None, needs_approval: bool = False
) -> dict[uuid.UUID, RefundView]:
    """The refunds by payment; what is missing could not be refunded. A fixed number of statements.

    Raises:
        ValueError: two wishes for one payment.
    """
    if len({wish.payment_id for wish in wishes}) != len(wishes):
        raise ValueError("one wish a payment")
    if not wishes:
        return {}
    now = clock.now()
    state = RefundState.REQUESTED if needs_approval else RefundState.APPROVED
    made = await requests.request(
        door,
        wishes=[msgspec.structs.replace(wish, reason=wish.reason[:_LONGEST_REASON]) for wish in wishes],
        ids=[new_id() for _ in wishes],
        numbers=[_number() for _ in wishes],
        state=state.value,
        actor_id=actor_id,
        approved_by=None if needs_approval else actor_id,
        next_poll_at=None if needs_approval else now,
        now=now,
    )
    return {one.payment_id: one for one in made if one.payment_id is not None}


def _number() -> str:
    return "R" + readable_code(_NUMBER_LENGTH)


async def refund_orphan(
    door: Door,
    *,
    orphan_id: uuid.UUID,
    amount_minor: int | None,
    reason: str,
    actor_id: uuid.UUID | None,
    is_resolved_too: bool = True,
) -> RefundView:
    """Send an orphan's money back, whole unless an amount is named; what somebody has resolved only if asked."""
    orphan = await orphans.orphan(door, orphan_id=orphan_id, lock=True)
    if orphan is None:
        raise OrphanUnknown
    if orphan.status is OrphanStatus.ADOPTED or (orphan.status is OrphanStatus.RESOLVED and not is_resolved_too):
        raise OrphanTaken
    left = orphan.amount_minor - orphan.reserved_minor
    amount = left if amount_minor is None else amount_minor
    is_money = orphan.reason is not OrphanReason.UNKNOWN_REFUND and amount > 0
    if not is_money or not await repository.reserve_orphan(door, orphan_id=orphan_id, amount_minor=amount):
        raise NotRefundable(refundable_minor=left)
    return await repository.add_refund(
        door,
        values=_values(amount, reason, actor_id)
        | {
            "orphan_id": orphan_id,
            "account_id": orphan.account_id,
            "out_trade_no": orphan.out_trade_no,
            "total_minor": orphan.amount_minor,
            "currency": orphan.currency,
        },
    )


def _values(amount_minor: int, reason: str, actor_id: uuid.UUID | None) -> dict[str, object]:
    now = clock.now()
    return {
        "id": new_id(),
        "created_at": now,
        "out_refund_no": _number(),
        "amount_minor": amount_minor,
        "reason": reason[:_LONGEST_REASON],
        "requested_by": actor_id,
        "approved_by": actor_id,
        "state": RefundState.APPROVED.value,
        "next_poll_at": now,
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
    if limit <= 0:
        return 0
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
