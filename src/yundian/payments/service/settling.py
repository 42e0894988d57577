"""What providers say becomes true here: the one way in which money moves, for notices, polls and returns alike.

Every function takes many facts and runs a fixed number of statements. Facts may come in any order, any number of
times, and from several processes at once: payments are locked in one order, and each transition happens once.
"""

import datetime as dt
import uuid
from collections.abc import Sequence

import msgspec

from yundian.payments.events import (
    PaymentCaptured,
    PaymentClosed,
    PaymentOrphaned,
    PaymentRefunded,
    RefundAbnormal,
)
from yundian.payments.repository import orphans, refunds, trades
from yundian.payments.repository.trades import Trade
from yundian.payments.rules import (
    PaymentFact,
    RefundFact,
    Verdict,
    attempt_after,
    differences,
    judge,
    refund_after,
)
from yundian.payments.states import OrphanReason, OrphanStatus, PaymentState, RefundState
from yundian.payments.types import AttemptView, OrphanView, PaymentStanding, PaymentView, RefundView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door

CLOSED_AT_ONCE = 1_000

_ORPHANING = {
    Verdict.LATE: OrphanReason.LATE,
    Verdict.DUPLICATE: OrphanReason.DUPLICATE,
    Verdict.MISMATCH: OrphanReason.MISMATCH,
    Verdict.UNKNOWN: OrphanReason.UNKNOWN,
}


class _Changes:
    """What a batch of facts comes to, collected in memory and written at its end."""

    def __init__(self) -> None:
        self.attempts: dict[uuid.UUID, AttemptView] = {}
        self.captured: dict[uuid.UUID, tuple[PaymentView, AttemptView]] = {}
        self.orphans: list[OrphanView] = []
        self.payments: dict[uuid.UUID, PaymentView] = {}

    def take(self, fact: PaymentFact, trade: Trade | None) -> Verdict:
        """Apply one fact."""
        if trade is None:
            is_money = fact.standing is PaymentStanding.PAID
            if is_money:
                self._orphan(fact, Verdict.UNKNOWN, None, "")
            return Verdict.UNKNOWN if is_money else Verdict.NOTHING
        payment = self.payments.setdefault(trade.payment.id, trade.payment)
        attempt = self.attempts.get(trade.attempt.id, trade.attempt)
        wrong = differences(fact, payment=payment, merchant_id=trade.merchant_id, app_id=trade.app_id)
        verdict = judge(fact, attempt=attempt, payment=payment, is_matching=not wrong)
        if verdict is Verdict.NOTHING:
            return verdict
        self.attempts[attempt.id] = after = attempt_after(fact, attempt, verdict)
        if verdict is Verdict.CAPTURED:
            paid = msgspec.structs.replace(
                payment, state=PaymentState.SUCCEEDED, captured_minor=payment.amount_minor, paid_at=fact.paid_at
            )
            self.payments[payment.id] = paid
            self.captured[payment.id] = (paid, after)
        elif verdict in _ORPHANING:
            self._orphan(fact, verdict, payment, ", ".join(wrong))
        return verdict

    def _orphan(self, fact: PaymentFact, verdict: Verdict, payment: PaymentView | None, detail: str) -> None:
        self.orphans.append(
            OrphanView(
                id=new_id(),
                reason=_ORPHANING[verdict],
                status=OrphanStatus.OPEN,
                provider=fact.provider,
                account_id=fact.account_id,
                out_trade_no=fact.out_trade_no,
                provider_ref=fact.provider_ref,
                amount_minor=fact.amount_minor or 0,
                currency=fact.currency or "CNY",
                detail=detail[:200],
                payment_id=payment.id if payment else None,
                linked_payment_id=None,
                reserved_minor=0,
                refunded_minor=0,
                paid_at=fact.paid_at,
                created_at=clock.now(),
            )
        )


async def settle_payments(door: Door, *, facts: Sequence[PaymentFact]) -> list[Verdict]:
    """Apply what was said of payments, in order; the verdicts. Records captured and orphaned.

    The payments must be locked (``lock``).
    """
    if not facts:
        return []
    known = await trades.trades(door, numbers=sorted({fact.out_trade_no for fact in facts}))
    changes = _Changes()
    verdicts = [changes.take(fact, known.get(fact.out_trade_no)) for fact in facts]
    if changes.attempts:
        await trades.write_attempts(door, changed=list(changes.attempts.values()))
    if changes.captured:
        await trades.capture(door, paid=[paid for paid, _ in changes.captured.values()])
        step("payments.captured")
    events = [_captured(paid, attempt) for paid, attempt in changes.captured.values()]
    await outbox.record(door, *events, *await keep_orphans(door, changes.orphans, changes.payments))
    return verdicts


