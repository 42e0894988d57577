"""Everything that waits is asked about: lost notices, lost answers, expired payments, refunds."""

import asyncio
import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

from yundian.payments.ports import PaymentProvider, Providers
from yundian.payments.repository import trades
from yundian.payments.rules import PaymentFact
from yundian.payments.service import refunding, settling
from yundian.payments.service.accounts import open_accounts
from yundian.payments.states import LIVE_ATTEMPTS, PaymentState
from yundian.payments.types import (
    AlreadyPaid,
    AttemptView,
    PaymentClosed,
    PaymentStanding,
    ProviderAccount,
    ProviderPayment,
    QueryResult,
)
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database

BATCH = 100
# What nobody tried to pay needs no provider: a sale's unpaid orders end together.
EXPIRED_AT_ONCE = settling.CLOSED_AT_ONCE
# A provider takes some 150 refunds a second of one merchant; one round every five seconds stays well below.
REFUNDS_A_ROUND = 250
# Below the limit of a provider's client: payers who start go first.
AT_ONCE = 8
# After its end an attempt is looked at until a definite answer came.
_STILL_OPEN = frozenset({PaymentStanding.WAITING, PaymentStanding.ABSENT})

Due = Sequence[tuple[AttemptView, PaymentState]]


async def sweep(
    database: Database,
    *,
    keyring: Keyring,
    providers: Providers,
    brand_id: uuid.UUID,
    now: dt.datetime | None = None,
    limit: int = BATCH,
    refunds: int = REFUNDS_A_ROUND,
) -> int:
    """One round for one brand: close what expired, ask about what is due.

    How many expired or were asked about, whichever are more: fewer than ``limit`` when nothing is left.
    """
    at = now or clock.now()
    async with database.connection(brand_id) as tx:
        expired = await trades.begin_closing_expired(tx, now=at, limit=EXPIRED_AT_ONCE)
        due = await trades.claim_due(tx, now=at, limit=limit)
        accounts = await open_accounts(tx, keyring=keyring, ids={attempt.account_id for attempt, _ in due})
    await _look(database, providers, brand_id, due, accounts, at)
    await _finish_closing(database, brand_id, at)
    await refunding.sweep(database, keyring=keyring, providers=providers, brand_id=brand_id, limit=refunds, now=at)
    return max(len(due), expired)


async def look_at(
    database: Database, *, keyring: Keyring, providers: Providers, brand_id: uuid.UUID, payment_id: uuid.UUID
) -> None:
    """Ask about one payment now: its payer came back, or somebody wants it closed."""
    now = clock.now()
    async with database.connection(brand_id) as tx:
        due = await trades.claim_of(tx, payment_id=payment_id, now=now, limit=BATCH)
        accounts = await open_accounts(tx, keyring=keyring, ids={attempt.account_id for attempt, _ in due})
    await _look(database, providers, brand_id, due, accounts, now)
    await _finish_closing(database, brand_id, now)


async def _finish_closing(database: Database, brand_id: uuid.UUID, now: dt.datetime) -> None:
    """By itself: a transaction that holds some payments must not reach for others out of order."""
    async with database.connection(brand_id) as tx:
        await settling.finish_closing(tx, now=now)


async def _look(
    database: Database,
    providers: Providers,
    brand_id: uuid.UUID,
    due: Due,
    accounts: Mapping[uuid.UUID, ProviderAccount],
    now: dt.datetime,
) -> None:
    if not due:
        return
    step("payments.attempts_claimed")
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(attempt: AttemptView, state: PaymentState) -> ProviderPayment | None:
        async with slots:
            return await _ask(providers.of(accounts[attempt.account_id]), attempt, state)

    answers = await asyncio.gather(*(ask(attempt, state) for attempt, state in due))
    step("payments.attempts_answered")
    told = [(attempt, found) for (attempt, _), found in zip(due, answers, strict=True) if found is not None]
    facts = [payment_fact(attempt, accounts[attempt.account_id], found) for attempt, found in told]
    async with database.connection(brand_id) as tx:
        await settling.lock(tx, payments=[fact.out_trade_no for fact in facts])
        await settling.settle_payments(tx, facts=facts)
        over = [
            attempt.id for attempt, _ in told if attempt.state not in LIVE_ATTEMPTS and attempt.expires_at <= now
        ]
        await trades.stop_looking(tx, attempt_ids=over)
    step("payments.attempts_recorded")


async def _ask(client: PaymentProvider, attempt: AttemptView, state: PaymentState) -> ProviderPayment | None:
    """What the provider knows; closed there too when it should not be paid any more. ``None``: ask later."""
    found = _known(await client.query(attempt.out_trade_no))
    is_over = state is not PaymentState.PENDING and attempt.state in LIVE_ATTEMPTS
    if found is None or not is_over or found.standing not in _STILL_OPEN:
        return found
    step("payments.closing_at_provider")
    closed = await client.close(attempt.out_trade_no)
    step("payments.closed_at_provider")
    if isinstance(closed, AlreadyPaid):
        return _known(await client.query(attempt.out_trade_no))
    if not isinstance(closed, PaymentClosed):
        return None
    return ProviderPayment(
        standing=PaymentStanding.CLOSED,
        out_trade_no=attempt.out_trade_no,
        merchant_id=found.merchant_id,
        app_id=found.app_id,
    )


def _known(result: QueryResult) -> ProviderPayment | None:
    return result if isinstance(result, ProviderPayment) else None


def payment_fact(attempt: AttemptView, account: ProviderAccount, found: ProviderPayment) -> PaymentFact:
    """An answer as a fact; where it names no merchant, it is the one that was asked."""
    return PaymentFact(
        account_id=attempt.account_id,
        provider=attempt.provider,
        out_trade_no=attempt.out_trade_no,
        standing=found.standing,
        merchant_id=found.merchant_id or account.merchant_id,
        app_id=found.app_id or account.app_id,
        provider_ref=found.provider_ref,
        amount_minor=found.amount.minor if found.amount else None,
        currency=found.amount.currency if found.amount else None,
        paid_at=found.paid_at,
    )
