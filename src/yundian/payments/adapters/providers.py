"""The clients of payment providers that one process keeps, made when the first payment needs one.

The SDKs and the HTTP client weigh about 20 MiB: a process that takes no payments does not load them.
"""

from typing import Protocol

from yundian.payments.adapters.guard import Limits
from yundian.payments.ports import PaymentProvider
from yundian.payments.types import ProviderAccount


class _Clients(Protocol):
    def of(self, account: ProviderAccount) -> PaymentProvider: ...

    async def aclose(self) -> None: ...


class ProviderPool:
    """One per process and event loop; connections open on first use, ``aclose`` ends them."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._clients: _Clients | None = None

    def of(self, account: ProviderAccount) -> PaymentProvider:
        """The client of an account. Raises ``BadCredentials``."""
        if self._clients is None:
            from yundian.payments.adapters.clients import Clients  # noqa: PLC0415  see the top of this file

            self._clients = Clients(self._limits)
        return self._clients.of(account)

    async def aclose(self) -> None:
        if self._clients is not None:
            await self._clients.aclose()
