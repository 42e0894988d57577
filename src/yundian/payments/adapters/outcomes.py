"""From what happened on the way to what the port says, and one line of log without a body."""

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from yundian.payments.adapters.guard import InDoubt, NotSent
from yundian.payments.types import OutcomeUnknown, PayOrder, Provider, RefundOrder, Refused

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.payments")

T = TypeVar("T")
CURRENCY_NOT_OFFERED = Refused(code="currency_not_offered")
AMOUNT_NOT_OFFERED = Refused(code="amount_not_offered")
Trouble = Refused | OutcomeUnknown


async def told(
    provider: Provider, merchant_id: str, operation: str, call: Callable[[], Awaitable[T]]
) -> T | Refused | OutcomeUnknown:
    """Make the call. Nothing sent is a retryable refusal; anything later is in doubt."""
    began = time.perf_counter()
    result: T | Refused | OutcomeUnknown
    try:
        result = await call()
    except NotSent as error:
        result = Refused(code=error.reason, retryable=True)
    except InDoubt as error:
        result = OutcomeUnknown(reason=error.reason)
    duration_ms = round((time.perf_counter() - began) * 1000, 1)
    write = log.warning if isinstance(result, OutcomeUnknown) else log.info
    write(
        "payments.provider_call",
        provider=provider.value,
        merchant_id=merchant_id,
        operation=operation,
        outcome=_name(result),
        code=getattr(result, "code", None) or getattr(result, "reason", None),
        duration_ms=duration_ms,
    )
    return result


def objection(order: PayOrder | RefundOrder, currency: str) -> Refused | None:
    """What both providers refuse, said without asking them."""
    if order.amount.currency != currency:
        return CURRENCY_NOT_OFFERED
    return AMOUNT_NOT_OFFERED if order.amount.minor <= 0 else None


def _name(result: object) -> str:
    if isinstance(result, Refused):
        return "refused"
    return "unknown" if isinstance(result, OutcomeUnknown) else "done"
