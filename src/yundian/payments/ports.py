"""What payments needs of a payment provider: one port for all of them."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from yundian.payments.types import (
    Acknowledgement,
    CloseResult,
    OutcomeUnknown,
    PayKind,
    PayOrder,
    Provider,
    ProviderAccount,
    QueryResult,
    RefundOrder,
    RefundResult,
    Refused,
    StartResult,
    VerifiedNotice,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillFile:
    """A day's bill as the provider keeps it."""

    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class BillAbsent:
    """There is none: it is not made yet, or there was no trade that day."""


BillResult = BillFile | BillAbsent | Refused | OutcomeUnknown


class PaymentProvider(Protocol):
    """One merchant's account at one provider.

    Calls never raise for what a provider or a network does: they return a definite success, a definite
    ``Refused``, or ``OutcomeUnknown`` wherever the effect is in doubt. Every reply is verified, and is about the
    number that was asked. No call is made inside a transaction; each ends within a total deadline.
    """

    @property
    def provider(self) -> Provider: ...

    @property
    def kinds(self) -> frozenset[PayKind]:
        """The ways to pay that ``start`` accepts."""
        ...

    async def start(self, order: PayOrder) -> StartResult:
        """Make an order payable. Raises ``KindNotOffered``."""
        ...

    async def query(self, out_trade_no: str) -> QueryResult:
        """Where a payment stands; repeated by itself while the network fails, within the deadline."""
        ...

    async def close(self, out_trade_no: str) -> CloseResult:
        """Let nobody pay any more."""
        ...

    async def refund(self, order: RefundOrder) -> RefundResult:
        """Pay back, whole or in part. ``PROCESSING`` means accepted: ask ``query_refund`` for the end."""
        ...

    async def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        """Where one refund stands."""
        ...

    async def bill(self, day: dt.date) -> BillResult:
        """What was paid and paid back on a day of Beijing's, as the file that the provider keeps of it."""
        ...

    def verify_notice(self, body: bytes, headers: Mapping[str, str]) -> VerifiedNotice:
        """The facts of a notice from its raw bytes. Raises ``BadSignature`` or ``MalformedNotice``."""
        ...

    def accepted(self) -> Acknowledgement:
        """The answer that ends the provider's repetitions; only after the notice is stored."""
        ...

    def rejected(self) -> Acknowledgement:
        """The answer that makes the provider try again later."""
        ...


class Providers(Protocol):
    """The providers' clients of one process: connections, limits and circuit breakers are kept between calls."""

    def of(self, account: ProviderAccount) -> PaymentProvider:
        """The client of one account. Raises ``BadCredentials``."""
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
