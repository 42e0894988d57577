"""What every part of the sandbox works with."""

import asyncio
from dataclasses import dataclass, field

from yundian.sandbox.accounts import Accounts
from yundian.sandbox.clock import SandboxClock
from yundian.sandbox.config import SandboxConfig
from yundian.sandbox.faults import Faults
from yundian.sandbox.store import Store


@dataclass
class Sandbox:
    """One sandbox: its settings, memory, accounts, clocks and switches. ``wake`` stirs the courier."""

    config: SandboxConfig
    store: Store
    accounts: Accounts
    clock: SandboxClock
    faults: Faults
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def seed(self) -> str:
        return self.config.seed


def open_sandbox(config: SandboxConfig) -> Sandbox:
    """Open the books (made on first use) and the accounts."""
    store = Store(config.folder / "books.sqlite3")
    accounts = Accounts(config)
    return Sandbox(config=config, store=store, accounts=accounts, clock=SandboxClock(store), faults=Faults(store))
