"""Notices: verified, stored once, answered; handled afterwards from what was stored."""

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from yundian.payments.errors import BadNotice
from yundian.payments.events import NoticeReceived
from yundian.payments.ports import PaymentProvider, Providers
from yundian.payments.repository import notices as repository
from yundian.payments.repository import refunds, trades
from yundian.payments.repository.notices import NoticeRow
from yundian.payments.rules import PaymentFact
from yundian.payments.service import settling
from yundian.payments.service.accounts import open_accounts
from yundian.payments.states import OrphanReason, OrphanStatus
from yundian.payments.types import (
    Acknowledgement,
    OrphanView,
    PaymentStanding,
    Provider,
    VerifiedNotice,
)
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.db.database import Database, Tx
from yundian.platform.outbox import outbox

_PURPOSE = "payments.notice"
_NOT_TAKEN = {
    Provider.WECHAT: Acknowledgement(
        body=b"<xml><return_code><![CDATA[FAIL]]></return_code></xml>", media_type="text/xml"
    ),
    Provider.ALIPAY: Acknowledgement(body=b"fail", media_type="text/plain"),
}


class Received(NamedTuple):
    """A request that says it is a notice."""

    provider: Provider
    account_id: uuid.UUID
    body: bytes
    headers: Mapping[str, str]
    trace_parent: str | None = None


async def receive(
    database: Database,
    *,
    keyring: Keyring,
    providers: Providers,
    brand_id: uuid.UUID,
    received: Sequence[Received],
) -> list[Acknowledgement]:
    """Store notices and say what the provider is answered to each. Records notice_received for each new one."""
    unclaimed: list[Received] = []
    answers: list[Acknowledgement] = []
    rows: list[NoticeRow] = []
    traces: dict[uuid.UUID, str | None] = {}
    async with database.connection(brand_id) as tx:
        accounts = await open_accounts(tx, keyring=keyring, ids={one.account_id for one in received})
        for one in received:
            account = accounts.get(one.account_id)
            if account is None or account.provider is not one.provider:
                unclaimed.append(one)
                answers.append(_NOT_TAKEN[one.provider])
                continue
            row, answer = _verified(keyring, providers.of(account), one)
            rows.append(row)
            answers.append(answer)
            traces[row.id] = one.trace_parent
        await store(tx, rows=rows, traces=traces)
    for one in unclaimed:
        await _keep_unclaimed(database, keyring, one.provider, f"{brand_id}/{one.account_id}", one.body)
    if rows:
        step("payments.notice_stored")
    return answers


def _verified(keyring: Keyring, client: PaymentProvider, one: Received) -> tuple[NoticeRow, Acknowledgement]:
    try:
        verified = client.verify_notice(one.body, one.headers)
    except BadNotice as refusal:
        return rejected_row(keyring, one.account_id, one.provider, one.body, refusal.code), client.rejected()
    return notice_row(keyring, one.account_id, one.body, verified), client.accepted()


async def store(tx: Tx, *, rows: Sequence[NoticeRow], traces: Mapping[uuid.UUID, str | None] | None = None) -> int:
    """Store notices, each once, a verified one with the event that gets it handled; how many were new.

    In the order of their references, so that two who store the same ones wait for each other in one direction.
    ``traces``: of the requests that brought them, where they are several.
    """
    if not rows:
        return 0
    ordered = sorted(rows, key=lambda row: (row.account_id, row.ref))
    told = [row.id for row in ordered if row.signature_ok]
    events = [NoticeReceived(notice_id=notice_id) for notice_id in told]
    parents = None if traces is None else [traces.get(notice_id) for notice_id in told]
    return len(await repository.add_notices(tx, rows=ordered, events=events, parents=parents))


def notice_row(keyring: Keyring, account_id: uuid.UUID, body: bytes, verified: VerifiedNotice) -> NoticeRow:
    """What is kept. The payer is in the sealed text only."""
    row = NoticeRow(
        id=new_id(),
        created_at=clock.now(),
        account_id=account_id,
        provider=verified.provider.value,
        kind=verified.kind.value,
        ref="",
        digest=hashlib.sha256(body).digest(),
        sealed=keyring.encrypt(_PURPOSE, body.decode("latin-1")),
        signature_ok=True,
        merchant_id=verified.merchant_id,
        app_id=verified.app_id,
    )
    if (payment := verified.payment) is not None:
        row.out_trade_no, row.standing = payment.out_trade_no, payment.standing.value
        row.provider_ref, row.paid_at = payment.provider_ref, payment.paid_at
        if payment.amount is not None:
            row.amount_minor, row.currency = payment.amount.minor, payment.amount.currency
    if (refund := verified.refund) is not None:
        row.out_trade_no, row.out_refund_no = refund.out_trade_no, refund.out_refund_no
        row.refund_standing, row.refund_ref = refund.standing.value, refund.provider_ref
        row.refunded_at = refund.refunded_at
        row.refund_minor = refund.amount.minor if refund.amount else None
    # The same reference with other facts is another notice: nothing that was said is dropped unread.
    facts = (row.merchant_id, row.app_id, row.out_trade_no, row.amount_minor, row.currency, row.standing)
    row.ref = f"{verified.ref[:120]}:{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}"
    return row


