"""What ``yundian up`` says once the house answers."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from yundian.app.config import local_host
from yundian.platform.core.settings import Settings

_SANDBOX = (
    ("Sandbox", "/"),
    ("Cashier", "/cashier"),
    ("SMS inbox", "/pages/sms"),
    ("WeChat outbox", "/pages/messages"),
)


class Login(Protocol):
    """One of the demo brand's people."""

    @property
    def label(self) -> str: ...
    @property
    def login(self) -> str: ...
    @property
    def password(self) -> str: ...


class Demo(Protocol):
    """What there is to show: who may sign in, and where to look first (label, path)."""

    @property
    def logins(self) -> Iterable[Login]: ...
    @property
    def addresses(self) -> Iterable[tuple[str, str]]: ...


def show_ready(console: Console, settings: Settings, *, demo: Demo | None, has_sandbox: bool) -> None:
    """Addresses, logins, what the sandbox received, and where the logs are."""
    site = settings.public_url or f"http://{local_host(settings)}:{settings.port}"
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold")
    rows.add_column(overflow="fold")
    rows.add_row("Site", site)
    rows.add_row("API", f"{site}/docs")
    if demo is not None:
        for label, path in demo.addresses:
            rows.add_row(label, f"{site}{path}")
        for person in demo.logins:
            rows.add_row(person.label, f"{person.login}  [dim]password[/]  {person.password}")
    if has_sandbox:
        for label, path in _SANDBOX:
            rows.add_row(label, f"{settings.wechat_url}{path}")
        if demo is not None:
            rows.add_row("Pay", f"{_command()} demo pay --amount 12.80  [dim]in another terminal[/]")
    rows.add_row("Logs", str(settings.var_dir / "log"))
    rows.add_row("Health", f"{_command()} doctor  [dim]in another terminal[/]")
    console.print(Panel(rows, title="Yundian 云店", subtitle="Ctrl-C stops everything", expand=False))


def _command() -> str:
    """How to call us from here."""
    script = Path(sys.executable).parent / "yundian"
    return str(script.relative_to(Path.cwd())) if script.is_relative_to(Path.cwd()) else str(script)
