"""The clients of payment providers: everything that needs the SDKs and the HTTP client."""

import anyio

from yundian.payments.adapters.alipay.provider import AlipayProvider
from yundian.payments.adapters.guard import Limits
from yundian.payments.adapters.transport import Transport
from yundian.payments.adapters.wechat.provider import WeChatPayProvider
from yundian.payments.ports import PaymentProvider
from yundian.payments.types import ProviderAccount, WeChatPayAccount

# Signing releases the interpreter lock; more threads than this only add lag.
_SIGNING_THREADS = 2


class Clients:
    """One client an account; connections open on first use, ``aclose`` ends them."""

    def __init__(self, limits: Limits) -> None:
        self._transport = Transport(limits)
        self._signers = anyio.CapacityLimiter(_SIGNING_THREADS)
        self._providers: dict[tuple[str, ...], tuple[ProviderAccount, PaymentProvider]] = {}

    def of(self, account: ProviderAccount) -> PaymentProvider:
        """The client of an account; replaced keys replace the client. Raises ``BadCredentials``."""
        name = (account.provider.value, account.app_id, account.merchant_id)
        known = self._providers.get(name)
        if known is None or known[0] != account:
            known = self._providers[name] = (account, self._make(account))
        return known[1]

    def _make(self, account: ProviderAccount) -> PaymentProvider:
        if isinstance(account, WeChatPayAccount):
            return WeChatPayProvider(account, self._transport)
        return AlipayProvider(account, self._transport, self._signers)

    async def aclose(self) -> None:
        await self._transport.aclose()