def rejected_row(
    keyring: Keyring, account_id: uuid.UUID, provider: Provider, body: bytes, reason: str
) -> NoticeRow:
    """What could not be believed, kept for whoever looks for the reason."""
    digest = hashlib.sha256(body).digest()
    return NoticeRow(
        id=new_id(),
        created_at=clock.now(),
        account_id=account_id,
        provider=provider.value,
        kind=reason.removeprefix("payments.")[:16],
        ref=f"rejected:{digest.hex()}",
        digest=digest,
        sealed=keyring.encrypt(_PURPOSE, body.decode("latin-1")),
        signature_ok=False,
    )


def body_of(keyring: Keyring, sealed: bytes) -> bytes:
    """The notice as it was received."""
    return keyring.decrypt(_PURPOSE, sealed).encode("latin-1")


async def handle(tx: Tx, *, ids: Sequence[uuid.UUID]) -> None:
    """Apply stored notices: payments by their facts; refunds are asked about, a notice is no proof of one."""
    rows = await repository.notices_to_handle(tx, ids=ids)
    if not rows:
        return
    await settling.lock(
        tx,
        payments=[row.out_trade_no for row in rows],
        refund_numbers=[row.out_refund_no for row in rows if row.out_refund_no],
    )
    about_money = [row for row in rows if row.standing]
    verdicts = await settling.settle_payments(tx, facts=[_fact(row) for row in about_money])
    outcomes = {row.id: verdict.value for row, verdict in zip(about_money, verdicts, strict=True)}
    about_refunds = [row for row in rows if row.out_refund_no]
    if about_refunds:
        outcomes |= await _refunds(tx, about_refunds)
    await repository.handled(tx, outcomes=outcomes)
    step("payments.notice_handled")


async def _refunds(tx: Tx, rows: Sequence[NoticeRow]) -> dict[uuid.UUID, str]:
    numbers = sorted({row.out_refund_no for row in rows})
    known = await refunds.known_numbers(tx, numbers=numbers)
    await refunds.look_soon(tx, numbers=sorted(known), now=clock.now())
    strange = [row for row in rows if row.out_refund_no not in known]
    trades_of = await trades.trades(tx, numbers=[row.out_trade_no for row in strange])
    payments = {trade.payment.id: trade.payment for trade in trades_of.values()}
    found = []
    for row in strange:
        trade = trades_of.get(row.out_trade_no)
        found.append(_unknown_refund(row, trade.payment.id if trade else None))
    await outbox.record(tx, *await settling.keep_orphans(tx, found, payments))
    return {
        row.id: "refund_noted" if row.out_refund_no in known else OrphanReason.UNKNOWN_REFUND.value for row in rows
    }


def _unknown_refund(row: NoticeRow, payment_id: uuid.UUID | None) -> OrphanView:
    return OrphanView(
        id=new_id(),
        reason=OrphanReason.UNKNOWN_REFUND,
        status=OrphanStatus.OPEN,
        provider=Provider(row.provider),
        account_id=row.account_id,
        out_trade_no=row.out_trade_no,
        provider_ref=row.out_refund_no,
        amount_minor=row.refund_minor or 0,
        currency=row.currency or "CNY",
        detail=row.refund_ref,
        payment_id=payment_id,
        linked_payment_id=None,
        reserved_minor=0,
        refunded_minor=0,
        paid_at=row.refunded_at,
        created_at=clock.now(),
    )


def _fact(row: NoticeRow) -> PaymentFact:
    return PaymentFact(
        account_id=row.account_id,
        provider=Provider(row.provider),
        out_trade_no=row.out_trade_no,
        standing=PaymentStanding(row.standing),
        merchant_id=row.merchant_id,
        app_id=row.app_id,
        provider_ref=row.provider_ref,
        amount_minor=row.amount_minor,
        currency=row.currency,
        paid_at=row.paid_at,
    )


async def _keep_unclaimed(
    database: Database, keyring: Keyring, provider: Provider, path: str, body: bytes
) -> None:
    async with database.connection(None) as tx:
        await repository.keep_unclaimed(
            tx,
            provider=provider.value,
            path=path,
            digest=hashlib.sha256(body).digest(),
            sealed=keyring.encrypt(_PURPOSE, body.decode("latin-1")),
            now=clock.now(),
        )