async def keep_orphans(
    door: Door, found: Sequence[OrphanView], payments: dict[uuid.UUID, PaymentView]
) -> list[PaymentOrphaned]:
    """Store those that are new; their events, not recorded yet."""
    if not found:
        return []
    added = await orphans.add_orphans(door, found=found)
    return [
        PaymentOrphaned(
            orphan_id=one.id,
            reason=one.reason.value,
            payment_id=one.payment_id,
            subject_type=payments[one.payment_id].subject_type if one.payment_id else "",
            subject_id=payments[one.payment_id].subject_id if one.payment_id else None,
            amount_minor=one.amount_minor,
            currency=one.currency,
            paid_at=one.paid_at,
        )
        for one in found
        if one.id in added
    ]


async def lock(door: Door, *, payments: Sequence[str] = (), refund_numbers: Sequence[str] = ()) -> None:
    """Lock all payments that these numbers belong to, before anything else in the transaction."""
    await trades.lock_payments_of(door, trade_numbers=payments, refund_numbers=refund_numbers)


async def finish_closing(door: Door, *, now: dt.datetime, limit: int = CLOSED_AT_ONCE) -> int:
    """Close what nobody can pay any more, or no provider answered about in time; how many. Records closed."""
    closed = await trades.finish_closing(door, now=now, limit=limit)
    await outbox.record(
        door,
        *(
            PaymentClosed(payment_id=one.id, subject_type=one.subject_type, subject_id=one.subject_id)
            for one in closed
        ),
    )
    return len(closed)


async def settle_refunds(door: Door, *, facts: Sequence[RefundFact]) -> None:
    """Apply what was answered about refunds. Records refunded and refund_abnormal.

    The payments must be locked (``lock``).
    """
    if not facts:
        return
    known = await refunds.lock_refunds(door, numbers=sorted({fact.out_refund_no for fact in facts}))
    changed: dict[uuid.UUID, RefundView] = {}
    for fact in facts:
        before = known.get(fact.out_refund_no)
        if before is None:
            continue
        after = refund_after(fact, before)
        if after is not before:
            known[fact.out_refund_no] = changed[after.id] = after
    if not changed:
        return
    await refunds.write_refunds(door, changed=list(changed.values()))
    step("payments.refund_settled")
    await book_refunds(door, ended=list(changed.values()))


async def book_refunds(door: Door, *, ended: Sequence[RefundView]) -> None:
    """Count refunds that just ended against their payment or orphan."""
    for table, column in (("payments_payment", "payment_id"), ("payments_orphan", "orphan_id")):
        moves = [
            (getattr(one, column), amount, released)
            for one in ended
            if getattr(one, column) is not None
            for amount, released in [_booking(one)]
            if amount or released
        ]
        if moves:
            await refunds.book(door, table=table, moves=moves)
    await outbox.record(door, *[event for one in ended if (event := await _refund_event(door, one)) is not None])


def _booking(refund: RefundView) -> tuple[int, int]:
    if refund.state is RefundState.SUCCEEDED:
        return refund.amount_minor, 0
    return 0, refund.amount_minor if refund.state is RefundState.CLOSED else 0


async def _refund_event(door: Door, refund: RefundView) -> PaymentRefunded | RefundAbnormal | None:
    if refund.state is RefundState.ABNORMAL:
        return RefundAbnormal(
            refund_id=refund.id,
            payment_id=refund.payment_id,
            amount_minor=refund.amount_minor,
            currency=refund.currency,
            failure=refund.failure,
        )
    if refund.state is not RefundState.SUCCEEDED or refund.payment_id is None:
        return None
    payment = await trades.payment(door, payment_id=refund.payment_id)
    if payment is None:
        return None
    return PaymentRefunded(
        refund_id=refund.id,
        payment_id=payment.id,
        subject_type=payment.subject_type,
        subject_id=payment.subject_id,
        amount_minor=refund.amount_minor,
        refunded_minor=payment.refunded_minor,
        currency=refund.currency,
        refunded_at=refund.refunded_at or clock.now(),
    )


def _captured(paid: PaymentView, attempt: AttemptView) -> PaymentCaptured:
    return PaymentCaptured(
        payment_id=paid.id,
        subject_type=paid.subject_type,
        subject_id=paid.subject_id,
        amount_minor=paid.captured_minor,
        currency=paid.currency,
        provider=attempt.provider.value,
        paid_at=paid.paid_at or clock.now(),
    )
