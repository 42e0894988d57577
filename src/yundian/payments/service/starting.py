"""Asking a provider for money: the row first, the call outside any transaction, the transition after."""

import dataclasses
import datetime as dt
import uuid
from typing import Any

import msgspec

from yundian.payments.errors import (
    NoAccount,
    PaymentEnded,
    PaymentUnknown,
    ProviderRefused,
    ProviderUnavailable,
    SubjectBusy,
)
from yundian.payments.ports import Providers
from yundian.payments.repository import accounts as account_rows
from yundian.payments.repository import opening, trades
from yundian.payments.service.accounts import open_accounts
from yundian.payments.states import LIVE_ATTEMPTS, AttemptState, PaymentState
from yundian.payments.types import (
    AlreadyPaid,
    AttemptView,
    PayKind,
    PaymentView,
    PayOrder,
    Provider,
    ProviderAccount,
    Refused,
    Started,
    StartResult,
)
from yundian.platform.core import clock
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.money import Money
from yundian.platform.core.steps import step
from yundian.platform.db.services import Services
from yundian.platform.outbox.door import Door

NUMBER_LENGTH = 24
_CLIENT = "payments.client"
_PAYER = "payments.payer"
# WeChat's addresses for phones live five minutes, its other parameters two hours.
_FRESH = {PayKind.WAP: dt.timedelta(minutes=4)}
_FRESH_ELSE = dt.timedelta(minutes=90)


def new_payment(
    keyring: Keyring,
    *,
    payment_id: uuid.UUID,
    subject_type: str,
    subject_id: uuid.UUID,
    amount: Money,
    description: str,
    expires_at: dt.datetime,
    return_path: str,
    payer: str,
) -> dict[str, Any]:
    """The columns of a payment that nobody paid yet."""
    return {
        "id": payment_id,
        "created_at": clock.now(),
        "subject_type": subject_type,
        "subject_id": subject_id,
        "description": description[:120],
        "return_path": return_path,
        "amount_minor": amount.minor,
        "currency": amount.currency,
        "expires_at": expires_at,
        "payer_sealed": keyring.encrypt(_PAYER, payer) if payer else None,
    }


async def open_payment(door: Door, *, values: dict[str, Any]) -> PaymentView:
    """The subject's payment; made of ``new_payment`` unless it has one of the same amount that lives."""
    made = await opening.add_payment(door, values=values)
    if made is not None:
        return made
    subject_type, subject_id = values["subject_type"], values["subject_id"]
    found = await trades.payment_of_subject(door, subject_type=subject_type, subject_id=subject_id)
    wanted = (values["amount_minor"], values["currency"])
    if found is None or (found.amount_minor, found.currency) != wanted:
        raise SubjectBusy(subject_type=subject_type, subject_id=str(subject_id))
    return found


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Call:
    """What the call needs of the transaction before it."""

    attempt: AttemptView
    account: ProviderAccount
    payment: PaymentView
    payer: str
    known: Started | None


async def start(
    services: Services,
    *,
    providers: Providers,
    brand_id: uuid.UUID,
    payment_id: uuid.UUID,
    provider: Provider,
    kind: PayKind,
    client_ip: str,
    return_url: str = "",
) -> Started:
    """What the payer's browser needs to pay in this way. Starting again gives the same, under the same number.

    Raises:
        PaymentEnded: paid, closed or expired.
        ProviderRefused: a definite no. ProviderUnavailable: try again, nothing is lost.
    """
    async with services.database.connection(brand_id) as tx:
        call = await _prepare(tx, services.keyring, payment_id, provider, kind)
    if call.known is not None:
        return call.known
    step("payments.attempt_stored")
    order = PayOrder(
        kind=kind,
        out_trade_no=call.attempt.out_trade_no,
        amount=Money(call.payment.amount_minor, call.payment.currency),
        subject=call.payment.description,
        notify_url=notify_url(services.settings.base_url, brand_id, call.attempt),
        expires_at=call.payment.expires_at,
        client_ip=client_ip,
        payer=call.payer,
        return_url=return_url,
    )
    result = await providers.of(call.account).start(order)
    step("payments.started_at_provider")
    async with services.database.connection(brand_id) as tx:
        await _record(tx, services.keyring, call.attempt, result)
    step("payments.start_recorded")
    return _answer(result)


def notify_url(base_url: str, brand_id: uuid.UUID, attempt: AttemptView) -> str:
    return f"{base_url}/pay/notices/{attempt.provider.value}/{brand_id}/{attempt.account_id}"


async def _prepare(
    door: Door, keyring: Keyring, payment_id: uuid.UUID, provider: Provider, kind: PayKind
) -> _Call:
    now = clock.now()
    found = await trades.payment_now(door, payment_id=payment_id, lock=True)
    if found is None:
        raise PaymentUnknown
    payment, moment = found
    if payment.state is not PaymentState.PENDING or payment.expires_at <= moment:
        raise PaymentEnded(state=payment.state.value)
    account_id = await account_rows.active(door, provider=provider)
    if account_id is None:
        raise NoAccount(provider=provider.value)
    attempt = await _attempt(door, payment, account_id, provider, kind, now)
    accounts = await open_accounts(door, keyring=keyring, ids=[attempt.account_id])
    sealed = await trades.payer_of(door, payment_id=payment_id)
    return _Call(
        attempt=attempt,
        account=accounts[attempt.account_id],
        payment=payment,
        payer=keyring.decrypt(_PAYER, sealed) if sealed else "",
        known=await _known(door, keyring, attempt, now),
    )


async def _attempt(
    door: Door, payment: PaymentView, account_id: uuid.UUID, provider: Provider, kind: PayKind, now: dt.datetime
) -> AttemptView:
    """The attempt of this kind that lives: an order is asked for again under its own number, never a new one."""
    for found in await trades.attempts(door, payment_id=payment.id):
        if (found.account_id, found.kind) == (account_id, kind) and found.state in LIVE_ATTEMPTS:
            return found
    return await trades.add_attempt(
        door,
        attempt_id=new_id(),
        payment=payment,
        account_id=account_id,
        provider=provider,
        kind=kind,
        out_trade_no="Y" + readable_code(NUMBER_LENGTH),
        now=now,
    )


async def _known(door: Door, keyring: Keyring, attempt: AttemptView, now: dt.datetime) -> Started | None:
    if now - attempt.created_at > _FRESH.get(attempt.kind, _FRESH_ELSE):
        return None
    sealed = await trades.client_of(door, attempt_id=attempt.id)
    return msgspec.json.decode(keyring.decrypt(_CLIENT, sealed), type=Started) if sealed else None


async def _record(door: Door, keyring: Keyring, attempt: AttemptView, result: StartResult) -> None:
    now = clock.now()
    if isinstance(result, Started):
        text = msgspec.json.encode(result).decode()
        await trades.started(door, attempt_id=attempt.id, client_sealed=keyring.encrypt(_CLIENT, text))
    elif isinstance(result, Refused):
        if not result.retryable:
            await trades.not_started(
                door,
                attempt_id=attempt.id,
                state=AttemptState.FAILED,
                failure=result.code,
                next_poll_at=attempt.expires_at,
            )
    elif isinstance(result, AlreadyPaid):
        await trades.look_soon(door, numbers=[attempt.out_trade_no], now=now)
    else:
        await trades.not_started(
            door,
            attempt_id=attempt.id,
            state=AttemptState.UNKNOWN,
            failure=result.reason,
            next_poll_at=now + dt.timedelta(seconds=2),
        )


def _answer(result: StartResult) -> Started:
    if isinstance(result, Started):
        return result
    if isinstance(result, AlreadyPaid):
        raise PaymentEnded(state="paid")
    if isinstance(result, Refused) and not result.retryable:
        raise ProviderRefused(reason=result.code)
    raise ProviderUnavailable


async def begin_closing(door: Door, *, payment_id: uuid.UUID) -> bool:
    """Let nobody pay any more, as soon as the providers agree; whether there was anything to close."""
    return await trades.begin_closing(door, now=clock.now(), payment_id=payment_id)


async def has_payer(door: Door, *, payment_id: uuid.UUID) -> bool:
    """Whether it is known who pays inside WeChat."""
    return await trades.payer_of(door, payment_id=payment_id) is not None
